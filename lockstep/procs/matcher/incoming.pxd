from libc.stdint cimport int16_t, int64_t, uint8_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport STP_NONE
from lockstep.core.tables.pool cimport NIL
from lockstep.procs.matcher.bands cimport Band

# The order that is being matched. It may wait for slots in the event ring, between two matches.
cdef struct Incoming:
    uint64_t order_id
    uint32_t instrument
    uint32_t account
    uint32_t item           # of an order that has terms, or was open before; else NIL until it rests
    int64_t price_ticks
    int64_t leaves_lots     # or what is left of its budget
    int64_t filled_lots
    int16_t maker_fee_ppm
    int16_t taker_fee_ppm
    uint8_t side
    uint8_t ord_type
    uint8_t stp
    uint8_t flags           # of Order
    bint rests              # what does not trade goes into the book instead of being cancelled
    bint is_budget
    bint is_careful         # each trade is subject to something: a band, self-trade prevention, a budget
    uint8_t ended           # why the rest is cancelled, once it is to be
    bint has_breached       # it met a band that starts an auction
    bint has_traded
    int64_t first_ticks
    int64_t last_ticks
    Band band
    uint32_t planned        # the level whose rounds have been looked at last; NIL: none (see icebergs)
    uint32_t icebergs       # of that level, which are still to give their `rounds`
    int64_t rounds


cdef inline void be_ready(Incoming *incoming) noexcept nogil:
    """Nothing has happened to the incoming order yet, and only its own mode restricts its trades."""
    incoming.ended = 0
    incoming.has_breached = False
    incoming.has_traded = False
    incoming.planned = NIL
    incoming.icebergs = 0
    incoming.is_careful = incoming.stp > STP_NONE
