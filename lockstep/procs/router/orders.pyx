"""The open-order table: by order id, the terms that money is held for, the replaces in flight, and who is in a list.

It only keeps; the ledger computes holds and decides when an order opens and ends.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from lockstep.core.tables.digest cimport scramble
from lockstep.core.tables.index cimport (
    index_check, index_close, index_item, index_load, index_next, index_open, index_put, index_remove, index_save,
    index_span, tag_of_serial,
)
from lockstep.core.tables.pool cimport (
    NIL, pool_check, pool_close, pool_give, pool_load, pool_open, pool_save, pool_take,
)
from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    FIRST_ORDERS = 1 << 16
    FIRST_REPLACES = 1 << 10

assert sizeof(OpenOrder) == 64
assert sizeof(Pending) == 64


cdef uint32_t tag_of_item(const Index *index, const char *item) noexcept nogil:
    return tag_of_serial(index, (<const OpenOrder *> item).order_id)


cdef inline void count_in(Pending *oldest, int64_t price, int64_t quantity) noexcept nogil:
    """Add one more replace to the totals in the oldest."""
    if price >= oldest.widest_price:
        oldest.at_price = oldest.at_price + 1 if price == oldest.widest_price else 1
        oldest.widest_price = price
    if quantity >= oldest.widest_quantity:
        oldest.at_quantity = oldest.at_quantity + 1 if quantity == oldest.widest_quantity else 1
        oldest.widest_quantity = quantity


cdef class OpenOrders:
    """Open orders by order id. Items are named by index; the next `add` invalidates pointers."""

    def __cinit__(self):
        pool_open(&self.pool, sizeof(OpenOrder), FIRST_ORDERS, scattered=True)
        pool_open(&self.replaces, sizeof(Pending), FIRST_REPLACES)
        index_open(&self.index)

    def __dealloc__(self):
        pool_close(&self.pool)
        pool_close(&self.replaces)
        index_close(&self.index)

    cdef uint32_t find(self, uint64_t order_id) noexcept nogil:
        """The item of an open order, or NIL."""
        cdef uint32_t tag = tag_of_order(self, order_id)
        cdef uint32_t place = tag
        cdef uint32_t item = index_next(&self.index, tag, &place)
        while item != NIL and order_at(self, item).order_id != order_id:
            item = index_next(&self.index, tag, &place)
        return item

    cdef uint32_t add(self, uint64_t order_id) except 0 nogil:
        """A new item, all zero except its order id. MemoryError."""
        cdef uint32_t item = pool_take(&self.pool)
        memset(order_at(self, item), 0, sizeof(OpenOrder))
        order_at(self, item).order_id = order_id
        index_put(&self.index, tag_of_order(self, order_id), item)
        return item

    cdef void remove(self, uint32_t item) noexcept nogil:
        """Forget an order and its replaces in flight; unlink its contingent order."""
        cdef uint32_t replace = order_at(self, item).pending
        cdef uint32_t contingent = order_at(self, item).contingent
        cdef uint32_t following
        if contingent != NIL:
            order_at(self, contingent).contingent = NIL
            order_at(self, contingent).flags &= ~(ORDER_OCO | ORDER_FIRST)
        while replace != NIL:
            following = replace_at(self, replace).next
            pool_give(&self.replaces, replace)
            replace = following
        index_remove(&self.index, tag_of_order(self, order_at(self, item).order_id), item)
        pool_give(&self.pool, item)

    cdef int add_replace(
        self, uint32_t item, uint32_t id, uint64_t seq, int64_t price, int64_t quantity
    ) except -1 nogil:
        """A replace of the order is in flight: remember its terms until its outcome. MemoryError."""
        cdef uint32_t added = pool_take(&self.replaces)
        cdef Pending *replace = replace_at(self, added)
        cdef OpenOrder *order = order_at(self, item)
        cdef Pending *first
        replace.next = NIL
        replace.id = id
        replace.seq = seq
        replace.price_ticks = price
        replace.quantity_lots = quantity
        if order.pending == NIL:
            order.pending = added
            self.sum_up(added)
            return 0
        first = replace_at(self, order.pending)
        replace_at(self, first.newest).next = added
        first.newest = added
        count_in(first, price, quantity)
        return 0

    cdef void sum_up(self, uint32_t first) noexcept nogil:
        """Compute the totals in the oldest replace in flight."""
        cdef Pending *oldest = replace_at(self, first)
        cdef uint32_t item = oldest.next
        oldest.widest_price = oldest.price_ticks
        oldest.widest_quantity = oldest.quantity_lots
        oldest.at_price = oldest.at_quantity = 1
        oldest.newest = first
        while item != NIL:
            count_in(oldest, replace_at(self, item).price_ticks, replace_at(self, item).quantity_lots)
            oldest.newest = item
            item = replace_at(self, item).next

    cdef uint32_t end_replace(self, uint32_t item, uint64_t seq) noexcept nogil:
        """The oldest replace in flight has its outcome, if record `seq` asked for it: forget it.

        Returns its id; NIL if it was another's. All are looked at only when the last of the widest has gone.
        """
        cdef OpenOrder *order = order_at(self, item)
        cdef Pending *ended = replace_at(self, order.pending)
        cdef Pending *first
        cdef uint32_t id
        if order.pending == NIL or ended.seq != seq:
            return NIL
        id = ended.id
        first = replace_at(self, ended.next)
        if ended.next != NIL:
            first.widest_price = ended.widest_price
            first.widest_quantity = ended.widest_quantity
            first.at_price = ended.at_price - (ended.price_ticks == ended.widest_price)
            first.at_quantity = ended.at_quantity - (ended.quantity_lots == ended.widest_quantity)
            first.newest = ended.newest
            if first.at_price == 0 or first.at_quantity == 0:
                self.sum_up(ended.next)
        item = order.pending
        order.pending = ended.next
        pool_give(&self.replaces, item)
        return id

    cdef int64_t newest_price(self, uint32_t item) noexcept nogil:
        """The price that the order has once all replaces in flight are done."""
        cdef const OpenOrder *order = order_at(self, item)
        if order.pending == NIL:
            return order.price_ticks
        return replace_at(self, replace_at(self, order.pending).newest).price_ticks

    cdef void join(self, uint32_t first, uint32_t second) noexcept nogil:
        """Two open orders are a list."""
        order_at(self, first).contingent = second
        order_at(self, second).contingent = first

    cdef uint64_t digest_of(self, uint32_t item) noexcept nogil:
        """A digest of an order's terms and replaces in flight, wherever they lie in memory."""
        cdef const OpenOrder *order = order_at(self, item)
        cdef uint32_t replace = order.pending
        cdef uint64_t digest = scramble(order.order_id, <uint64_t> order.instrument << 8 | order.side)
        digest = scramble(digest, order.price_ticks)
        digest = scramble(digest, order.leaves_lots)
        digest = scramble(digest, order.quantity_lots)
        digest = scramble(digest, <uint64_t> order.account << 16 | <uint64_t> order.ord_type << 8 | order.flags)
        digest = scramble(digest, order.id_count)
        if order.contingent != NIL:
            digest = scramble(digest, order_at(self, order.contingent).order_id)
        while replace != NIL:
            digest = scramble(digest, replace_at(self, replace).seq)
            replace = replace_at(self, replace).next
        return digest

    cdef int save(self, Saver saver) except -1:
        pool_save(&self.pool, saver)
        pool_save(&self.replaces, saver)
        return index_save(&self.index, saver)

    cdef int load(self, Loader loader) except -1:
        pool_load(&self.pool, loader)
        pool_load(&self.replaces, loader)
        return index_load(&self.index, loader)

    @property
    def count(self) -> int:
        """How many orders are open."""
        return self.pool.live

    def check(self) -> None:
        """AssertionError unless every order is found by its id and every replace in flight belongs to one."""
        cdef uint64_t in_flight = 0
        cdef uint64_t place
        cdef uint32_t item, replace, contingent
        cdef Pending told, found
        pool_check(&self.pool)
        assert index_check(&self.index, &self.pool, tag_of_item) == self.pool.live, "the index has other orders"
        for place in range(index_span(&self.index)):
            item = index_item(&self.index, place)
            if item == NIL:
                continue
            assert self.find(order_at(self, item).order_id) == item, "an order id is there twice"
            contingent = order_at(self, item).contingent
            assert contingent == NIL or order_at(self, contingent).contingent == item, "a list is one-sided"
            replace = order_at(self, item).pending
            if replace != NIL:
                told = replace_at(self, replace)[0]
                self.sum_up(replace)
                found = replace_at(self, replace)[0]
                assert told.widest_price == found.widest_price and told.at_price == found.at_price
                assert told.widest_quantity == found.widest_quantity and told.at_quantity == found.at_quantity
                assert told.newest == found.newest, "the oldest replace in flight knows another newest"
            while replace != NIL:
                in_flight += 1
                replace = replace_at(self, replace).next
        assert in_flight == self.replaces.live, f"{in_flight} replaces in flight, {self.replaces.live} live"
