from libc.stdint cimport uint8_t, uint32_t, uint64_t

from procs.matcher.orders cimport Orders

# An order that a sweep comes to, if it is still open then.
cdef struct Swept:
    uint64_t order_id
    uint32_t instrument

# Which orders a sweep takes. 0: any.
cdef struct Wanted:
    uint32_t instrument
    uint32_t account
    uint8_t side
    uint8_t flags           # of Order: one of them
    bint spares_halted      # not what is in an instrument that is halted

# Orders that one command ends, by order id. It may wait for slots in the event ring, between any two.
cdef struct Sweep:
    Swept *found
    uint64_t count
    uint64_t capacity
    uint64_t next
    uint8_t reason

cdef int sweep_open(Sweep *sweep) except -1
cdef void sweep_close(Sweep *sweep) noexcept
cdef void sweep_begin(Sweep *sweep, uint8_t reason) noexcept nogil
cdef int sweep_all(Sweep *sweep, Orders orders, const Wanted *wanted) except -1 nogil
cdef int sweep_ladder(Sweep *sweep, Orders orders, const Wanted *wanted, int ladder) except -1 nogil
cdef int sweep_expired(Sweep *sweep, Orders orders, uint64_t time_ns) except -1 nogil
cdef void sweep_sort(Sweep *sweep) noexcept nogil
cdef uint32_t sweep_next(Sweep *sweep, Orders orders) noexcept nogil
cdef int sweep_abandon(Sweep *sweep, Orders orders) except -1 nogil
