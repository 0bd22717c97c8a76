"""Settlement: what matchers' events do to open orders, their holds, and the balances of both sides of a trade.

It applies events and raises if one contradicts it; it never sees a ring or a clock.

Every change that events make is a sum per balance, so that the order in which event rings are drained can't be seen at
a marker. What has an order, the closing of ids and the activation of orders that waited, is put in order there.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport qsort

from lockstep.core.schema.records cimport *
from lockstep.core.tables.array cimport array_close, array_load, array_open, array_push, array_save
from lockstep.core.tables.digest cimport scramble
from lockstep.core.tables.index cimport index_item, index_next, index_prefetch, index_span
from lockstep.core.tables.pool cimport NIL
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.accounts cimport ACCOUNT_LINES, account_at
from lockstep.procs.router.balances cimport balance_at
from lockstep.procs.router.holds cimport NOTHING, Cost, Holds, Listing, Stake, stake_of
from lockstep.procs.router.ids cimport id_at
from lockstep.procs.router.orders cimport (
    ORDER_BUDGET, ORDER_COUNTED, ORDER_DUE, ORDER_FIRST, ORDER_IDLE, ORDER_OCO, OpenOrder, order_at, replace_at,
    tag_of_order,
)
from lockstep.procs.router.verdicts cimport crc_of_body
from lockstep.procs.router.withdrawals cimport Withdrawals
from lockstep.shm.atomics cimport prefetch

from lockstep.procs.router.holds import SettlementError

cdef enum:
    FIRST_DUE = 1 << 10
    VENUE_ACCOUNT = 0


cdef int contradiction(const EventRecord *event, const char *what) except -1 nogil:
    with gil:
        raise SettlementError(
            f"event {event.number} of instrument {event.instrument} (type {event.type}, cause {event.cause}): "
            f"{what.decode()}"
        )


cdef int by_number(const void *left, const void *right) noexcept nogil:
    cdef uint64_t a = (<const uint64_t *> left)[0]
    cdef uint64_t b = (<const uint64_t *> right)[0]
    return -1 if a < b else 1


cdef class Ledger(Holds):
    """All that accounts own and may do with it, kept up to date by matchers' events."""

    def __cinit__(self):
        self.withdrawals = Withdrawals(self.balances)
        array_open(&self.due, sizeof(uint64_t), FIRST_DUE)

    def __dealloc__(self):
        array_close(&self.due)

    cdef uint32_t expect(self, const EventRecord *event) noexcept nogil:
        """The event will be applied soon: prefetch its order's place in the index. Returns the tag, or 0.

        This and the next steps are hints: they change nothing, and what they find may be out of date.
        """
        cdef uint32_t tag
        if event.type == EVT_TRADED:
            tag = tag_of_order(self.orders, (<const TradedRecord *> event).maker_order_id)
        elif event.type == EVT_CANCELLED or event.type == EVT_REPLACED:
            tag = tag_of_order(self.orders, (<const CancelledRecord *> event).order_id)
        else:
            return 0
        index_prefetch(&self.orders.index, tag)
        return tag

    cdef uint32_t expect_order(self, uint32_t tag) noexcept nogil:
        """As `expect`, one step on: prefetch the order that the index names. Returns it, or NIL."""
        cdef uint32_t place = tag
        cdef uint32_t item = index_next(&self.orders.index, tag, &place) if tag != 0 else NIL
        prefetch(order_at(self.orders, item))
        return item

    cdef void expect_rest(self, uint32_t item) noexcept nogil:
        """As `expect`, the next step: prefetch what an order leads to."""
        cdef const OpenOrder *order = order_at(self.orders, item)
        prefetch(balance_at(self.balances, order.payer))
        if order.pending != NIL:
            prefetch(replace_at(self.orders, order.pending))
        else:
            prefetch(id_at(self.ids, order.ids))

    cdef void expect_pending(self, uint32_t item) noexcept nogil:
        """As `expect`, the last step: the replace in flight that will be its oldest."""
        cdef const OpenOrder *order = order_at(self.orders, item)
        if order.pending != NIL:
            prefetch(replace_at(self.orders, replace_at(self.orders, order.pending).next))

    cdef int apply(self, const EventRecord *event) except -1 nogil:
        """Settle a matcher's event. Returns 1 if it changed anything, so that a marker is owed; else 0."""
        if event.type == EVT_TRADED:
            return self.traded(<const TradedRecord *> event)
        if event.type == EVT_CANCELLED:
            return self.cancelled(<const CancelledRecord *> event)
        if event.type == EVT_REPLACED:
            return self.replaced(<const ReplacedRecord *> event)
        if event.type == EVT_REJECTED:
            return self.rejected(<const RejectedRecord *> event)
        if event.type == EVT_TRIGGERED:
            return self.triggered(<const TriggeredRecord *> event)
        if event.type == EVT_RESTATED:
            return self.restated(<const RestatedRecord *> event)
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
        cdef OpenOrder *order = order_at(self.orders, item)
        cdef const Listing *listing = &self.listings[order.instrument]
        cdef uint32_t asset = listing.terms.base_asset if order.side == SIDE_BUY else listing.terms.quote_asset
        cdef uint32_t receiver = self.balances.entry(order.account, asset)
        cdef Stake before = stake_of(self, order)
        cdef Stake after = NOTHING
        cdef uint32_t venue
        if order.flags & (ORDER_BUDGET | ORDER_OCO | ORDER_IDLE):
            if not order.flags & ORDER_BUDGET:
                with gil:
                    raise SettlementError(f"order {order.order_id} was filled before its contingent was cancelled")
            quantity = paid if order.side == SIDE_BUY else received
        order.leaves_lots -= quantity
        if order.leaves_lots != leaves or leaves < 0 or fee < 0 or fee > received:
            with gil:
                raise SettlementError(f"order {order.order_id} was filled by {quantity} to leaves {leaves}, fee {fee}")
        balance_at(self.balances, receiver).free += received - fee
        self.balances.touch(receiver)
        if fee != 0:
            venue = self.balances.entry(VENUE_ACCOUNT, asset)
            balance_at(self.balances, venue).free += fee
            self.balances.touch(venue)
        if leaves != 0:
            after = stake_of(self, order)
        self.release(order, &before, &after, paid)
        if leaves == 0:
            if order.flags & ORDER_FIRST:
                self.make_due(order.contingent)
            self.close(item)
        return 0

    cdef int cancelled(self, const CancelledRecord *event) except -1 nogil:
        cdef uint32_t item = self.orders.find(event.order_id)
        if item == NIL or order_at(self.orders, item).leaves_lots != event.leaves_lots:
            contradiction(<const EventRecord *> event, b"a cancel of an order that is not open, or of other leaves")
        return self.end(item)

    cdef int replaced(self, const ReplacedRecord *event) except -1 nogil:
        cdef uint32_t item = self.orders.find(event.order_id)
        cdef OpenOrder *order
        cdef Stake before
        if item == NIL or order_at(self.orders, item).leaves_lots != event.old_leaves_lots:
            contradiction(<const EventRecord *> event, b"a replace of an order that is not open, or of other leaves")
        order = order_at(self.orders, item)
        before = stake_of(self, order)
        order.price_ticks = event.price_ticks
        order.quantity_lots += event.leaves_lots - event.old_leaves_lots
        order.leaves_lots = event.leaves_lots
        if not self.end_replace(item, event.cause, &before, refused=False):
            contradiction(<const EventRecord *> event, b"a replace that nobody asked for")
        return 1

    cdef int restated(self, const RestatedRecord *event) except -1 nogil:
        """The venue itself changed price or leaves: the hold follows, also one that is shared with another order."""
        cdef uint32_t item = self.orders.find(event.order_id)
        cdef OpenOrder *order
        cdef Stake before, after
        if item == NIL or order_at(self.orders, item).leaves_lots != event.old_leaves_lots or event.leaves_lots <= 0:
            contradiction(<const EventRecord *> event, b"a change of an order that is not open, or of other leaves")
        order = order_at(self.orders, item)
        before = stake_of(self, order)
        order.price_ticks = event.price_ticks
        order.quantity_lots += event.leaves_lots - event.old_leaves_lots
        order.leaves_lots = event.leaves_lots
        after = stake_of(self, order)
        self.release(order, &before, &after, 0)
        return 1

    cdef int triggered(self, const TriggeredRecord *event) except -1 nogil:
        """An order that waited works, up to a price that may have become better since it was held for."""
        cdef uint32_t item = self.orders.find(event.order_id)
        cdef OpenOrder *order
        cdef Stake before, after
        if item == NIL or order_at(self.orders, item).leaves_lots != event.leaves_lots:
            contradiction(<const EventRecord *> event, b"a trigger of an order that is not open, or of other leaves")
        order = order_at(self.orders, item)
        if order.flags & (ORDER_OCO | ORDER_IDLE):
            contradiction(<const EventRecord *> event, b"a trigger of an order that is not due")
        if order.price_ticks == event.price_ticks:
            return 0
        before = stake_of(self, order)
        order.price_ticks = event.price_ticks
        after = stake_of(self, order)
        self.release(order, &before, &after, 0)
        return 1

    cdef int rejected(self, const RejectedRecord *event) except -1 nogil:
        """A matcher refused an order, which ends; a replace, whose terms lapse; or a cancel, which held nothing."""
        cdef uint32_t item = self.orders.find(event.order_id)
        cdef Stake before
        if event.command == CMD_NEW_ORDER:
            if item == NIL:
                contradiction(<const EventRecord *> event, b"a refusal of an order that is not open")
            return self.end(item)
        if event.command != CMD_REPLACE or item == NIL:
            return 0
        before = stake_of(self, order_at(self.orders, item))
        return self.end_replace(item, event.cause, &before, refused=True)

    cdef int end_replace(self, uint32_t item, uint64_t seq, const Stake *before, bint refused) except -1 nogil:
        """A replace has its outcome: true up what the order has taken. 0 if there was no such replace."""
        cdef OpenOrder *order = order_at(self.orders, item)
        cdef uint32_t id = self.orders.end_replace(item, seq)
        cdef uint32_t *at = &order.ids
        cdef Stake after
        if id == NIL:
            return 0
        if refused:
            while at[0] != id:
                at = &id_at(self.ids, at[0]).link
            at[0] = id_at(self.ids, id).link
            order.id_count -= 1
            self.ids.retire(id)
        after = stake_of(self, order)
        self.release(order, before, &after, 0)
        return 1

    cdef int end(self, uint32_t item) except -1 nogil:
        """The order ends with its leaves; one that it excluded keeps its own hold. Returns 1."""
        cdef const OpenOrder *order = order_at(self.orders, item)
        cdef Stake before = stake_of(self, order)
        cdef Stake after = NOTHING
        if order.flags & ORDER_OCO:
            after = self.stake_alone(order_at(self.orders, order.contingent))
        self.release(order, &before, &after, 0)
        self.close(item)
        return 1

    cdef int close(self, uint32_t item) except -1 nogil:
        """The order is no longer open: forget it; its ids are closed at the next marker."""
        account_at(self.accounts, order_at(self.orders, item).account).open_orders -= 1
        self.ids.retire_all(order_at(self.orders, item).ids)
        self.orders.remove(item)
        return 0

    cdef uint16_t can_activate(self, uint32_t item) noexcept nogil:
        """What would be wrong now with an order that waited for another's fill; limits of its account aside."""
        cdef const OpenOrder *order = order_at(self.orders, item)
        cdef const Listing *listing = &self.listings[order.instrument]
        cdef Cost cost
        cdef uint32_t payer
        cdef uint16_t verdict = self.cost_of(listing, order.side, False, order.price_ticks, order.leaves_lots, &cost)
        if verdict == CODE_OK:
            verdict = self.can_bear(listing, order.account, order.side, &cost, &NOTHING)
        return verdict if verdict != CODE_OK else self.can_pay(
            order.account, self.pays_with(order), cost.held, &payer
        )

    cdef int activate(self, uint32_t item, bint works) except -1 nogil:
        """It is no longer due: it works, with its hold, or stays as it is until its matcher cancels it."""
        cdef OpenOrder *order = order_at(self.orders, item)
        cdef Stake after
        order.flags &= ~ORDER_DUE
        if not works:
            return 0
        order.flags &= ~ORDER_IDLE
        after = stake_of(self, order)
        return self.release(order, &NOTHING, &after, 0)

    cdef int make_due(self, uint32_t item) except -1 nogil:
        """The order that this one waited for is filled. MemoryError."""
        order_at(self.orders, item).flags |= ORDER_DUE
        (<uint64_t *> array_push(&self.due))[0] = order_at(self.orders, item).order_id
        return 0

    cdef void settle(self) noexcept nogil:
        """A marker: what events have made due since the last one follows in the order of order ids."""
        if self.due.count - self.due_first > 1:
            qsort(
                <uint64_t *> self.due.items + self.due_first, self.due.count - self.due_first, sizeof(uint64_t),
                by_number,
            )
        self.ids.settle()

    cdef uint64_t next_due(self) noexcept nogil:
        """The order to be activated next, 0 for none. At settled points only."""
        cdef uint64_t order_id
        cdef uint32_t item
        while self.due_first != self.due.count:
            order_id = (<const uint64_t *> self.due.items)[self.due_first]
            item = self.orders.find(order_id)
            if item != NIL and order_at(self.orders, item).flags & ORDER_DUE:
                return order_id
            self.due_first += 1
        self.due_first = self.due.count = 0
        return 0

    cdef uint64_t state_hash(self) noexcept nogil:
        """A digest of everything that the log determines here, wherever it lies in memory."""
        cdef uint64_t digest = scramble(self.ids.state_hash(), 2) + digest_of_orders(self) + digest_of_listings(self)
        with gil:
            digest += self.withdrawals.digest()
        return digest + self.balances.digest() + self.accounts.digest() + self.positions.digest()

    def digests(self) -> dict[str, int]:
        """The same by table, for those who look for a difference."""
        return {
            "balances": self.balances.digest(), "orders": digest_of_orders(self), "client ids": self.ids.state_hash(),
            "accounts": self.accounts.digest(), "position limits": self.positions.digest(),
            "instruments": digest_of_listings(self), "withdrawals": self.withdrawals.digest(),
        }

    cdef int save(self, Saver saver) except -1:
        self.save_holds(saver)
        self.withdrawals.save(saver)
        saver.put_64(self.due_first)
        return array_save(&self.due, saver)

    cdef int load(self, Loader loader) except -1:
        self.load_holds(loader)
        self.withdrawals.load(loader)
        self.due_first = loader.get_64()
        return array_load(&self.due, loader)

    def balance(self, uint32_t account, uint32_t asset) -> tuple[int, int] | None:
        """(free, held) in smallest units, or None if the account never had any of the asset."""
        cdef uint32_t item = self.balances.find(account, asset)
        return None if item == NIL else (balance_at(self.balances, item).free, balance_at(self.balances, item).held)

    def check(self) -> None:
        """AssertionError unless holds are the orders' and withdrawals', counts the orders', and money is all there."""
        cdef uint64_t place
        cdef uint32_t item, account
        cdef const OpenOrder *order
        cdef Stake stake
        held: dict[tuple[int, int], int] = self.withdrawals.held()
        limited = self.positions.incoming()
        incoming: dict[tuple[int, int], int] = {}
        opened: dict[int, int] = {}
        self.ids.check()
        self.orders.check()
        self.balances.check()
        self.positions.check()
        self.withdrawals.check()
        for place in range(index_span(&self.orders.index)):
            item = index_item(&self.orders.index, place)
            if item == NIL:
                continue
            order = order_at(self.orders, item)
            opened[order.account] = opened.get(order.account, 0) + 1
            assert order.leaves_lots > 0, f"order {order.order_id} is open without leaves"
            assert balance_at(self.balances, order.payer).asset == self.pays_with(order), "it pays with another asset"
            assert balance_at(self.balances, order.payer).account == order.account, "somebody else pays"
            if order.flags & ORDER_OCO and order_at(self.orders, order.contingent).order_id > order.order_id:
                continue  # the younger of the two stands for both
            stake = stake_of(self, order)
            key = (order.account, self.pays_with(order))
            held[key] = held.get(key, 0) + stake.held
            key = (order.account, self.listings[order.instrument].terms.base_asset)
            assert (key in limited and order.side == SIDE_BUY) == bool(order.flags & ORDER_COUNTED), "it is not counted"
            incoming[key] = incoming.get(key, 0) + stake.incoming
        held = {key: units for key, units in held.items() if units}
        assert held == self.balances.held(), "holds are not the orders' and withdrawals'"
        assert all(incoming.get(key, 0) == units for key, units in limited.items()), "incoming sums differ"
        for account in range(ACCOUNT_LINES):
            assert account_at(self.accounts, account).open_orders == opened.get(account, 0), f"count of {account}"


cdef uint64_t digest_of_orders(Ledger ledger) noexcept nogil:
    cdef uint64_t digest = 0
    cdef uint64_t place
    cdef uint32_t item
    for place in range(index_span(&ledger.orders.index)):
        item = index_item(&ledger.orders.index, place)
        if item != NIL:
            digest += ledger.orders.digest_of(item)
    return digest


cdef uint64_t digest_of_listings(Ledger ledger) noexcept nogil:
    cdef uint64_t digest = 0
    cdef uint64_t one
    cdef uint32_t i
    for i in range(1, ledger.instrument_count + 1):
        one = scramble(scramble(crc_of_body(i, &ledger.listings[i].terms), i), ledger.listings[i].phase)
        digest += scramble(one, ledger.listings[i].last_price_ticks)
    return digest
