"""Balances, holds and their settlement: what every account has, and what its open orders may still cost.

It applies what commands and events say and raises where an event contradicts it; it never sees a ring or a clock.

Amounts are smallest units in 64 bits, products are computed in 128. No sum can overflow: all deposits of an asset
together fit (`can_deposit`), and nothing else makes money. A hold while replaces are in flight is the highest price
times the most leaves over all terms (docs/decisions/0006-hold-of-a-replace.md); it follows from the terms at any time
(`reserve`) and is kept only in the balance, summed over the orders that it pays. Every change that events make is a
sum per balance, so that the order in which event rings are drained can't be seen at a marker.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, qsort, realloc

from procs.router.digest cimport scramble
from procs.router.ids cimport CLOSED_IDS, ClientIds, id_at
from procs.router.orders cimport OpenOrders, Order, int128, order_at, tag_of_order, widest_terms
from procs.tables.index cimport (
    Index, index_check, index_close, index_item, index_next, index_open, index_prefetch, index_put, index_span, tag_of,
)
from procs.tables.pool cimport NIL, pool_check, pool_close, pool_open, pool_take, prefetch
from shm.crc32c cimport crc32c
from shm.records cimport (
    CMD_REPLACE, CODE_BALANCE_OVERFLOW, CODE_INSUFFICIENT_BALANCE, CODE_NOTIONAL_OVERFLOW, CODE_OK, EVT_CANCELLED,
    EVT_REJECTED, EVT_REPLACED, EVT_TRADED, RECORD_SIZE, SIDE_BUY, CancelledRecord, EventRecord, NewOrderRecord,
    RejectedRecord, ReplacedRecord, ReplaceRecord, TradedRecord,
)

cdef enum:
    FIRST_BALANCES = 1 << 10
    FIRST_CHANGED = 1 << 12
    HEADER_SIZE = 48
    VENUE_ACCOUNT = 0

assert sizeof(Balance) == 32
assert <int> MAX_INSTRUMENTS <= 0xFFFF  # orders name theirs in 16 bits


class SettlementError(RuntimeError):
    """An event contradicts the ledger: the router or a matcher has a bug, and the venue must not go on."""


cdef uint32_t tag_of_item(const Index *index, const char *item) noexcept nogil:
    return tag_of(index, (<const Balance *> item).account, (<const Balance *> item).asset)


cdef int items_open(Items *items) except -1:
    items.items = <Changed *> malloc(FIRST_CHANGED * sizeof(Changed))
    items.count = 0
    items.capacity = FIRST_CHANGED
    if items.items == NULL:
        raise MemoryError("no memory for the ledger")
    return 0


cdef int items_put(Items *items, uint32_t item, uint64_t key) except -1 nogil:
    cdef Changed *grown
    if items.count == items.capacity:
        grown = <Changed *> realloc(items.items, 2 * items.capacity * sizeof(Changed))
        if grown == NULL:
            with gil:
                raise MemoryError("no memory for changed balances")
        items.items = grown
        items.capacity *= 2
    items.items[items.count].key = key
    items.items[items.count].item = item
    items.count += 1
    return 0


cdef int by_key(const void *left, const void *right) noexcept nogil:
    cdef uint64_t a = (<const Changed *> left).key
    cdef uint64_t b = (<const Changed *> right).key
    return -1 if a < b else 1


cdef int contradiction(const EventRecord *event, const char *what) except -1 nogil:
    with gil:
        raise SettlementError(
            f"event {event.number} of instrument {event.instrument} (type {event.type}, cause {event.cause}): "
            f"{what.decode()}"
        )


cdef class Ledger:
    """Balances per (account, asset), open orders and their holds, and the client ids that mean them."""

    def __cinit__(self, uint32_t closed_ids=CLOSED_IDS):
        self.ids = ClientIds(closed_ids)
        self.orders = OpenOrders()
        pool_open(&self.pool, sizeof(Balance), FIRST_BALANCES)
        index_open(&self.index)
        self.listings = <Listing *> calloc(MAX_INSTRUMENTS + 1, sizeof(Listing))
        self.supply = <int64_t *> calloc(MAX_ASSETS + 1, sizeof(int64_t))
        if self.listings == NULL or self.supply == NULL:
            raise MemoryError("no memory for the ledger")
        items_open(&self.changed)
        items_open(&self.unshown)

    def __dealloc__(self):
        pool_close(&self.pool)
        index_close(&self.index)
        free(self.listings)
        free(self.supply)
        free(self.changed.items)
        free(self.unshown.items)

    cdef uint32_t find(self, uint32_t account, uint32_t asset) noexcept nogil:
        """The balance's item, or NIL where the account never had any."""
        cdef uint32_t tag = tag_of_balance(self, account, asset)
        cdef uint32_t place = tag
        cdef uint32_t item = index_next(&self.index, tag, &place)
        while item != NIL and not (balance_at(self, item).account == account and balance_at(self, item).asset == asset):
            item = index_next(&self.index, tag, &place)
        return item

    cdef uint32_t entry(self, uint32_t account, uint32_t asset) except 0 nogil:
        """The balance's item, made where there is none. Pointers to balances are void afterwards. MemoryError."""
        cdef uint32_t item = self.find(account, asset)
        cdef Balance *balance
        if item == NIL:
            item = pool_take(&self.pool)
            balance = balance_at(self, item)
            balance.account = account
            balance.asset = asset
            balance.flags = 0
            balance.free = balance.held = 0
            index_put(&self.index, tag_of_balance(self, account, asset), item)
        return item

    cdef int touch(self, uint32_t item) except -1 nogil:
        """A balance changed: list it for the next BALANCE events and for the board, once each. MemoryError."""
        cdef Balance *balance = balance_at(self, item)
        if not balance.flags & BALANCE_LISTED:
            items_put(&self.changed, item, <uint64_t> balance.account << 32 | balance.asset)
        if not balance.flags & BALANCE_UNSHOWN:
            items_put(&self.unshown, item, <uint64_t> balance.account << 32 | balance.asset)
        balance.flags |= BALANCE_CHANGED | BALANCE_LISTED | BALANCE_UNSHOWN
        return 0

    cdef uint64_t take_changed(self, Balance *out, uint64_t limit, uint64_t after) noexcept nogil:
        """Copy up to `limit` changed balances to `out`, by account and asset, and count them.

        Begins behind the key `after` where not all fit: whoever changes at every marker can't starve the others.
        """
        cdef uint64_t first = 0, kept = 0, taken = 0
        cdef uint64_t i
        cdef Changed changed
        for i in range(self.changed.count):
            changed = self.changed.items[i]
            if balance_at(self, changed.item).flags & BALANCE_CHANGED:
                self.changed.items[kept] = changed
                kept += 1
            else:
                balance_at(self, changed.item).flags &= ~BALANCE_LISTED
        if kept > 1:
            qsort(self.changed.items, kept, sizeof(Changed), by_key)
        if kept > limit:
            while first < kept and self.changed.items[first].key <= after:
                first += 1
            first = 0 if first == kept else first
        self.changed.count = first
        for i in range(first, kept):
            changed = self.changed.items[i]
            if taken < limit:
                balance_at(self, changed.item).flags &= ~(BALANCE_CHANGED | BALANCE_LISTED)
                out[taken] = balance_at(self, changed.item)[0]
                taken += 1
            else:
                self.changed.items[self.changed.count] = changed
                self.changed.count += 1
        return taken

    cdef uint16_t can_deposit(self, uint32_t asset, int64_t amount) noexcept nogil:
        """BALANCE_OVERFLOW where all money of the asset would no longer fit 64 bits."""
        return CODE_OK if amount <= INT64_MAX - self.supply[asset] else CODE_BALANCE_OVERFLOW

    cdef uint32_t deposit(self, uint32_t account, uint32_t asset, int64_t amount) except 0 nogil:
        """Add what `can_deposit` allowed; returns the balance's item."""
        cdef uint32_t item = self.entry(account, asset)
        balance_at(self, item).free += amount
        self.supply[asset] += amount
        self.touch(item)
        return item

    cdef uint32_t pays_with(self, const Order *order) noexcept nogil:
        cdef const Listing *listing = &self.listings[order.instrument]
        return listing.terms.quote_asset if order.side == SIDE_BUY else listing.terms.base_asset

    cdef int64_t reserve(self, const Order *order) noexcept nogil:
        """An open order's hold: the most that it can still cost, whatever of its terms is in force when it trades.

        It fits: `can_open` and `can_replace` have seen to that.
        """
        cdef const Listing *listing = &self.listings[order.instrument]
        cdef int64_t price, leaves
        widest_terms(self.orders, order, &price, &leaves)
        if order.side == SIDE_BUY:
            return price * leaves * listing.terms.unit_value
        return leaves * listing.terms.lot_units

    cdef uint16_t can_open(self, const NewOrderRecord *order, uint32_t *payer) noexcept nogil:
        """Whether both sides' amounts fit 64 bits and the account can pay; `price_ticks` is stamped already.

        Where it can, `payer` is the balance that it pays with.
        """
        cdef const Listing *listing = &self.listings[order.instrument]
        cdef int128 steps = <int128> order.price_ticks * order.quantity_lots
        cdef int128 quote, base
        if steps > INT64_MAX or order.quantity_lots > INT64_MAX // listing.terms.lot_units:
            return CODE_NOTIONAL_OVERFLOW
        quote = steps * listing.terms.unit_value
        base = <int128> order.quantity_lots * listing.terms.lot_units
        if quote > INT64_MAX:
            return CODE_NOTIONAL_OVERFLOW
        payer[0] = self.find(
            order.account, listing.terms.quote_asset if order.side == SIDE_BUY else listing.terms.base_asset
        )
        if payer[0] == NIL or balance_at(self, payer[0]).free < (quote if order.side == SIDE_BUY else base):
            return CODE_INSUFFICIENT_BALANCE
        return CODE_OK

    cdef int open(self, const NewOrderRecord *record, uint32_t payer, uint32_t tag) except -1 nogil:
        """Enter the order that `can_open` allowed, with its hold and its id, of which `tag` is the tag. MemoryError.

        Its record's sequence is its order id.
        """
        cdef uint32_t item = self.orders.add(record.seq)
        cdef Order *order = order_at(self.orders, item)
        order.payer = payer
        order.instrument = <uint16_t> record.instrument
        order.side = record.side
        order.price_ticks = record.price_ticks
        order.leaves_lots = order.quantity_lots = record.quantity_lots
        order.ids = self.ids.add(record.account, record.cl_ord_id, tag, record.seq, item)
        return self.release(order, 0, self.reserve(order), 0)

    cdef uint16_t can_replace(self, uint32_t item, const ReplaceRecord *replace) noexcept nogil:
        """As `can_open`, for new terms of an open order beside all that it has already."""
        cdef const Order *order = order_at(self.orders, item)
        cdef const Listing *listing = &self.listings[order.instrument]
        cdef int64_t price, leaves
        cdef int128 steps, needed
        widest_terms(self.orders, order, &price, &leaves)
        if replace.price_ticks > price:
            price = replace.price_ticks
        if replace.quantity_lots - (order.quantity_lots - order.leaves_lots) > leaves:
            leaves = replace.quantity_lots - (order.quantity_lots - order.leaves_lots)
        steps = <int128> price * leaves
        if steps > INT64_MAX or steps * listing.terms.unit_value > INT64_MAX:
            return CODE_NOTIONAL_OVERFLOW
        if replace.quantity_lots > INT64_MAX // listing.terms.lot_units:
            return CODE_NOTIONAL_OVERFLOW
        needed = <int128> leaves * listing.terms.lot_units
        if order.side == SIDE_BUY:
            needed = steps * listing.terms.unit_value
        if needed - self.reserve(order) > balance_at(self, order.payer).free:
            return CODE_INSUFFICIENT_BALANCE
        return CODE_OK

    cdef int begin_replace(self, uint32_t item, const ReplaceRecord *replace, uint32_t tag) except -1 nogil:
        """Hold for the new terms too, until the matcher's outcome; the replace's id means the order from now on."""
        cdef uint32_t id = self.ids.add(replace.account, replace.cl_ord_id, tag, replace.seq, item)
        cdef Order *order = order_at(self.orders, item)
        cdef int64_t held = self.reserve(order)
        id_at(self.ids, id).link = order.ids
        order.ids = id
        self.orders.add_replace(item, id, replace.seq, replace.price_ticks, replace.quantity_lots)
        return self.release(order, held, self.reserve(order), 0)

    cdef void expect(self, const EventRecord *event) noexcept nogil:
        """The event will be applied soon: ask for where its orders are in the index. A hint, it changes nothing."""
        if event.type == EVT_TRADED:
            index_prefetch(
                &self.orders.index, tag_of_order(self.orders, (<const TradedRecord *> event).maker_order_id)
            )
        elif event.type == EVT_CANCELLED:
            index_prefetch(&self.orders.index, tag_of_order(self.orders, (<const CancelledRecord *> event).order_id))

    cdef void expect_order(self, const EventRecord *event) noexcept nogil:
        """As `expect`, nearer: the order that the index names, and its client id, which may close."""
        cdef uint64_t order_id
        cdef uint32_t item
        if event.type == EVT_TRADED:
            order_id = (<const TradedRecord *> event).maker_order_id
        elif event.type == EVT_CANCELLED:
            order_id = (<const CancelledRecord *> event).order_id
        else:
            return
        item = self.orders.find(order_id)
        if item != NIL:
            prefetch(id_at(self.ids, order_at(self.orders, item).ids))

    cdef int apply(self, const EventRecord *event) except -1 nogil:
        """Settle a matcher's event. Returns 1 where it changed anything, and so a marker is owed; 0 where not."""
        if event.type == EVT_TRADED:
            return self.traded(<const TradedRecord *> event)
        if event.type == EVT_CANCELLED:
            return self.cancelled(<const CancelledRecord *> event)
        if event.type == EVT_REPLACED:
            return self.replaced(<const ReplacedRecord *> event)
        if event.type == EVT_REJECTED:
            return self.rejected(<const RejectedRecord *> event)
        return 0

    cdef int traded(self, const TradedRecord *event) except -1 nogil:
        cdef Listing *listing = &self.listings[event.instrument]
        cdef uint32_t maker = self.orders.find(event.maker_order_id)
        cdef uint32_t taker = self.orders.find(event.taker_order_id)
        cdef int64_t base = event.quantity_lots * listing.terms.lot_units
        cdef int64_t quote = event.price_ticks * event.quantity_lots * listing.terms.unit_value
        if maker == NIL or taker == NIL:
            contradiction(<const EventRecord *> event, b"a trade of an order that is not open")
        listing.last_price_ticks = event.price_ticks
        if event.taker_side == SIDE_BUY:
            self.filled(taker, event.quantity_lots, event.taker_leaves_lots, quote, base, event.taker_fee)
            self.filled(maker, event.quantity_lots, event.maker_leaves_lots, base, quote, event.maker_fee)
        else:
            self.filled(taker, event.quantity_lots, event.taker_leaves_lots, base, quote, event.taker_fee)
            self.filled(maker, event.quantity_lots, event.maker_leaves_lots, quote, base, event.maker_fee)
        return 1

    cdef int filled(
        self, uint32_t item, int64_t quantity, int64_t leaves, int64_t paid, int64_t received, int64_t fee
    ) except -1 nogil:
        """One side of a trade: pay out of the hold, give back what is no longer needed, receive less the fee."""
        cdef Order *order = order_at(self.orders, item)
        cdef const Listing *listing = &self.listings[order.instrument]
        cdef uint32_t asset = listing.terms.base_asset if order.side == SIDE_BUY else listing.terms.quote_asset
        cdef uint32_t receiver = self.entry(balance_at(self, order.payer).account, asset)
        cdef int64_t held = self.reserve(order)
        cdef uint32_t venue
        order.leaves_lots -= quantity
        if order.leaves_lots != leaves or leaves < 0 or fee < 0 or fee > received:
            with gil:
                raise SettlementError(f"order {order.order_id} was filled by {quantity} to leaves {leaves}, fee {fee}")
        balance_at(self, receiver).free += received - fee
        self.touch(receiver)
        if fee != 0:
            venue = self.entry(VENUE_ACCOUNT, asset)
            balance_at(self, venue).free += fee
            self.touch(venue)
        self.release(order, held, self.reserve(order) if leaves else 0, paid)
        if leaves == 0:
            self.close(item)
        return 0

    cdef int cancelled(self, const CancelledRecord *event) except -1 nogil:
        cdef uint32_t item = self.orders.find(event.order_id)
        if item == NIL or order_at(self.orders, item).leaves_lots != event.leaves_lots:
            contradiction(<const EventRecord *> event, b"a cancel of an order that is not open, or of other leaves")
        self.release(order_at(self.orders, item), self.reserve(order_at(self.orders, item)), 0, 0)
        self.close(item)
        return 1

    cdef int replaced(self, const ReplacedRecord *event) except -1 nogil:
        cdef uint32_t item = self.orders.find(event.order_id)
        cdef Order *order
        cdef int64_t held
        if item == NIL or order_at(self.orders, item).leaves_lots != event.old_leaves_lots:
            contradiction(<const EventRecord *> event, b"a replace of an order that is not open, or of other leaves")
        order = order_at(self.orders, item)
        held = self.reserve(order)
        order.price_ticks = event.price_ticks
        order.quantity_lots += event.leaves_lots - event.old_leaves_lots
        order.leaves_lots = event.leaves_lots
        if not self.end_replace(item, event.cause, held, refused=False):
            contradiction(<const EventRecord *> event, b"a replace that nobody asked for")
        return 1

    cdef int rejected(self, const RejectedRecord *event) except -1 nogil:
        """A matcher refused a cancel (nothing was held for it) or a replace: its terms are off, its id is closed."""
        cdef uint32_t item
        if event.command != CMD_REPLACE:
            return 0
        item = self.orders.find(event.order_id)
        if item == NIL:
            return 0
        return self.end_replace(item, event.cause, self.reserve(order_at(self.orders, item)), refused=True)

    cdef int end_replace(self, uint32_t item, uint64_t seq, int64_t held, bint refused) except -1 nogil:
        """A replace has its outcome: true up the hold, which was `held` before. 0 where there was no such replace."""
        cdef Order *order = order_at(self.orders, item)
        cdef uint32_t id = self.orders.end_replace(item, seq)
        cdef uint32_t *at = &order.ids
        if id == NIL:
            return 0
        if refused:
            while at[0] != id:
                at = &id_at(self.ids, at[0]).link
            at[0] = id_at(self.ids, id).link
            self.ids.retire(id)
        self.release(order, held, self.reserve(order), 0)
        return 1

    cdef int release(self, const Order *order, int64_t held, int64_t hold, int64_t paid) except -1 nogil:
        """An order's hold changes; what leaves it and was not `paid` becomes free, what it lacks is taken."""
        cdef Balance *balance = balance_at(self, order.payer)
        balance.free += held - hold - paid
        balance.held += hold - held
        if balance.free < 0 or balance.held < 0:
            with gil:
                raise SettlementError(f"order {order.order_id} costs more than was held for it")
        return self.touch(order.payer)

    cdef int close(self, uint32_t item) except -1 nogil:
        """The order is no longer open: forget it; its ids are closed at the next marker."""
        cdef uint32_t id = order_at(self.orders, item).ids
        cdef uint32_t older
        while id != NIL:
            older = id_at(self.ids, id).link
            self.ids.retire(id)
            id = older
        self.orders.remove(item)
        return 0

    cdef uint64_t state_hash(self) noexcept nogil:
        """A digest of everything that the log determines here; where it lies in memory is not in it."""
        cdef uint64_t digest = scramble(self.ids.state_hash(), 2)
        cdef uint64_t one, place
        cdef uint32_t item, i
        cdef const Balance *balance
        for place in range(index_span(&self.orders.index)):
            item = index_item(&self.orders.index, place)
            if item != NIL:
                balance = balance_at(self, order_at(self.orders, item).payer)
                digest += scramble(self.orders.digest_of(item), balance.account)
        for item in range(1, self.pool.used):  # balances are never given back
            balance = balance_at(self, item)
            one = scramble(<uint64_t> balance.account << 32 | balance.asset, balance.flags & BALANCE_CHANGED)
            digest += scramble(scramble(one, balance.free), balance.held)
        for i in range(1, self.instrument_count + 1):
            one = crc32c(i, <const char *> &self.listings[i].terms + HEADER_SIZE, RECORD_SIZE - HEADER_SIZE)
            digest += scramble(scramble(one, i), self.listings[i].last_price_ticks)
        for i in range(1, self.asset_count + 1):
            digest += scramble(scramble(i, 3), self.supply[i])
        return scramble(digest, self.account_count)

    def balance(self, uint32_t account, uint32_t asset) -> tuple[int, int] | None:
        """(free, held) in smallest units, or None where the account never had any of the asset."""
        cdef uint32_t item = self.find(account, asset)
        return None if item == NIL else (balance_at(self, item).free, balance_at(self, item).held)

    def check(self) -> None:
        """AssertionError unless holds are the orders' reserves, nothing is negative, and money is all there."""
        cdef uint64_t place
        cdef uint32_t item
        cdef const Order *order
        held: dict[tuple[int, int], int] = {}
        self.ids.check()
        self.orders.check()
        pool_check(&self.pool)
        assert index_check(&self.index, &self.pool, tag_of_item) == self.pool.live, "live balances are not those found"
        for place in range(index_span(&self.orders.index)):
            item = index_item(&self.orders.index, place)
            if item != NIL:
                order = order_at(self.orders, item)
                assert order.leaves_lots > 0, f"order {order.order_id} is open without leaves"
                assert balance_at(self, order.payer).asset == self.pays_with(order), "an order pays with another asset"
                key = (balance_at(self, order.payer).account, self.pays_with(order))
                held[key] = held.get(key, 0) + self.reserve(order)
        totals = [0] * (self.asset_count + 1)
        for item in range(1, self.pool.used):
            free_units, held_units = balance_at(self, item).free, balance_at(self, item).held
            account, asset = balance_at(self, item).account, balance_at(self, item).asset
            assert free_units >= 0, f"account {account} has {free_units} of asset {asset}"
            assert held_units == held.pop((account, asset), 0), f"account {account} holds {held_units} of asset {asset}"
            totals[asset] += free_units + held_units
        assert not held, f"orders of {held} hold money that no account has"
        for asset in range(1, self.asset_count + 1):
            assert totals[asset] == self.supply[asset], f"asset {asset}: {totals[asset]} of {self.supply[asset]}"
