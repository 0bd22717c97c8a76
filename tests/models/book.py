"""The whole matcher as docs/rules.md reads, on sorted containers: the oracle of `matcher`.

It is slow and obvious on purpose, and shares nothing with the matcher but the schema of the records.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from lockstep.core.schema.records import (
    AccountLimits,
    Activate,
    Cancel,
    CancelReason,
    Code,
    Command,
    Event,
    ExtClientId,
    ExtLeg,
    ExtListName,
    ExtTerms,
    Instrument,
    Limits,
    ListKind,
    MassCancel,
    NewOrder,
    OrderType,
    Phase,
    PhaseChange,
    PhaseReason,
    Replace,
    Side,
    Tick,
    TimeInForce,
    TriggerReason,
)
from lockstep.core.schema.records import OrderFlag as Flag
from tests.models import auction, phases
from tests.models.continuous import Matching
from tests.models.listing import Listing
from tests.models.orders import FOR_AUCTION, NO_TERMS, STOPS, Order, Place, order_of

INDICATIVE_NS = 100_000_000
STANDING = (ExtClientId, ExtTerms, ExtLeg, ExtListName, Instrument)  # that voiding does not take away


class Book(Matching):
    """All books of one matcher: commands in, the list of their events out."""

    def __init__(self) -> None:
        super().__init__()
        self.ext_terms = NO_TERMS
        self.ext_leg: tuple[ExtLeg, ExtTerms] | None = None
        self.ext_name = b""
        self.voided: Collection[int] = ()

    def apply(self, command: Command) -> list[Event]:
        self.voice.begin(command)
        if getattr(command, "verdict", 0) == Code.OK or isinstance(command, Activate):
            self.voice.instrument = getattr(command, "instrument", 0)
            if command.seq in self.voided and not isinstance(command, STANDING):
                self.void(command)
            else:
                self.do(command)
        return self.voice.events

    def do(self, command: Command) -> None:
        match command:
            case ExtTerms():
                self.ext_terms = command
            case ExtLeg():
                self.ext_leg = (command, self.take_terms(command.flags))
            case ExtListName():
                self.ext_name = command.name
            case ExtClientId():
                self.voice.target = command.orig_cl_ord_id
            case NewOrder():
                self.new_order(command)
            case Cancel():
                self.cancel_order(command)
            case Replace():
                self.replace(command)
            case Activate():
                self.activate(command)
            case MassCancel():
                self.mass_cancel(command)
            case Tick():
                self.tick(command)
            case PhaseChange():
                self.change_phase(command)
            case Instrument():
                self.define(command)
            case Limits():
                self.listings[command.instrument].limits = command
            case AccountLimits():
                self.groups[command.target] = command.self_trade_group

    def take_terms(self, flags: int) -> ExtTerms:
        """Those of the EXT_TERMS record before it, where its flags say that there is one."""
        return self.ext_terms if flags & Flag.TERMS else NO_TERMS

    def take_name(self, flags: int) -> bytes:
        """The name in the EXT_LIST_NAME record before a list, where its flags say that there is one; else none."""
        return self.ext_name if flags & Flag.LIST_NAME else b""

    def define(self, command: Instrument) -> None:
        if command.instrument not in self.listings:
            self.listings[command.instrument] = Listing(command, NO_LIMITS)
        listing = self.listings[command.instrument]
        listing.definition = command
        listing.reference_ticks = command.reference_price_ticks

    # New orders

    def new_order(self, command: NewOrder) -> None:
        listing = self.listings[command.instrument]
        main = self.made(listing, command.seq, command, self.take_terms(command.flags))
        if not command.flags & Flag.LIST:
            if code := self.fault_of_new(listing, main):
                self.voice.rejected(main, command, code)
                return
            self.accept(listing, main, command)
        else:
            assert self.ext_leg is not None
            second, terms = self.ext_leg
            leg = self.made(listing, second.seq, second, terms)
            code = self.fault_of_new(listing, main)
            if not code and second.list_kind == ListKind.OCO:
                code = self.fault_of_new(listing, leg)
            leg.flags &= ~Flag.POST_ONLY if leg.stop_price_ticks else ~0
            if code:
                self.voice.rejected(main, command, code)
                self.voice.rejected(leg, second, code)
                return
            main.contingent, leg.contingent, leg.is_leg = leg, main, True
            main.list_kind = leg.list_kind = second.list_kind
            main.list_name = leg.list_name = self.take_name(command.flags)
            self.accept(listing, main, command)
            self.accept(listing, leg, second)
        if main.place == Place.INCOMING:
            self.come_in(listing, main)
        self.run_queue(listing)

    def made(self, listing: Listing, order_id: int, command: NewOrder | ExtLeg, terms: ExtTerms) -> Order:
        order = order_of(order_id, command, terms)
        if order.time_in_force == TimeInForce.DAY:
            order.expire_ns = listing.day_end(self.voice.command.time_ns)
        return order

    def fault_of_new(self, listing: Listing, order: Order) -> Code:
        """The same, and that a post-only stop would trigger at once; once it has triggered it may take."""
        if not order.stop_price_ticks or not order.flags & Flag.POST_ONLY:
            return self.fault(listing, order)
        order.flags &= ~Flag.POST_ONLY
        code, last = self.fault(listing, order), listing.last_ticks
        if code or listing.phase != Phase.CONTINUOUS or last is None:
            return code
        return Code.WOULD_TAKE if listing.stops.is_reached(order, last) else Code.OK

    def fault(self, listing: Listing, order: Order) -> Code:
        """Why an order may not come in now: the first of the venue's reasons, or OK."""
        code = phases.refuses_new(listing.phase, order)
        if not code and self.is_outside_band(listing, order, order.price_ticks):
            code = Code.PRICE_OUTSIDE_BAND
        if not code and order.ord_type == OrderType.TRAILING_STOP and listing.stops.is_full:
            code = Code.TOO_MANY_TRAILING
        if not code and self.would_take(listing, order, order.price_ticks):
            code = Code.WOULD_TAKE
        return code

    def accept(self, listing: Listing, order: Order, command: NewOrder | ExtLeg) -> None:
        """Say so, and put it where it waits, if it does."""
        listing.orders[order.order_id] = order
        waits_for_mate = order.is_leg and order.list_kind == ListKind.OTO
        if waits_for_mate:
            order.place = Place.LIST
        elif order.ord_type in STOPS:
            self.await_stop(listing, order)
        elif listing.phase not in FOR_AUCTION.get(order.time_in_force, (listing.phase,)):
            order.place = Place.AUCTION
        self.voice.list_name(order)
        if command.flags & (Flag.TERMS | Flag.LIST) or order.is_leg:
            self.voice.terms(order, always=True)
        self.voice.accepted(order, command)
        if not order.is_waiting:
            self.slide(listing, order)

    def await_stop(self, listing: Listing, order: Order) -> None:
        if order.trail_ticks:
            order.stop_price_ticks = listing.first_stop(order)
        listing.stops.add(order)
        self.look_at_one(listing, order)

    # Commands that were taken out

    def void(self, command: Command) -> None:
        """Say what comes of a command that is not carried out."""
        match command:
            case NewOrder():
                self.void_order(command)
            case Cancel():
                self.voice.refused(command, Code.VOIDED, command.side)
            case Replace():
                order = self.listings[command.instrument].orders.get(command.order_id)
                self.voice.refused(command, Code.VOIDED, order.side if order else 0)
            case Activate():
                listing = self.listings[command.instrument]
                order = listing.orders.get(command.order_id)
                if order and order.place == Place.LIST and order.contingent is None:
                    self.cancel(listing, order, CancelReason.VOIDED)

    def void_order(self, command: NewOrder) -> None:
        phase = self.listings[command.instrument].phase
        main = order_of(command.seq, command, self.take_terms(command.flags))
        asked: list[tuple[Order, NewOrder | ExtLeg]] = [(main, command)]
        if command.flags & Flag.LIST:
            assert self.ext_leg is not None
            second, terms = self.ext_leg
            leg = order_of(second.seq, second, terms)
            leg.place, leg.contingent, main.contingent = Place.LIST, main, leg
            leg.list_kind = main.list_kind = second.list_kind
            leg.list_name = main.list_name = self.take_name(command.flags)
            asked.append((leg, second))
        elif main.ord_type in STOPS:
            main.place = Place.STOP
        elif phase not in FOR_AUCTION.get(main.time_in_force, (phase,)):
            main.place = Place.AUCTION
        for order, told in asked:
            self.voice.list_name(order)
            if order.contingent or told.flags & Flag.TERMS:
                self.voice.terms(order, always=True)
            self.voice.accepted(order, told)
        for order, _ in asked:
            self.voice.cancelled(order, CancelReason.VOIDED)

    # Cancels

    def cancel_order(self, command: Cancel) -> None:
        listing = self.listings[command.instrument]
        order = listing.orders.get(command.order_id)
        code = phases.refuses_cancel(listing.phase) or (Code.OK if order else Code.ORDER_CLOSED)
        if code or order is None:
            self.voice.refused(command, code, command.side)
        else:
            self.cancel(listing, order, CancelReason.REQUESTED)

    def mass_cancel(self, command: MassCancel) -> None:
        is_own = command.target == command.account != 0

        def is_meant(listing: Listing, order: Order) -> bool:
            return (
                command.instrument in (0, listing.definition.instrument)
                and command.target in (0, order.account)
                and command.side in (0, order.side)
                and not (is_own and listing.phase == Phase.HALT)
            )

        self.cancel_where(self.listings.values(), is_meant, CancelReason.MASS_CANCEL)

    def cancel_where(
        self, listings: Iterable[Listing], is_meant: Callable[[Listing, Order], bool], reason: CancelReason
    ) -> None:
        """Cancel by order id whatever is meant and still open when its turn comes."""
        found = [
            (order.order_id, listing)
            for listing in listings
            for order in listing.orders.values()
            if is_meant(listing, order)
        ]
        for order_id, listing in sorted(found, key=lambda pair: pair[0]):
            if order := listing.orders.get(order_id):
                self.voice.instrument = listing.definition.instrument
                self.cancel(listing, order, reason)

    # Replaces

    def replace(self, command: Replace) -> None:
        listing = self.listings[command.instrument]
        terms = self.take_terms(command.flags)
        order = listing.orders.get(command.order_id)
        code = phases.refuses_replace(listing.phase)
        if not code and order is None:
            code = Code.ORDER_CLOSED
        if not code and order is not None:
            code = self.fault_of_replace(listing, order, command, terms)
        if code or order is None:
            self.voice.refused(command, code, order.side if order else 0)
        elif order.is_waiting:
            self.replace_waiting(listing, order, command, terms)
        elif self.keeps_place(order, command, terms):
            self.replace_in_place(listing, order, command, terms)
        else:
            self.replace_anew(listing, order, command, terms)
        self.run_queue(listing)

    def fault_of_replace(self, listing: Listing, order: Order, command: Replace, terms: ExtTerms) -> Code:
        waits_for_price = order.place in (Place.STOP, Place.LIST)
        leaves = command.quantity_lots - order.filled_lots
        if leaves <= 0:
            return Code.QUANTITY_BELOW_FILLED
        if (
            (terms.stop_price_ticks and not (order.stop_price_ticks and not order.trail_ticks and waits_for_price))
            or (terms.trail_ticks and not (order.trail_ticks and waits_for_price))
            or (terms.display_lots and not order.display_lots)
            or (terms.expire_ns and order.time_in_force != TimeInForce.GTD)
            or terms.minimum_lots
        ):
            return Code.TERMS_NOT_ALLOWED
        if terms.display_lots > leaves:
            return Code.DISPLAY_TOO_LARGE
        if self.is_outside_band(listing, order, command.price_ticks):
            return Code.PRICE_OUTSIDE_BAND
        moves = not order.is_waiting and not self.keeps_place(order, command, terms)
        if moves and self.would_take(listing, order, command.price_ticks):
            return Code.WOULD_TAKE
        return Code.OK

    @staticmethod
    def keeps_place(order: Order, command: Replace, terms: ExtTerms) -> bool:
        return (
            command.price_ticks == order.price_ticks
            and command.quantity_lots - order.filled_lots <= order.leaves_lots
            and terms.display_lots in (0, order.display_lots)
        )

    @staticmethod
    def renew(order: Order, command: Replace, terms: ExtTerms) -> tuple[int, int]:
        """Give it its new price, leaves, display and expiry; returns its old price and leaves."""
        was = (order.price_ticks, order.leaves_lots)
        order.price_ticks = command.price_ticks
        order.leaves_lots = command.quantity_lots - order.filled_lots
        order.display_lots = terms.display_lots or order.display_lots
        order.expire_ns = terms.expire_ns or order.expire_ns
        return was

    def replace_waiting(self, listing: Listing, order: Order, command: Replace, terms: ExtTerms) -> None:
        was = self.renew(order, command, terms)
        is_listed = order.place == Place.STOP
        new_stop = terms.stop_price_ticks or order.stop_price_ticks
        if terms.trail_ticks not in (0, order.trail_ticks):
            order.trail_ticks = terms.trail_ticks
            new_stop = listing.first_stop(order) if is_listed else 0
        kept = new_stop == order.stop_price_ticks
        if not kept and is_listed:
            listing.stops.remove(order)
        order.stop_price_ticks = new_stop
        if not kept and is_listed:
            listing.stops.add(order)
            self.look_at_one(listing, order)
        self.voice.terms(order, always=False)
        self.voice.replaced(order, was, kept)

    def replace_in_place(self, listing: Listing, order: Order, command: Replace, terms: ExtTerms) -> None:
        was = self.renew(order, command, terms)
        listing.changed = True
        self.voice.terms(order, always=False)
        self.voice.replaced(order, was, kept=True)
        self.show_no_more_than_leaves(order)

    def replace_anew(self, listing: Listing, order: Order, command: Replace, terms: ExtTerms) -> None:
        self.hide(order)
        listing.take_off(order)
        was = self.renew(order, command, terms)
        self.voice.terms(order, always=False)
        self.voice.replaced(order, was, kept=False)
        self.slide(listing, order)
        self.come_in(listing, order)

    # The second order of a list

    def activate(self, command: Activate) -> None:
        listing = self.listings[command.instrument]
        order = listing.orders.get(command.order_id)
        if order is None or order.place != Place.LIST or order.contingent is not None:
            return
        if command.verdict != Code.OK:
            self.cancel(listing, order, CancelReason.NO_FUNDS)
        elif self.fault(listing, order):
            self.cancel(listing, order, CancelReason.LIST)
        elif order.ord_type in STOPS:
            self.voice.triggered(order, TriggerReason.LIST)
            self.await_stop(listing, order)
        else:
            order.place = Place.INCOMING
            self.voice.triggered(order, TriggerReason.LIST)
            self.slide(listing, order)
            self.come_in(listing, order)
        self.run_queue(listing)

    # The clock

    def tick(self, command: Tick) -> None:
        now_ns = command.time_ns
        self.cancel_where(self.listings.values(), lambda _, order: 0 < order.expire_ns <= now_ns, CancelReason.EXPIRED)
        for number, listing in sorted(self.listings.items()):
            self.voice.instrument = number
            if listing.phase == Phase.VOLATILITY_AUCTION and now_ns >= listing.ends_ns:
                self.enter(listing, Phase.CONTINUOUS, PhaseReason.TIMER)
            elif listing.phase in phases.AUCTIONS and listing.changed and now_ns >= listing.indicative_from_ns:
                self.voice.indicative(auction.outcome(listing))
                listing.changed = False
                listing.indicative_from_ns = now_ns + INDICATIVE_NS

    # Phases

    def change_phase(self, command: PhaseChange) -> None:
        listing = self.listings[command.instrument]
        if listing.phase not in (command.phase, Phase.DELISTED):
            self.enter(listing, command.phase, PhaseReason.COMMAND)

    def enter(self, listing: Listing, phase: int, reason: PhaseReason) -> None:
        old = listing.phase
        ended = None
        if phase == Phase.CONTINUOUS or (phase == Phase.CLOSED and old in phases.AUCTIONS):
            ended = self.uncross(listing)
        self.begin_phase(listing, phase, reason, ended)
        self.cancel_where([listing], lambda _, order: phases.is_over_for(order, phase), CancelReason.AUCTION_ENDED)
        if phase == Phase.CLOSED:
            self.cancel_where([listing], lambda _, order: order.time_in_force == TimeInForce.DAY, CancelReason.EXPIRED)
        if phase == Phase.DELISTED:
            self.cancel_where([listing], lambda *_: True, CancelReason.DELISTED)
        for _, order in sorted(listing.orders.items()):
            if order.place == Place.AUCTION and phase in FOR_AUCTION[order.time_in_force]:
                order.place = Place.INCOMING
                self.voice.triggered(order, TriggerReason.AUCTION)
                self.come_in(listing, order)
        if phase == Phase.CONTINUOUS and listing.last_ticks is not None:
            listing.stops.look(listing.last_ticks)
        self.run_queue(listing)

    def uncross(self, listing: Listing) -> auction.Outcome | None:
        """Trade the best bid with the best ask at the auction's price, as long as both reach it."""
        ended = auction.outcome(listing)
        if ended is None:
            return None
        traded = 0
        while (
            (bid := listing.best(Side.BUY))
            and (ask := listing.best(Side.SELL))
            and bid.price_ticks >= ended.price_ticks >= ask.price_ticks
        ):
            maker, taker = sorted((bid, ask), key=lambda order: order.order_id)
            traded += self.trade_in_auction(listing, maker, taker, ended.price_ticks)
        assert traded == ended.lots, "an auction trades what it promised"
        listing.reference_ticks = ended.price_ticks
        return ended

    # Views, for tests

    @property
    def number(self) -> int:
        return self.voice.number

    @property
    def due_ns(self) -> int:
        """From when on a tick would change something; 0 for never."""
        dues = [order.expire_ns for one in self.listings.values() for order in one.orders.values() if order.expire_ns]
        for listing in self.listings.values():
            if listing.phase == Phase.VOLATILITY_AUCTION:
                dues.append(listing.ends_ns)
            if listing.phase in phases.AUCTIONS and listing.changed:
                dues.append(listing.indicative_from_ns)
        return min(dues, default=0)

    def depth(self, instrument: int, side: int) -> list[tuple[int, int, int]]:
        """Best first: price in ticks, sum of leaves in lots, number of orders."""
        levels = self.listings[instrument].sides[side].items()
        rows = [(price, sum(order.leaves_lots for order in queue), len(queue)) for price, queue in levels]
        return rows[::-1] if side == Side.BUY else rows

    def shown(self, instrument: int, side: int) -> list[tuple[int, int]]:
        """Best first: price in ticks, lots that are not hidden."""
        levels = self.listings[instrument].sides[side].items()
        rows = [(price, sum(order.matchable_lots for order in queue)) for price, queue in levels]
        return rows[::-1] if side == Side.BUY else rows

    def queue(self, instrument: int, side: int, price_ticks: int) -> list[tuple[int, int]]:
        """Order ids and leaves in lots at a price, in their order of trading."""
        queue = self.listings[instrument].sides[side].get(price_ticks, ())
        return [(order.order_id, order.leaves_lots) for order in queue]


NO_LIMITS = Limits(
    instrument=0, volatility_auction_ms=0, day_end_s=0, static_band_bps=0, dynamic_band_bps=0, band_action=0,
    max_quantity_lots=0, max_value=0,
)  # fmt: skip
