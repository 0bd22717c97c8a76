cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from lockstep.core.edge.released_events cimport RINGS
from lockstep.core.intake.orders cimport ClientOrder, FurtherTerms
from lockstep.core.schema.records cimport RECORD_SIZE, EventRecord
from lockstep.procs.api.tracked_orders cimport ACCOUNTS, Tracked

cdef enum:
    OPERATORS_CHAIN = ACCOUNTS         # of what operators are told, beside the accounts' own
    CHAINS = ACCOUNTS + 1

# What of an event's tellings it is, within its position.
cdef enum:
    PART_FIRST = 0
    PART_SECOND = 1                    # of a trade: the seller's side
    PART_OPERATORS = 2

# Where an event stands: tellings are ordered by both numbers, the first one first.
cdef struct Position:
    uint64_t seq                       # of the command that caused it
    uint64_t within                    # ring, number and part

# An event as an account is told of it, and its order as it stood then.
cdef struct Recent:
    uint64_t older                     # number of the event before it in its account's chain of its ring; 0: none
    uint64_t newer                     # and of the one after it
    uint64_t entered_ns
    uint64_t list_id
    ClientOrder order                  # order id 0: it is about no order
    FurtherTerms further
    char record[RECORD_SIZE]
    uint32_t account
    uint8_t ring
    uint8_t part
    uint8_t self_trade
    uint8_t reserved


@cython.final
cdef class RecentEvents:
    cdef uint64_t most
    cdef Recent *items
    cdef uint64_t count                # ever: event n is at (n - 1) % most
    cdef uint64_t *newest              # by chain and ring
    cdef Position *forgotten           # by chain: the last one that is not kept
    cdef uint8_t *watched              # by chain: 0, or 1, or 2 once it is noted
    cdef uint32_t *noted               # chains that were watched, and have news
    cdef uint32_t noted_count
    cdef readonly uint64_t told        # commands up to here have no more events than are here
    cdef public object wake            # called where there is news for those who watch; None: nobody does
    cdef void add(
        self, uint32_t account, int ring, const EventRecord *event, const ClientOrder *order, const Tracked *tracked,
        const FurtherTerms *further, int part
    ) noexcept nogil
    cdef Recent *kept(self, uint64_t number) noexcept nogil
    cdef void forget(self, const Recent *recent) noexcept nogil
    cdef void link(self, Recent *recent) noexcept nogil
    cdef void reached(self, uint64_t seq) noexcept nogil


@cython.final
cdef class Cursor:
    cdef RecentEvents events
    cdef Position position
    cdef list chains
    cdef uint32_t steps                # back along chains, since it was asked for something
    cdef uint64_t last[2][RINGS]       # by chain: the last event at or before the position
    cdef uint64_t upcoming[2][RINGS]   # the one behind it, once it was looked for; 0: none was there
    cdef const Recent *recent          # that `next` came to
    cdef readonly bint is_early        # whether there are events that may not be told yet
    cdef uint64_t after(self, int place, int ring) except? 0
    cdef uint64_t first_after(self, uint64_t newest) except? 0
