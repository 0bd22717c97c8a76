from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from procs.router.pool cimport Pool, Table

cdef extern from *:
    ctypedef long long int128 "__int128"

cdef struct Order:
    uint32_t next
    uint32_t ids              # its newest client id; ClientId.link leads to the older ones
    uint64_t order_id
    int64_t price_ticks
    int64_t leaves_lots
    int64_t quantity_lots     # whole quantity, filled part included
    int64_t hold              # smallest units of what it pays with
    uint32_t account
    uint32_t instrument
    uint32_t pending          # the replaces in flight, oldest first
    uint8_t side

cdef struct Pending:
    uint32_t next
    uint32_t id               # the replace's client id
    uint64_t seq
    int64_t price_ticks
    int64_t quantity_lots

cdef class OpenOrders:
    cdef Pool pool
    cdef Pool replaces
    cdef Table table
    cdef uint32_t find(self, uint64_t order_id) noexcept nogil
    cdef uint32_t add(self, uint64_t order_id) except 0 nogil
    cdef void remove(self, uint32_t item) noexcept nogil
    cdef Order *at(self, uint32_t item) noexcept nogil
    cdef Pending *replace_at(self, uint32_t item) noexcept nogil
    cdef int add_replace(
        self, uint32_t item, uint32_t id, uint64_t seq, int64_t price, int64_t quantity
    ) except -1 nogil
    cdef uint32_t end_replace(self, uint32_t item, uint64_t seq) noexcept nogil
    cdef uint64_t state_hash(self) noexcept nogil


cdef inline void widest_terms(
    OpenOrders orders, const Order *order, int64_t *price_ticks, int64_t *leaves_lots
) noexcept nogil:
    """The highest price and the most leaves over an order's terms and those of all replaces in flight."""
    cdef int64_t filled = order.quantity_lots - order.leaves_lots
    cdef uint32_t item = order.pending
    cdef const Pending *pending
    price_ticks[0] = order.price_ticks
    leaves_lots[0] = order.leaves_lots
    while item != 0:
        pending = <const Pending *> (orders.replaces.items + item * sizeof(Pending))
        if pending.price_ticks > price_ticks[0]:
            price_ticks[0] = pending.price_ticks
        if pending.quantity_lots - filled > leaves_lots[0]:
            leaves_lots[0] = pending.quantity_lots - filled
        item = pending.next
