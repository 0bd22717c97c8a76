from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from lockstep.core.tables.index cimport Index, tag_of_serial
from lockstep.core.tables.pool cimport NIL, Pool, pool_at
from lockstep.core.tables.saved cimport Loader, Saver

cdef extern from *:
    ctypedef long long int128 "__int128"

cdef enum:
    ORDER_BUDGET = 1     # leaves and quantity are an amount of the quote asset
    ORDER_OCO = 2        # it and its contingent order exclude each other: one hold, the greater one, is for both
    ORDER_FIRST = 4      # its complete fill makes its contingent order due
    ORDER_IDLE = 8       # it waits for another's fill, with nothing held
    ORDER_DUE = 16       # with ORDER_IDLE: that has come, and it is to be activated
    ORDER_COUNTED = 32   # what it would bring counts for a position limit

# One cache line. Plain orders have no flags and no contingent order.
cdef struct OpenOrder:
    uint64_t order_id
    int64_t price_ticks
    int64_t leaves_lots
    int64_t quantity_lots     # whole quantity, filled part included
    uint32_t ids              # its newest client id; ClientId.link leads to the older ones
    uint32_t payer            # the balance that it is paid with; its account's
    uint32_t pending          # the replaces in flight, oldest first
    uint32_t contingent             # the other order of its list, while both are open
    uint32_t account
    uint16_t instrument
    uint8_t side
    uint8_t flags
    uint8_t ord_type
    uint8_t reserved[3]
    uint32_t id_count         # how many client ids `ids` leads to

# A replace in flight: one cache line. Totals over all of them are kept in the oldest: outcomes come in their order.
cdef struct Pending:
    uint32_t next
    uint32_t id               # the replace's client id
    uint64_t seq
    int64_t price_ticks
    int64_t quantity_lots
    int64_t widest_price      # of all in flight
    int64_t widest_quantity
    uint32_t at_price         # how many have it
    uint32_t at_quantity
    uint32_t newest
    uint32_t reserved

cdef class OpenOrders:
    cdef Pool pool
    cdef Pool replaces
    cdef Index index
    cdef uint32_t find(self, uint64_t order_id) noexcept nogil
    cdef uint32_t add(self, uint64_t order_id) except 0 nogil
    cdef void remove(self, uint32_t item) noexcept nogil
    cdef int add_replace(
        self, uint32_t item, uint32_t id, uint64_t seq, int64_t price, int64_t quantity
    ) except -1 nogil
    cdef uint32_t end_replace(self, uint32_t item, uint64_t seq) noexcept nogil
    cdef void sum_up(self, uint32_t first) noexcept nogil
    cdef int64_t newest_price(self, uint32_t item) noexcept nogil
    cdef void join(self, uint32_t first, uint32_t second) noexcept nogil
    cdef uint64_t digest_of(self, uint32_t item) noexcept nogil
    cdef int save(self, Saver saver) except -1
    cdef int load(self, Loader loader) except -1


cdef inline OpenOrder *order_at(OpenOrders orders, uint32_t item) noexcept nogil:
    return <OpenOrder *> pool_at(&orders.pool, item)


cdef inline Pending *replace_at(OpenOrders orders, uint32_t item) noexcept nogil:
    return <Pending *> pool_at(&orders.replaces, item)


cdef inline uint32_t tag_of_order(OpenOrders orders, uint64_t order_id) noexcept nogil:
    return tag_of_serial(&orders.index, order_id)


cdef inline void widest_terms(
    OpenOrders orders, const OpenOrder *order, int64_t *price_ticks, int64_t *leaves_lots
) noexcept nogil:
    """The highest price and the most leaves over an order's terms and those of all replaces in flight."""
    cdef const Pending *pending
    price_ticks[0] = order.price_ticks
    leaves_lots[0] = order.leaves_lots
    if order.pending != NIL:
        pending = replace_at(orders, order.pending)
        price_ticks[0] = max(order.price_ticks, pending.widest_price)
        leaves_lots[0] = max(order.quantity_lots, pending.widest_quantity) - (order.quantity_lots - order.leaves_lots)
