"""How an incoming order trades and ends in the oracle: priority, self-trades, bands, displays, lists, triggers.

Commands are `tests.models.book`'s; this is the part that they share, and it reads a command only to emit its events.
"""

from __future__ import annotations

from lockstep.core.schema.records import (
    CancelReason,
    ListKind,
    OrderFlag,
    OrderType,
    Phase,
    PhaseReason,
    RestateReason,
    SelfTrade,
    TimeInForce,
    TradeFlag,
    TriggerReason,
)
from tests.models import phases
from tests.models.auction import Outcome
from tests.models.event_recorder import EventRecorder
from tests.models.listing import Listing
from tests.models.orders import LIMITS, Order, Place


class Matching:
    """`groups` has the self-trade group of each account that is in one."""

    def __init__(self) -> None:
        self.voice = EventRecorder()
        self.listings: dict[int, Listing] = {}
        self.groups: dict[int, int] = {}

    # Coming in

    def come_in(self, listing: Listing, order: Order) -> None:
        """An order enters the book: it trades where the phase is CONTINUOUS, and rests or ends with what is left."""
        if listing.phase != Phase.CONTINUOUS:
            self.rest(listing, order)
            return
        minimum, order.minimum_lots = order.minimum_lots, 0
        if order.time_in_force == TimeInForce.FOK and self.available(listing, order) < order.leaves_lots:
            self.cancel(listing, order, CancelReason.FILL_OR_KILL)
            return
        if minimum and self.available(listing, order) < minimum:
            self.cancel(listing, order, CancelReason.MINIMUM_QUANTITY)
            return
        prices: list[int] = []
        ended = self.match(listing, order, prices)
        begins_auction = ended == CancelReason.PRICE_BAND and listing.opens_auctions
        if not order.leaves_lots:
            self.close_filled(listing, order)
        elif ended and not begins_auction:
            self.cancel(listing, order, ended)
        elif order.may_rest:
            self.rest(listing, order)
        else:
            is_limit = order.ord_type in LIMITS
            self.cancel(listing, order, CancelReason.IOC_REMAINDER if is_limit else CancelReason.MARKET_REMAINDER)
        if prices:
            listing.stops.look(prices[0])
            listing.stops.look(prices[-1])
        if begins_auction:
            self.begin_phase(listing, Phase.VOLATILITY_AUCTION, PhaseReason.PRICE_BAND, None)

    def match(self, listing: Listing, order: Order, prices: list[int]) -> CancelReason | None:
        """Trade while it can. Appends the price of each trade; returns why its rest has to end, if it has."""
        bands = listing.bands()
        planned: int | None = None  # the price whose rounds have been looked at
        rounds: dict[int, int] = {}  # what icebergs there give in rounds that are taken at once
        while order.leaves_lots and (maker := listing.best_against(order)):
            wanted = self.wanted_at(listing, order, maker)
            if not wanted:
                return None
            if any(not low <= maker.price_ticks <= high for low, high in bands):
                return CancelReason.PRICE_BAND
            if self.mode_against(order, maker) != SelfTrade.NONE:
                planned = None
                if self.prevent(listing, order, maker, wanted):
                    return CancelReason.SELF_TRADE
                continue
            if planned != maker.price_ticks and min(wanted, maker.leaves_lots) > maker.matchable_lots:
                planned, rounds = maker.price_ticks, self.rounds_at(listing, order, maker, wanted)
            lots = min(wanted, rounds.pop(maker.order_id, maker.matchable_lots))
            prices.append(maker.price_ticks)
            self.trade(listing, maker, order, maker.price_ticks, lots)
        return None

    @staticmethod
    def wanted_at(listing: Listing, order: Order, maker: Order) -> int:
        """How many lots it may take at a resting order's price: of a budget, what that pays for."""
        if order.has_budget:
            return order.leaves_lots // (maker.price_ticks * listing.definition.unit_value)
        return order.leaves_lots

    def rounds_at(self, listing: Listing, order: Order, maker: Order, wanted: int) -> dict[int, int]:
        """What each iceberg at a price gives in the rounds of the queue that the order takes whole, if two or more."""
        queue = next(queue for queue in listing.queues_against(order) if maker in queue)
        if any(self.mode_against(order, each) != SelfTrade.NONE for each in queue):
            return {}
        left = {each.order_id: each.leaves_lots for each in queue}
        shown = {each.order_id: each.matchable_lots for each in queue}
        displays = {each.order_id: each.display_lots for each in queue}
        rounds = 0
        while any(left.values()) and sum(shown.values()) <= wanted:
            rounds += 1
            wanted -= sum(shown.values())
            left = {number: lots - shown[number] for number, lots in left.items()}
            shown = {number: min(lots, displays[number]) for number, lots in left.items()}
        if rounds < 2:
            return {}
        return {each.order_id: each.leaves_lots - left[each.order_id] for each in queue if each.display_lots}

    def available(self, listing: Listing, order: Order) -> int:
        """How many lots could trade at once: within price and bands, and as far as self-trade prevention lets it."""
        bands, total = listing.bands(), 0
        for queue in listing.queues_against(order):
            if any(not low <= queue[0].price_ticks <= high for low, high in bands):
                break
            others = [maker for maker in queue if self.mode_against(order, maker) == SelfTrade.NONE]
            stops_at_own = self.mode_of(order) in (SelfTrade.CANCEL_NEWEST, SelfTrade.CANCEL_BOTH)
            if stops_at_own and len(others) < len(queue):
                # It meets its own before the icebergs ahead of that show their next parts.
                ahead = list(queue)[: next(i for i, maker in enumerate(queue) if maker not in others)]
                return total + sum(maker.matchable_lots for maker in ahead)
            total += sum(maker.leaves_lots for maker in others)
        return total

    # Trades

    def trade(self, listing: Listing, maker: Order, taker: Order, price_ticks: int, lots: int, flags: int = 0) -> None:
        for order in (maker, taker):
            self.cancel_excluded(listing, order)
        for order in (maker, taker):
            self.reveal(order, lots)
        for order in (maker, taker):
            order.leaves_lots -= lots * price_ticks * listing.definition.unit_value if order.has_budget else lots
            order.filled_lots += lots
            if order.place == Place.BOOK and order.display_lots:
                order.shown_lots -= lots
        self.voice.traded(listing, maker, taker, price_ticks, lots, flags)
        listing.last_ticks = price_ticks
        for order in (maker, taker):
            if order.place == Place.BOOK:
                self.after_trade(listing, order)

    def after_trade(self, listing: Listing, order: Order) -> None:
        """A resting order has traded: it is gone, or an iceberg shows its next part at the tail."""
        listing.changed = True
        if not order.leaves_lots:
            self.close_filled(listing, order)
        elif order.display_lots and not order.shown_lots:
            listing.take_off(order)
            order.shown_lots = min(order.display_lots, order.leaves_lots)
            listing.rest(order)
            self.voice.shown(order, 0, is_refresh=True)

    def trade_in_auction(self, listing: Listing, maker: Order, taker: Order, price_ticks: int) -> int:
        lots = min(maker.leaves_lots, taker.leaves_lots)
        self.trade(listing, maker, taker, price_ticks, lots, TradeFlag.AUCTION)
        return lots

    # Self-trade prevention

    @staticmethod
    def mode_of(order: Order) -> int:
        if order.stp == SelfTrade.DEFAULT:
            return SelfTrade.NONE
        if order.stp == SelfTrade.DECREMENT and order.has_budget:
            return SelfTrade.CANCEL_NEWEST
        return order.stp

    def mode_against(self, order: Order, maker: Order) -> int:
        """What happens where the incoming `order` meets `maker`: NONE for a trade."""
        group, other = self.groups.get(order.account, 0), self.groups.get(maker.account, 0)
        is_own = order.account == maker.account or (group == other and group != 0)
        return self.mode_of(order) if is_own else SelfTrade.NONE

    def prevent(self, listing: Listing, order: Order, maker: Order, wanted: int) -> bool:
        """Keep the two apart; True if what is left of the incoming order is to be cancelled."""
        mode = self.mode_of(order)
        if mode == SelfTrade.DECREMENT:
            return self.decrement(listing, order, maker)
        takes = 0 if mode == SelfTrade.CANCEL_OLDEST or order.has_budget else order.leaves_lots
        makes = maker.leaves_lots if mode in (SelfTrade.CANCEL_OLDEST, SelfTrade.CANCEL_BOTH) else 0
        group = self.groups.get(order.account, 0)
        self.voice.prevented((order, takes), (maker, makes), min(wanted, maker.leaves_lots), group)
        if mode in (SelfTrade.CANCEL_OLDEST, SelfTrade.CANCEL_BOTH):
            self.cancel(listing, maker, CancelReason.SELF_TRADE)
        return mode in (SelfTrade.CANCEL_NEWEST, SelfTrade.CANCEL_BOTH)

    def decrement(self, listing: Listing, order: Order, maker: Order) -> bool:
        lots = min(order.leaves_lots, maker.leaves_lots)
        self.voice.prevented((order, lots), (maker, lots), lots, self.groups.get(order.account, 0))
        if maker.leaves_lots == lots:
            self.cancel(listing, maker, CancelReason.SELF_TRADE)
        else:
            was = (maker.price_ticks, maker.leaves_lots)
            maker.leaves_lots -= lots
            listing.changed = True
            self.voice.restated(maker, was, RestateReason.SELF_TRADE)
            self.show_no_more_than_leaves(maker)
        if order.leaves_lots == lots:
            return True
        was = (order.price_ticks, order.leaves_lots)
        order.leaves_lots -= lots
        self.voice.restated(order, was, RestateReason.SELF_TRADE)
        return False

    # Resting, showing, leaving

    def rest(self, listing: Listing, order: Order) -> None:
        order.shown_lots = min(order.display_lots, order.leaves_lots)
        listing.rest(order)
        if order.display_lots:
            self.voice.shown(order, 0)

    def show_no_more_than_leaves(self, order: Order) -> None:
        old = order.shown_lots
        order.shown_lots = min(order.shown_lots, order.leaves_lots)
        if order.shown_lots != old:
            self.voice.shown(order, old)

    def reveal(self, order: Order, lots: int) -> None:
        """A resting iceberg is about to trade: it shows as much, if that is more."""
        if order.place == Place.BOOK and order.display_lots and lots > order.shown_lots:
            old, order.shown_lots = order.shown_lots, lots
            self.voice.shown(order, old)

    def hide(self, order: Order) -> None:
        """A resting iceberg is about to leave its place."""
        if order.place == Place.BOOK and order.display_lots:
            old, order.shown_lots = order.shown_lots, 0
            self.voice.shown(order, old)

    def cancel(self, listing: Listing, order: Order, reason: CancelReason) -> None:
        """It leaves, and with it the order of its list that can't be without it."""
        self.hide(order)
        self.voice.cancelled(order, reason)
        listing.take_off(order)
        del listing.orders[order.order_id]
        contingent = self.unlink(order)
        if contingent and not (order.list_kind == ListKind.OTO and order.is_leg):
            self.cancel(listing, contingent, CancelReason.LIST)

    def close_filled(self, listing: Listing, order: Order) -> None:
        listing.take_off(order)
        del listing.orders[order.order_id]
        self.unlink(order)

    @staticmethod
    def unlink(order: Order) -> Order | None:
        """From now on the two orders of a list are nothing to each other; returns the other one."""
        contingent, order.contingent = order.contingent, None
        if contingent:
            contingent.contingent = None
        return contingent

    def cancel_excluded(self, listing: Listing, order: Order) -> None:
        """It is about to trade or to trigger, which excludes the other order of its list."""
        if order.contingent and order.list_kind == ListKind.OCO:
            contingent = self.unlink(order)
            assert contingent is not None
            self.cancel(listing, contingent, CancelReason.LIST)

    # Prices that an order may not have

    @staticmethod
    def is_outside_band(listing: Listing, order: Order, price_ticks: int) -> bool:
        static = listing.static_band()
        if static is None or listing.opens_auctions or order.ord_type not in LIMITS:
            return False
        return not static[0] <= price_ticks <= static[1]

    @staticmethod
    def crosses(listing: Listing, order: Order, price_ticks: int) -> bool:
        best = listing.best_other(order)
        if best is None or listing.phase != Phase.CONTINUOUS:
            return False
        return best.price_ticks <= price_ticks if order.buys else best.price_ticks >= price_ticks

    def would_take(self, listing: Listing, order: Order, price_ticks: int) -> bool:
        """A post-only order that would trade at this price, and that can't slide out of it."""
        if not order.flags & OrderFlag.POST_ONLY or not self.crosses(listing, order, price_ticks):
            return False
        return not order.flags & OrderFlag.SLIDE or listing.passive_price(order) <= 0

    def slide(self, listing: Listing, order: Order) -> None:
        if order.flags & OrderFlag.SLIDE and self.crosses(listing, order, order.price_ticks):
            was = (order.price_ticks, order.leaves_lots)
            order.price_ticks = listing.passive_price(order)
            self.voice.restated(order, was, RestateReason.SLID)

    # Triggers and phases

    @staticmethod
    def look_at_one(listing: Listing, order: Order) -> None:
        """A stop that has just been given its price triggers at once where the last trade has reached that."""
        last = listing.last_ticks
        if listing.phase == Phase.CONTINUOUS and last is not None and listing.stops.is_reached(order, last):
            listing.stops.trigger(order)

    def run_queue(self, listing: Listing) -> None:
        while listing.phase == Phase.CONTINUOUS and listing.stops.queue:
            order = listing.stops.queue[0]
            self.cancel_excluded(listing, order)
            listing.take_off(order)
            order.has_triggered = True
            if order.ord_type == OrderType.TRAILING_STOP:
                order.price_ticks = listing.collar_of_stop(order)
            self.voice.triggered(order, TriggerReason.STOP)
            self.come_in(listing, order)

    def begin_phase(self, listing: Listing, phase: int, reason: PhaseReason, ended: Outcome | None) -> None:
        old, listing.phase = listing.phase, phase
        now_ns = self.voice.command.time_ns
        listing.ends_ns = 0
        if phase == Phase.VOLATILITY_AUCTION:
            listing.ends_ns = now_ns + listing.limits.volatility_auction_ms * 10**6
        if phase in phases.AUCTIONS:
            listing.changed, listing.indicative_from_ns = True, now_ns
        self.voice.phase_changed(listing, old, reason, ended)
