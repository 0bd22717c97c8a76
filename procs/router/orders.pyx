"""The open-order table: by order id, the terms that the router holds money for, and the replaces in flight.

It keeps what it is told; the ledger computes holds and decides when an order opens and ends.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from procs.router.pool cimport (
    NIL, head_of, next_of, pool_at, pool_close, pool_give, pool_open, pool_take, scramble, table_check, table_close,
    table_open, table_put, table_remove,
)

cdef enum:
    FIRST_ORDERS = 1 << 16
    FIRST_REPLACES = 1 << 10

assert sizeof(Order) == 64
assert sizeof(Pending) == 32


cdef uint64_t hash_item(const char *item, const uint64_t *secret) noexcept nogil:
    return scramble((<const Order *> item).order_id, secret[0])


cdef class OpenOrders:
    """Open orders by order id. Items are named by index; pointers are void after the next `add`."""

    def __cinit__(self):
        pool_open(&self.pool, sizeof(Order), FIRST_ORDERS)
        pool_open(&self.replaces, sizeof(Pending), FIRST_REPLACES)
        table_open(&self.table, hash_item, FIRST_ORDERS)

    def __dealloc__(self):
        pool_close(&self.pool)
        pool_close(&self.replaces)
        table_close(&self.table)

    cdef Order *at(self, uint32_t item) noexcept nogil:
        return <Order *> pool_at(&self.pool, item)

    cdef Pending *replace_at(self, uint32_t item) noexcept nogil:
        return <Pending *> pool_at(&self.replaces, item)

    cdef uint32_t find(self, uint64_t order_id) noexcept nogil:
        """The item of an open order, or NIL."""
        cdef uint32_t item = head_of(&self.table, scramble(order_id, self.table.secret[0]))
        while item != NIL and self.at(item).order_id != order_id:
            item = next_of(&self.pool, item)
        return item

    cdef uint32_t add(self, uint64_t order_id) except 0 nogil:
        """A new item, all zero but its order id. MemoryError."""
        cdef uint32_t item = pool_take(&self.pool)
        memset(self.at(item), 0, sizeof(Order))
        self.at(item).order_id = order_id
        table_put(&self.table, &self.pool, item, scramble(order_id, self.table.secret[0]))
        return item

    cdef void remove(self, uint32_t item) noexcept nogil:
        """Forget an order and its replaces in flight."""
        cdef uint32_t replace = self.at(item).pending
        cdef uint32_t following
        while replace != NIL:
            following = next_of(&self.replaces, replace)
            pool_give(&self.replaces, replace)
            replace = following
        table_remove(&self.table, &self.pool, item, scramble(self.at(item).order_id, self.table.secret[0]))
        pool_give(&self.pool, item)

    cdef int add_replace(
        self, uint32_t item, uint32_t id, uint64_t seq, int64_t price, int64_t quantity
    ) except -1 nogil:
        """A replace of the order is in flight: remember its terms until its outcome. MemoryError."""
        cdef uint32_t added = pool_take(&self.replaces)
        cdef Pending *replace = self.replace_at(added)
        cdef uint32_t *at = &self.at(item).pending
        replace.next = NIL
        replace.id = id
        replace.seq = seq
        replace.price_ticks = price
        replace.quantity_lots = quantity
        while at[0] != NIL:
            at = &self.replace_at(at[0]).next
        at[0] = added
        return 0

    cdef uint32_t end_replace(self, uint32_t item, uint64_t seq) noexcept nogil:
        """The replace that record `seq` asked for has its outcome: forget it, and return its id; NIL for none."""
        cdef uint32_t *at = &self.at(item).pending
        cdef uint32_t ended
        while at[0] != NIL and self.replace_at(at[0]).seq != seq:
            at = &self.replace_at(at[0]).next
        ended = at[0]
        if ended == NIL:
            return NIL
        at[0] = self.replace_at(ended).next
        seq = self.replace_at(ended).id
        pool_give(&self.replaces, ended)
        return <uint32_t> seq

    cdef uint64_t state_hash(self) noexcept nogil:
        """A digest of all open orders; where they lie in memory is not in it."""
        cdef uint64_t digest = 0
        cdef uint64_t one
        cdef uint32_t bucket, item, replace
        cdef const Order *order
        for bucket in range(self.table.size):
            item = self.table.heads[bucket]
            while item != NIL:
                order = self.at(item)
                one = scramble(order.order_id, order.account)
                one = scramble(one, <uint64_t> order.instrument << 8 | order.side)
                one = scramble(one, order.price_ticks)
                one = scramble(one, order.leaves_lots)
                one = scramble(one, order.quantity_lots)
                one = scramble(one, order.hold)
                replace = order.pending
                while replace != NIL:
                    one = scramble(one, self.replace_at(replace).seq)
                    replace = self.replace_at(replace).next
                digest += one
                item = order.next
        return digest

    @property
    def count(self) -> int:
        """How many orders are open."""
        return self.table.count

    def check(self) -> None:
        """AssertionError unless every order is found by its id and every replace in flight belongs to one."""
        cdef uint64_t in_flight = 0
        cdef uint32_t bucket, item, replace
        table_check(&self.table, &self.pool)
        for bucket in range(self.table.size):
            item = self.table.heads[bucket]
            while item != NIL:
                assert self.find(self.at(item).order_id) == item, "an order id is there twice"
                replace = self.at(item).pending
                while replace != NIL:
                    in_flight += 1
                    replace = self.replace_at(replace).next
                item = self.at(item).next
        assert in_flight == self.replaces.live, f"{in_flight} replaces in flight, {self.replaces.live} live"
