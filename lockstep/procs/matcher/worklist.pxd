from libc.stdint cimport uint8_t, uint32_t, uint64_t

from lockstep.procs.matcher.orders cimport Orders

# An order to take, if it is still open by then.
cdef struct WorklistItem:
    uint64_t order_id
    uint32_t instrument

# Which orders are collected. 0: any.
cdef struct OrderFilter:
    uint32_t instrument
    uint32_t account
    uint8_t side
    uint8_t flags           # of Order: one of them
    bint spares_halted      # except in halted instruments

# The orders that one command ends or wakes, by order id. Between any two, it may wait for slots in the event ring.
cdef struct Worklist:
    WorklistItem *found
    uint64_t count
    uint64_t capacity
    uint64_t next
    uint8_t reason

cdef int worklist_open(Worklist *worklist) except -1
cdef void worklist_close(Worklist *worklist) noexcept
cdef void worklist_begin(Worklist *worklist, uint8_t reason) noexcept nogil
cdef int worklist_add_all(Worklist *worklist, Orders orders, const OrderFilter *wanted) except -1 nogil
cdef int worklist_add_ladder(Worklist *worklist, Orders orders, const OrderFilter *wanted, int ladder) except -1 nogil
cdef int worklist_add_expired(Worklist *worklist, Orders orders, uint64_t time_ns) except -1 nogil
cdef void worklist_sort(Worklist *worklist) noexcept nogil
cdef uint32_t worklist_next(Worklist *worklist, Orders orders) noexcept nogil
cdef int worklist_abandon(Worklist *worklist, Orders orders) except -1 nogil
