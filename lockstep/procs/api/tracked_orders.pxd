cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from lockstep.core.intake.orders cimport ClientOrders
from lockstep.procs.api.list_names cimport ListNames

cdef enum:
    ACCOUNTS = 65536
    OPEN = 0
    CLOSED = 1

# What the api knows of an order besides what the table of orders has, at the same place.
cdef struct Tracked:
    uint64_t order_id        # 0: nothing is tracked here
    uint64_t created_ns
    uint64_t updated_ns
    uint64_t updated_seq     # the command of its last event
    uint64_t mate_id         # the other order of its list; 0: it is in none
    int64_t prevented_lots   # what self-trade prevention took off it
    uint64_t prevented_match  # the last one that did; 0: none
    uint32_t account
    uint32_t newer           # places of the account's orders of the same chain, 0: none
    uint32_t older
    uint8_t chain            # OPEN or CLOSED
    uint8_t self_trade
    uint8_t list_kind        # 0: it is in none
    uint8_t end_reason       # of CancelReason; 0: it was not cancelled


@cython.final
cdef class TrackedOrders:
    cdef ClientOrders orders
    cdef readonly ListNames list_names  # of the lists of which an order is tracked
    cdef Tracked *tracked
    cdef uint64_t places
    cdef uint32_t *newest[2]           # by account
    cdef uint32_t *open_counts         # by account
    cdef Tracked *at(self, uint32_t place) noexcept nogil
    cdef int begin(self, uint32_t place, uint64_t time_ns, uint64_t seq) except -1 nogil
    cdef void update(self, uint32_t place, uint64_t time_ns, uint64_t seq) noexcept nogil
    cdef uint64_t forgotten_seq(self) noexcept nogil
    cdef void link(self, uint32_t place, uint8_t chain) noexcept nogil
    cdef void unlink(self, uint32_t place) noexcept nogil
    cdef int reach(self, uint32_t place) except -1 nogil
