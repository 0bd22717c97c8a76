"""Views of what the desk knows: its tables' orders, fills, instruments and balances, as answers want them."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from lockstep.core.edge.released_events cimport RINGS
from lockstep.core.intake.listings cimport MAX_ASSETS, Listing
from lockstep.core.intake.orders cimport STATUS_REJECTED, ClientOrder, FurtherTerms, is_closed, notional_of
from lockstep.core.schema.records cimport (
    CL_ORD_ID_SIZE,
    ORDER_STATE_WAITING,
    LIST_KIND_OTO,
    PHASE_CONTINUOUS,
    SIDE_BUY,
    SIDE_SELL,
    SYMBOL_SIZE,
    EventRecord,
    InstrumentDefinedRecord,
    TradedRecord,
)
from lockstep.procs.api.fills cimport Fill
from lockstep.procs.api.read.views cimport BalanceView, FillView, OrderView, SymbolView
from lockstep.procs.api.recent_events cimport PART_SECOND, Cursor, Recent
from lockstep.procs.api.tracked_orders cimport CLOSED, OPEN, Tracked

cdef extern from "<string.h>" nogil:
    size_t strnlen(const char *text, size_t most)

cdef enum:
    MOST_STEPS = 100_000     # along the chain of an account: some milliseconds


cdef class Shown:
    """The views of one desk. A view is made anew each time, but for those of symbols."""

    def __init__(self, Desk desk not None):
        self.desk = desk
        self.symbols = {}

    cpdef SymbolView symbol(self, uint32_t instrument):
        """An instrument that is listed, with its phase as it is now. KeyError."""
        cdef bytes defined = <bytes> self.desk.definitions[instrument]
        cdef SymbolView view
        found = self.symbols.get(instrument)
        if found is None or found[0] is not defined:
            found = self.symbols[instrument] = (defined, self.made(defined))
        view = <SymbolView> found[1]
        view.phase = self.desk.phases.get(instrument, PHASE_CONTINUOUS)
        view.reference_ticks, view.reference_ns = self.desk.references.get(instrument, self.reference_of(defined))
        return view

    def made(self, bytes defined) -> SymbolView:
        cdef const InstrumentDefinedRecord *event = <const InstrumentDefinedRecord *> <const char *> defined
        cdef const Listing *listing = self.desk.listings.get(event.instrument)
        return SymbolView(
            symbol=listing.symbol[:listing.symbol_size],
            base=self.asset(listing.base_asset),
            quote=self.asset(listing.quote_asset),
            base_scale=listing.base_scale,
            quote_scale=listing.quote_scale,
            price_scale=listing.price.scale,
            tick=listing.price.step,
            quantity_scale=listing.quantity.scale,
            lot=listing.quantity.step,
            unit_value=listing.unit_value,
            lot_units=listing.lot_units,
            maker_fee_ppm=event.maker_fee_ppm,
            taker_fee_ppm=event.taker_fee_ppm,
        )

    cdef tuple reference_of(self, bytes defined):
        """The reference price that an instrument was listed with, and since when."""
        cdef const InstrumentDefinedRecord *event = <const InstrumentDefinedRecord *> <const char *> defined
        return event.reference_price_ticks, event.time_ns

    def asset(self, uint32_t asset) -> bytes:
        """An asset's name."""
        cdef const char *name = self.desk.listings.asset_name(asset)
        return name[:strnlen(name, SYMBOL_SIZE)]

    def asset_called(self, bytes name) -> int:
        """The number of an asset; 0 if there is none of this name."""
        cdef uint32_t asset = 1
        while asset < MAX_ASSETS and self.desk.listings.asset_name(asset)[0]:
            if self.asset(asset) == name:
                return asset
            asset += 1
        return 0

    def instrument(self, bytes symbol) -> int:
        """The number of a symbol's instrument; 0 if it is not listed."""
        cdef const Listing *listing = self.desk.listings.find(symbol, len(symbol))
        return 0 if listing == NULL else listing.instrument

    def symbol_views(self) -> list[SymbolView]:
        """All instruments, by number."""
        return [self.symbol(instrument) for instrument in sorted(self.desk.definitions)]

    def every_balance(self, uint32_t account) -> list[BalanceView]:
        """What an account has of every asset that is listed."""
        cdef uint32_t asset = 1
        known = {view.asset: view for view in self.balances(account)}
        found = []
        while asset < MAX_ASSETS and self.desk.listings.asset_name(asset)[0]:
            found.append(known.get(self.asset(asset)) or self.balance(asset, 0, 0))
            asset += 1
        return found

    def balances(self, uint32_t account) -> list[BalanceView]:
        """What an account has, and had, of each asset."""
        return [self.balance(*row) for row in self.desk.balances.of(account)]

    def balance(self, uint32_t asset, free, held) -> BalanceView:
        """An amount of an asset."""
        return BalanceView(
            asset=self.asset(asset), scale=self.desk.listings.asset_scales[asset], free=free, held=held
        )

    cdef OrderView order(self, const ClientOrder *order):
        cdef const Tracked *tracked = self.desk.tracked.at(self.desk.orders.place_of(order.order_id))
        cdef OrderView view = self.terms(order, self.desk.orders.further_of(order))
        view.mate_id = tracked.mate_id
        view.list_id = max(view.order_id, view.mate_id) if view.mate_id else -1
        view.list_kind = tracked.list_kind
        if tracked.list_kind:
            view.list_name = self.desk.tracked.list_names.name_of(order.account, view.list_id)
        view.stp = tracked.self_trade
        view.entered_ns = tracked.created_ns
        view.changed_ns = tracked.updated_ns
        view.working_ns = 0 if order.state == ORDER_STATE_WAITING else tracked.created_ns
        view.end_reason = tracked.end_reason
        view.prevented_lots = tracked.prevented_lots
        view.prevented_match = <long long> tracked.prevented_match
        view.waits_for_list = self.waits_for_list(order, tracked)
        return view

    cdef bint waits_for_list(self, const ClientOrder *order, const Tracked *tracked):
        """Whether an order is the second of a list whose first is still to be filled."""
        cdef const ClientOrder *first
        if tracked.list_kind != LIST_KIND_OTO or tracked.mate_id < order.order_id or is_closed(order):
            return False
        first = self.desk.orders.find(tracked.mate_id)
        return first != NULL and not is_closed(first)

    cdef OrderView terms(self, const ClientOrder *order, const FurtherTerms *further):
        """What the table of orders has of one."""
        cdef OrderView view = OrderView.__new__(OrderView)
        view.symbol = self.symbol(order.instrument)
        view.order_id = order.order_id
        view.client_order_id = order.cl_ord_id[:strnlen(order.cl_ord_id, CL_ORD_ID_SIZE)]
        view.side = order.side
        view.ord_type = order.ord_type
        view.time_in_force = order.time_in_force
        view.flags = order.flags
        view.status = order.status
        view.price_ticks = order.price_ticks
        view.stop_price_ticks = further.stop_price_ticks
        view.display_lots = further.display_lots
        view.quantity_lots = order.quantity_lots
        view.executed_lots = order.cum_lots
        view.executed_quote = <long long> (notional_of(order) * view.symbol.unit_value)
        return view

    def order_then(self, Cursor cursor not None) -> tuple[OrderView, dict[str, int]] | None:
        """The order of the event that a stream is at, as it stood after it, and its further terms; None: it has none,
        or none of an instrument that is listed.
        """
        cdef const Recent *recent = cursor.recent
        cdef OrderView view
        if not recent.order.order_id or recent.order.instrument not in self.desk.definitions:
            return None
        view = self.terms(&recent.order, &recent.further)
        view.list_id = <long long> recent.list_id if recent.list_id else -1
        view.stp = recent.self_trade
        view.entered_ns = recent.entered_ns
        view.changed_ns = (<const EventRecord *> recent.record).time_ns
        return view, recent.further

    def fill_then(self, Cursor cursor not None) -> FillView:
        """The fill of the trade that a stream is at, as it was made."""
        cdef const Recent *recent = cursor.recent
        cdef const TradedRecord *event = <const TradedRecord *> recent.record
        cdef int side = SIDE_SELL if recent.part == PART_SECOND else SIDE_BUY
        cdef bint is_taker = event.taker_side == side
        cdef Fill fill
        fill.instrument = event.instrument
        fill.trade_id = event.number
        fill.order_id = recent.order.order_id
        fill.price_ticks = event.price_ticks
        fill.quantity_lots = event.quantity_lots
        fill.fee = event.taker_fee if is_taker else event.maker_fee
        fill.seq = event.cause
        fill.time_ns = event.time_ns
        fill.side = <uint8_t> side
        fill.is_maker = not is_taker
        return self.fill(&fill)

    cpdef OrderView order_of(self, uint64_t order_id):
        """The order of this id, or None where it is not known here."""
        cdef const ClientOrder *order = self.desk.orders.find(order_id)
        return None if order == NULL else self.order(order)

    def find(self, uint32_t account, uint64_t order_id, bytes client_order_id) -> OrderView | None:
        """The account's order of an id, or, with 0, of a client id; None where it is not known here.

        No order has the id 0: with that and no client id there is none.
        """
        cdef const ClientOrder *order
        cdef bytes padded
        if order_id:
            order = self.desk.orders.find(order_id)
        elif client_order_id is None:
            return None
        else:
            padded = client_order_id.ljust(CL_ORD_ID_SIZE, b"\0")
            order = self.desk.orders.find_client(account, padded)
        return None if order == NULL or order.account != account else self.order(order)

    def list_called(self, uint32_t account, bytes name not None) -> int:
        """The number of the account's newest list that its client has called so; 0 where none is known here."""
        return self.desk.tracked.list_names.find(account, name)

    def forgotten_seq(self) -> int:
        """`find` knows all orders that later commands closed, and all that are open; 0: all orders."""
        return self.desk.tracked.forgotten_seq()

    def open_orders(self, uint32_t account, uint32_t instrument=0, most=MOST_STEPS) -> list[OrderView]:
        """The account's open orders, the oldest first; of one instrument, or of all (0); the newest `most` of them."""
        return self.still_open(self.open_ids(account, instrument, most))

    def still_open(self, ids) -> list[OrderView]:
        """Those of these orders that are open now."""
        cdef const ClientOrder *order
        found = []
        for order_id in ids:
            order = self.desk.orders.find(order_id)
            if order != NULL and not is_closed(order):
                found.append(self.order(order))
        return found

    def open_ids(self, uint32_t account, uint32_t instrument=0, most=MOST_STEPS) -> list[int]:
        """The numbers of the same orders."""
        cdef uint32_t place = self.desk.tracked.newest[OPEN][account]
        cdef const ClientOrder *order
        found = []
        while place and len(found) < most:
            order = self.desk.orders.at(place)
            if instrument == 0 or order.instrument == instrument:
                found.append(order.order_id)
            place = self.desk.tracked.at(place).older
        found.reverse()
        return found

    def orders(self, uint32_t account, uint32_t instrument, page) -> tuple[list[OrderView], int]:
        """The account's orders of a page that memory has, by id; it has all that later commands than this closed.

        Refused ones are in no list, as they have no row: their client was told so at once.
        """
        cdef uint64_t known = self.desk.tracked.forgotten_seq()
        ids = []
        self.ids_of(account, instrument, OPEN, page, ids)
        known = max(known, self.ids_of(account, instrument, CLOSED, page, ids))
        ids.sort()
        return [self.order_of(order_id) for order_id in page.cut(ids)], known

    def lists(self, uint32_t account, page) -> list[OrderView]:
        """The first orders of the account's lists of a page that memory has, by id, of any instrument."""
        ids = []
        self.ids_of(account, 0, OPEN, page, ids)
        self.ids_of(account, 0, CLOSED, page, ids)
        ids.sort()
        return [self.order_of(order_id) for order_id in page.cut(ids)]

    cdef uint64_t ids_of(self, uint32_t account, uint32_t instrument, int which, page, list ids) except? 0:
        """Add the ids of a chain's orders in a page; returns the command behind which none was left out.

        With 0 as the instrument it is about lists: the first order of each, of any instrument.
        """
        cdef uint32_t place = self.desk.tracked.newest[which][account]
        cdef uint64_t first = page.first
        cdef uint64_t begin_ns = page.begin_ns
        cdef uint64_t end_ns = page.end_ns
        cdef const Tracked *tracked = NULL
        cdef int steps = 0
        while place and (steps < MOST_STEPS or which == OPEN):
            tracked = self.desk.tracked.at(place)
            if (
                tracked.order_id >= first and begin_ns <= tracked.created_ns <= end_ns
                and (
                    self.desk.orders.at(place).instrument == instrument if instrument
                    else 0 < tracked.mate_id < tracked.order_id
                )
                and self.desk.orders.at(place).status != STATUS_REJECTED
                and self.desk.orders.find(tracked.order_id) != NULL  # else forgotten, and its place not taken again yet
            ):
                ids.append(tracked.order_id)
            place = tracked.older
            steps += 1
        return tracked.updated_seq if place else 0

    cdef FillView fill(self, const Fill *fill):
        cdef FillView view = FillView.__new__(FillView)
        view.symbol = self.symbol(fill.instrument)
        view.trade_id = fill.trade_id
        view.order_id = fill.order_id
        view.list_id = -1
        view.price_ticks = fill.price_ticks
        view.quantity_lots = fill.quantity_lots
        view.fee = fill.fee
        view.seq = fill.seq
        view.time_ns = fill.time_ns
        view.is_buyer = fill.side == 1
        view.is_maker = fill.is_maker
        return view

    cpdef FillView numbered_fill(self, uint64_t number):
        """The fill of a number that counts from 1."""
        return self.fill(&self.desk.fills.fills[(number - 1) % self.desk.fills.most])

    def fills(
        self, uint32_t account, uint32_t instrument, uint64_t order_id, page
    ) -> tuple[list[FillView], list[FillView], int]:
        """The account's fills of a page that memory has, of an order or of all (0), in their order; those that were
        undone; and the command since which memory has all.
        """
        cdef const Fill *fill = self.desk.fills.last_of(account)
        cdef const Fill *last = NULL
        cdef uint64_t first = page.first
        cdef uint64_t begin_ns = page.begin_ns
        cdef uint64_t end_ns = page.end_ns
        cdef int steps = 0
        found = []
        undone = []
        while fill != NULL and steps < MOST_STEPS:
            if (
                fill.instrument == instrument and fill.trade_id >= first and begin_ns <= fill.time_ns <= end_ns
                and (not order_id or fill.order_id == order_id)
            ):
                (undone if fill.is_undone else found).append(1 + (fill - self.desk.fills.fills))
            last = fill
            fill = self.desk.fills.before(fill)
            steps += 1
        found.reverse()
        return (
            [self.numbered_fill(number) for number in page.cut(found)], [self.numbered_fill(one) for one in undone],
            max(self.desk.fills.forgotten_seq(), 0 if fill == NULL else last.seq),
        )

    def fills_behind(self, uint32_t account, numbers, uint64_t complete_seq) -> list[tuple[int, int, int]] | None:
        """(instrument, quantity, money) of the account's fills that stand and are behind these events of the matchers'
        rings (0: the router's), which have all up to `complete_seq`; in their order. In smallest units, less fees, a
        sale's quantity below 0. None where memory does not have them all, or a trade before them was corrected since.
        """
        cdef const Fill *fill = self.desk.fills.last_of(account)
        cdef const Listing *listing
        cdef uint64_t behind[RINGS]
        cdef int64_t quantity, money
        cdef int steps = 0
        cdef int ring
        for ring in range(RINGS):
            behind[ring] = numbers[ring] if ring < len(numbers) else 0
        if self.desk.fills.forgotten_seq() > complete_seq or self.desk.corrected_number > behind[0]:
            return None
        found = []
        while fill != NULL and fill.seq + fill.skew > complete_seq:
            if steps == MOST_STEPS:
                return None
            steps += 1
            if fill.trade_id > behind[fill.matcher] and not fill.is_undone:
                listing = self.desk.listings.get(fill.instrument)
                quantity = fill.quantity_lots * listing.lot_units
                money = fill.price_ticks * fill.quantity_lots * listing.unit_value
                if fill.side == 1:
                    found.append((fill.instrument, quantity - fill.fee, money))
                else:
                    found.append((fill.instrument, -quantity, money - fill.fee))
            fill = self.desk.fills.before(fill)
        found.reverse()
        return found
