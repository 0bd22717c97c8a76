"""What open orders may still cost: the holds that orders are entered with, and the terms that an account can bear.

It opens and changes orders as commands say; the ledger, built on this, hears what becomes of them.

A hold follows from an order's terms at any time (`stake_of`) and is kept only in the balance, summed over the orders
that it pays. While replaces are in flight it is the highest price times the most leaves over all terms
(LOG-11, docs/decisions/0006-hold-of-a-replace.md); two orders that exclude each other hold the greater of both, one
that waits for another's fill holds nothing (0009-a-list-is-one-group.md). Products are computed in 128 bits.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from lockstep.core.schema.records cimport (
    CODE_INSUFFICIENT_BALANCE, CODE_NOTIONAL_OVERFLOW, CODE_OK, CODE_POSITION_LIMIT, CODE_QUANTITY_TOO_LARGE,
    CODE_VALUE_TOO_LARGE, LIST_KIND_OCO, ORDER_FLAG_BUDGET, SIDE_BUY, ExtLegRecord, NewOrderRecord, ReplaceRecord,
)
from lockstep.core.tables.index cimport index_item, index_span
from lockstep.core.tables.pool cimport NIL
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.accounts cimport ACCOUNT_POSITIONS, Accounts, account_at
from lockstep.procs.router.balances cimport Balance, Balances, balance_at
from lockstep.procs.router.ids cimport CLOSED_IDS, ClientIds, id_at
from lockstep.procs.router.orders cimport (
    ORDER_BUDGET, ORDER_COUNTED, ORDER_FIRST, ORDER_IDLE, ORDER_OCO, OpenOrder, OpenOrders, int128, order_at,
    replace_at, widest_terms,
)
from lockstep.procs.router.positions cimport Positions

from lockstep.core.tables.saved import DamagedPart

assert <int> MAX_INSTRUMENTS <= 0xFFFF  # orders name theirs in 16 bits

cdef enum:
    KEPT_IDS = 4    # besides its first, by which an order that is replaced often is known at least,
    MOST_IDS = 8    # and at most in all, those in flight excepted: the others are closed together

cdef Stake NOTHING
memset(&NOTHING, 0, sizeof(NOTHING))


class SettlementError(RuntimeError):
    """An event contradicts the ledger: the router or a matcher has a bug, and the venue must not go on."""


cdef inline int64_t lots_of_budget(const Listing *listing, int64_t price, int64_t budget) noexcept nogil:
    """How many lots an amount of the quote asset is at a price, rounded up."""
    cdef int128 each = <int128> price * listing.terms.unit_value
    return <int64_t> ((<int128> budget + each - 1) // each)


cdef class Holds:
    """Balances, open orders and their holds, and the client ids that mean them."""

    def __cinit__(self, uint32_t closed_ids=CLOSED_IDS):
        self.ids = ClientIds(closed_ids)
        self.orders = OpenOrders()
        self.balances = Balances()
        self.positions = Positions()
        self.accounts = Accounts()
        self.listings = <Listing *> calloc(MAX_INSTRUMENTS + 1, sizeof(Listing))
        if self.listings == NULL:
            raise MemoryError("no memory for the ledger")

    def __dealloc__(self):
        free(self.listings)

    cdef uint32_t pays_with(self, const OpenOrder *order) noexcept nogil:
        cdef const Listing *listing = &self.listings[order.instrument]
        return listing.terms.quote_asset if order.side == SIDE_BUY else listing.terms.base_asset

    cdef Stake special_stake(self, const OpenOrder *order) noexcept nogil:
        """As `stake_of`, of an order that has flags."""
        cdef Stake stake, other
        stake = self.stake_alone(order)
        if order.flags & ORDER_OCO:
            other = self.stake_alone(order_at(self.orders, order.contingent))
            stake.held = max(stake.held, other.held)
            stake.incoming = max(stake.incoming, other.incoming)
        return stake

    cdef Stake stake_alone(self, const OpenOrder *order) noexcept nogil:
        cdef const Listing *listing = &self.listings[order.instrument]
        cdef Stake stake = NOTHING
        cdef int64_t price = order.price_ticks
        cdef int64_t leaves = order.leaves_lots
        if order.flags & ORDER_IDLE:
            return stake
        if order.flags & ORDER_BUDGET:
            leaves = lots_of_budget(listing, price, leaves)
        else:
            widest_terms(self.orders, order, &price, &leaves)
        if order.flags & ORDER_COUNTED:
            stake.incoming = leaves * listing.terms.lot_units
        if order.side != SIDE_BUY:
            stake.held = leaves * listing.terms.lot_units
        else:
            stake.held = order.leaves_lots if order.flags & ORDER_BUDGET else price * leaves * listing.terms.unit_value
        return stake

    cdef uint16_t cost_of(
        self, const Listing *listing, uint8_t side, bint is_budget, int64_t price, int64_t quantity, Cost *cost
    ) noexcept nogil:
        """What an order costs and brings; NOTIONAL_OVERFLOW if its amounts don't fit 64 bits."""
        cdef int64_t lots = lots_of_budget(listing, price, quantity) if is_budget else quantity
        cdef int128 base = <int128> lots * listing.terms.lot_units
        cdef int128 steps = <int128> price * lots
        cdef int128 quote
        if base > INT64_MAX or (steps > INT64_MAX and not is_budget):
            return CODE_NOTIONAL_OVERFLOW
        quote = quantity if is_budget else steps * listing.terms.unit_value
        if quote > INT64_MAX:
            return CODE_NOTIONAL_OVERFLOW
        cost.lots = lots
        cost.value = <int64_t> quote
        cost.incoming = <int64_t> base if side == SIDE_BUY else 0
        cost.held = <int64_t> (quote if side == SIDE_BUY else base)
        return CODE_OK

    cdef uint16_t can_bear(
        self, const Listing *listing, uint32_t account, uint8_t side, const Cost *cost, const Stake *has
    ) noexcept nogil:
        """Whether the instrument's limits and the account's position limit allow it that on top of what it `has`."""
        cdef uint32_t item
        cdef int64_t owned = 0
        if listing.max_quantity_lots != 0 and cost.lots > listing.max_quantity_lots:
            return CODE_QUANTITY_TOO_LARGE
        if listing.max_value != 0 and cost.value > listing.max_value:
            return CODE_VALUE_TOO_LARGE
        if side == SIDE_BUY and account_at(self.accounts, account).flags & ACCOUNT_POSITIONS:
            item = self.balances.find(account, listing.terms.base_asset)
            if item != NIL:
                owned = balance_at(self.balances, item).free + balance_at(self.balances, item).held
            if not self.positions.fits(account, listing.terms.base_asset, owned, cost.incoming - has.incoming):
                return CODE_POSITION_LIMIT
        return CODE_OK

    cdef uint16_t can_pay(self, uint32_t account, uint32_t asset, int64_t held, uint32_t *payer) noexcept nogil:
        """Whether so much is free; if so, `payer` is the balance that has it."""
        payer[0] = self.balances.find(account, asset)
        if payer[0] == NIL or balance_at(self.balances, payer[0]).free < held:
            return CODE_INSUFFICIENT_BALANCE
        return CODE_OK

    cdef int open(self, const NewOrderRecord *record, uint32_t payer, uint32_t tag) except -1 nogil:
        """Enter a checked order, with its hold and its id (tag `tag`). MemoryError."""
        cdef const OpenOrder *order = order_at(self.orders, self.enter(record, payer, tag))
        cdef Stake after = stake_of(self, order)
        return self.release(order, &NOTHING, &after, 0)

    cdef uint32_t enter(self, const NewOrderRecord *record, uint32_t payer, uint32_t tag) except 0 nogil:
        """An order without a hold yet. Its record's sequence is its order id. MemoryError."""
        cdef uint32_t item = self.orders.add(record.seq)
        cdef OpenOrder *order = order_at(self.orders, item)
        order.payer = payer
        order.account = record.account
        order.instrument = <uint16_t> record.instrument
        order.side = record.side
        order.ord_type = record.ord_type
        order.price_ticks = record.price_ticks
        order.leaves_lots = order.quantity_lots = record.quantity_lots
        if record.flags & ORDER_FLAG_BUDGET:
            order.flags |= ORDER_BUDGET
        account_at(self.accounts, record.account).open_orders += 1
        if account_at(self.accounts, record.account).flags & ACCOUNT_POSITIONS and record.side == SIDE_BUY:
            if self.positions.find(record.account, self.listings[record.instrument].terms.base_asset) != NULL:
                order.flags |= ORDER_COUNTED
        order.ids = self.ids.add(record.account, record.cl_ord_id, tag, record.seq, item)
        order.id_count = 1
        return item

    cdef int open_list(
        self, const NewOrderRecord *first, uint32_t first_tag, const ExtLegRecord *second, uint32_t second_tag
    ) except -1 nogil:
        """As `open`, two orders at once: one hold for both if they exclude each other, else for the first alone."""
        cdef const NewOrderRecord *other = <const NewOrderRecord *> second
        cdef uint32_t items[2]
        cdef int i
        cdef Stake after
        items[0] = self.enter(first, NIL, first_tag)
        items[1] = self.enter(other, NIL, second_tag)
        for i in range(2):
            order_at(self.orders, items[i]).payer = self.balances.entry(
                first.account, self.pays_with(order_at(self.orders, items[i]))
            )
        self.orders.join(items[0], items[1])
        if second.list_kind == LIST_KIND_OCO:
            order_at(self.orders, items[0]).flags |= ORDER_OCO
            order_at(self.orders, items[1]).flags |= ORDER_OCO
        else:
            order_at(self.orders, items[0]).flags |= ORDER_FIRST
            order_at(self.orders, items[1]).flags |= ORDER_IDLE
        after = stake_of(self, order_at(self.orders, items[0]))
        return self.release(order_at(self.orders, items[0]), &NOTHING, &after, 0)

    cdef uint16_t can_replace(self, uint32_t item, const ReplaceRecord *replace) noexcept nogil:
        """Whether limits and balance allow an open order new terms, on top of all that it has already."""
        cdef const OpenOrder *order = order_at(self.orders, item)
        cdef const Listing *listing = &self.listings[order.instrument]
        cdef int64_t filled = order.quantity_lots - order.leaves_lots
        cdef int64_t price, leaves
        cdef uint16_t verdict
        cdef Cost alone, widest
        cdef Stake before
        if listing.max_quantity_lots | listing.max_value == 0 and has_room_for(self, order, replace):
            return CODE_OK
        before = stake_of(self, order)
        widest_terms(self.orders, order, &price, &leaves)
        price = max(price, replace.price_ticks)
        leaves = max(leaves, replace.quantity_lots - filled)
        verdict = self.cost_of(listing, order.side, False, replace.price_ticks, replace.quantity_lots, &alone)
        if verdict == CODE_OK:
            verdict = self.cost_of(listing, order.side, False, price, leaves, &widest)
        if verdict == CODE_OK:
            alone.incoming = widest.incoming
            verdict = self.can_bear(listing, order.account, order.side, &alone, &before)
        if verdict == CODE_OK and widest.held - before.held > balance_at(self.balances, order.payer).free:
            verdict = CODE_INSUFFICIENT_BALANCE
        return verdict

    cdef int begin_replace(
        self, uint32_t item, const ReplaceRecord *replace, const char *own_id, uint32_t tag
    ) except -1 nogil:
        """Hold for the new terms too, until the matcher's outcome; the replace's id means the order from now on."""
        cdef uint32_t id = self.ids.add(replace.account, own_id, tag, replace.seq, item)
        cdef OpenOrder *order = order_at(self.orders, item)
        cdef Stake before = stake_of(self, order)
        cdef Stake after
        id_at(self.ids, id).link = order.ids
        order.ids = id
        order.id_count += 1
        self.orders.add_replace(item, id, replace.seq, replace.price_ticks, replace.quantity_lots)
        after = stake_of(self, order)
        return self.release(order, &before, &after, 0)

    cdef int shorten_ids(self, uint32_t item) except -1 nogil:
        """An order that was replaced often keeps only its first and newest ids: the others are closed at the
        next marker.

        The newest id before the replaces in flight stays too: it is the order's if all of them are refused.
        """
        cdef OpenOrder *order = order_at(self.orders, item)
        cdef uint32_t last = order.ids
        cdef uint32_t first_closed, last_closed
        cdef int _
        if order.id_count <= MOST_IDS:
            return 0
        for _ in range(KEPT_IDS - 1):
            last = id_at(self.ids, last).link
        if order.pending != NIL and id_at(self.ids, last).seq >= replace_at(self.orders, order.pending).seq:
            return 0
        first_closed = last_closed = id_at(self.ids, last).link
        while id_at(self.ids, id_at(self.ids, last_closed).link).link != NIL:
            last_closed = id_at(self.ids, last_closed).link
        id_at(self.ids, last).link = id_at(self.ids, last_closed).link
        id_at(self.ids, last_closed).link = NIL
        order.id_count = KEPT_IDS + 1
        return self.ids.retire_all(first_closed)

    cdef int release(
        self, const OpenOrder *order, const Stake *before, const Stake *after, int64_t paid
    ) except -1 nogil:
        """An order's hold changes: what leaves it and was not `paid` becomes free, what it lacks is taken."""
        cdef Balance *balance = balance_at(self.balances, order.payer)
        balance.free += before.held - after.held - paid
        balance.held += after.held - before.held
        if balance.free < 0 or balance.held < 0:
            with gil:
                raise SettlementError(f"order {order.order_id} costs more than was held for it")
        if before.incoming != after.incoming:
            self.positions.add(
                order.account, self.listings[order.instrument].terms.base_asset, after.incoming - before.incoming
            )
        return self.balances.touch(order.payer)

    cdef int limit_position(self, uint32_t account, uint32_t asset, int64_t max_units) except -1 nogil:
        """Set a position limit, or remove it (0); sums up what the account's open buys would bring."""
        cdef int128 incoming = 0
        cdef uint64_t place
        cdef uint32_t item
        cdef OpenOrder *order
        for place in range(index_span(&self.orders.index)):
            order = order_at(self.orders, index_item(&self.orders.index, place))
            if self.would_bring(order, account, asset):
                order.flags = order.flags & ~ORDER_COUNTED | (ORDER_COUNTED if max_units else 0)
        for place in range(index_span(&self.orders.index)):
            item = index_item(&self.orders.index, place)
            order = order_at(self.orders, item)
            if item == NIL or not self.would_bring(order, account, asset):
                continue
            # Of two that exclude each other the younger one stands for both.
            if not order.flags & ORDER_OCO or order.order_id > order_at(self.orders, order.contingent).order_id:
                incoming += stake_of(self, order).incoming
        if max_units != 0:
            account_at(self.accounts, account).flags |= ACCOUNT_POSITIONS
        return self.positions.set(account, asset, max_units, incoming)

    cdef bint would_bring(self, const OpenOrder *order, uint32_t account, uint32_t asset) noexcept nogil:
        """Whether an open order is a buy of that account, and of that asset. The nil item is nobody's."""
        if order.account != account or order.side != SIDE_BUY:
            return False
        return self.listings[order.instrument].terms.base_asset == asset

    cdef int save_holds(self, Saver saver) except -1:
        """Add all that orders hold with, and for, to a part. OSError."""
        self.ids.save(saver)
        self.orders.save(saver)
        self.balances.save(saver)
        self.positions.save(saver)
        self.accounts.save(saver)
        saver.put_64(self.instrument_count)
        return saver.put(self.listings, (self.instrument_count + 1) * sizeof(Listing))

    cdef int load_holds(self, Loader loader) except -1:
        """Load what `save_holds` saved. DamagedPart, MemoryError."""
        self.ids.load(loader)
        self.orders.load(loader)
        self.balances.load(loader)
        self.positions.load(loader)
        self.accounts.load(loader)
        self.instrument_count = <uint32_t> loader.get_64()
        if self.instrument_count > MAX_INSTRUMENTS:
            raise DamagedPart(f"a part of {self.instrument_count} instruments")
        return loader.get(self.listings, (self.instrument_count + 1) * sizeof(Listing))
