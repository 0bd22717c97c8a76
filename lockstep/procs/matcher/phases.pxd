from libc.stdint cimport uint8_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport LimitsRecord
from lockstep.procs.matcher.auction cimport Uncrossing
from lockstep.procs.matcher.orders cimport Listing, Orders
from lockstep.procs.matcher.worklist cimport Worklist

# A change of an instrument's phase. It may wait for slots in the event ring, between any two of its events.
cdef struct Change:
    uint32_t instrument
    uint8_t phase
    uint8_t old_phase
    uint8_t reason
    Uncrossing auction

cdef void set_limits(Orders orders, const LimitsRecord *command) noexcept nogil
cdef bint begin_change(
    Orders orders, Change *change, uint32_t instrument, uint8_t phase, uint8_t reason
) noexcept nogil
cdef bint ends_in_trades(const Change *change) noexcept nogil
cdef void announce(Orders orders, Change *change) noexcept nogil
cdef int collect_ended(Orders orders, const Change *change, Worklist *worklist) except -1 nogil
cdef int collect_closed(Orders orders, const Change *change, Worklist *worklist) except -1 nogil
cdef int collect_awaited(Orders orders, const Change *change, Worklist *worklist) except -1 nogil
cdef bint volatility_ends(const Listing *listing, uint64_t time_ns) noexcept nogil
cdef void indicate(Orders orders, uint32_t instrument) noexcept nogil
cdef uint64_t listings_due(Orders orders) noexcept nogil
