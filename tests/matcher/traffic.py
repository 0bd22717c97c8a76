"""A seeded stream of everything that a matcher may be asked: the long random driver's commands.

It looks into the model for what is open, so that most of what it asks makes sense; it judges no answer. The router's
driver (tests/router/random_driver.py) can't stand here: what a matcher is asked has order ids, activations and ticks.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, NamedTuple

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import (
    AccountLimits,
    Activate,
    BandAction,
    Code,
    Command,
    ExtTerms,
    ListKind,
    MassCancel,
    NewOrder,
    OrderType,
    Phase,
    PhaseChange,
    SelfTrade,
    Side,
    Tick,
    TimeInForce,
)
from lockstep.core.schema.records import OrderFlag as Flag
from tests.compiled import fault, fault_of_list
from tests.matcher.coverage_tally import Seen
from tests.matcher.pair import Alone, cancel, instrument, leg, limits, order, replace
from tests.models.listing import DAY_NS, Listing
from tests.models.orders import LIMITS, STOPS, Order, Place

ACCOUNTS = 6
SECOND_NS = 10**9
SHUT = (Phase.CLOSED, Phase.HALT, Phase.CANCEL_ONLY)
PHASES = {
    Phase.CLOSED: 2, Phase.PRE_OPEN: 3, Phase.OPENING_AUCTION: 4, Phase.CONTINUOUS: 8, Phase.VOLATILITY_AUCTION: 3,
    Phase.CLOSING_AUCTION: 4, Phase.HALT: 2, Phase.CANCEL_ONLY: 2,
}  # fmt: skip
TYPES = {
    OrderType.LIMIT: 60, OrderType.MARKET: 12, OrderType.STOP: 9, OrderType.STOP_LIMIT: 10, OrderType.TRAILING_STOP: 9,
}  # fmt: skip
RESTING = {TimeInForce.GTC: 10, TimeInForce.DAY: 4, TimeInForce.GTD: 3}
TIMES = {
    OrderType.LIMIT: {
        **RESTING, TimeInForce.IOC: 2, TimeInForce.FOK: 2, TimeInForce.AT_THE_OPEN: 1, TimeInForce.AT_THE_CLOSE: 1,
    },
    OrderType.MARKET: {
        TimeInForce.GTC: 4, TimeInForce.DAY: 2, TimeInForce.IOC: 4, TimeInForce.FOK: 2, TimeInForce.AT_THE_OPEN: 1,
        TimeInForce.AT_THE_CLOSE: 1,
    },
}  # fmt: skip
MODES = {
    SelfTrade.DEFAULT: 1, SelfTrade.NONE: 6, SelfTrade.CANCEL_NEWEST: 2, SelfTrade.CANCEL_OLDEST: 2,
    SelfTrade.CANCEL_BOTH: 1, SelfTrade.DECREMENT: 2,
}  # fmt: skip
RATES = (0, 0, 100, -50, 200, 32767, -32768)


class Wish(NamedTuple):
    """An order and its terms, not checked yet."""

    order: NewOrder
    terms: ExtTerms | None


class Traffic:
    """`step` sends one command to the book and its model. Books grow and decay in turns, and prices wander."""

    def __init__(self, seed: int, pair: Alone, seen: Seen) -> None:
        self.draw = random.Random(seed)
        self.pair = pair
        self.seen = seen
        self.centers: dict[int, int] = {}
        self.recent: list[tuple[int, int]] = []
        self.count = 0
        for center in (10_000, 60, 500):
            self.define(center)

    def send(self, command: Command, *extensions: Any) -> None:
        self.seen.note(self.pair.send(command, *extensions))

    # What a step may be

    def step(self) -> None:
        draw, self.count = self.draw, self.count + 1
        self.pair.now_ns += round(draw.expovariate(1 / 2_000_000))
        number = draw.choice(list(self.centers))
        listing = self.listing(number)
        self.wander(number, listing)
        grows = self.count // 1500 % 2 == 0
        shut = listing.phase in SHUT
        steps = {
            self.enter: 12 if grows else 6,
            self.enter_list: 2,
            self.crowd: 0.3,
            self.cancel: 2 if grows else 5,
            self.replace: 4,
            self.activate: 1,
            self.tick: 1.5,
            self.change_phase: 0.06 if listing.phase == Phase.CONTINUOUS else 3 if shut else 0.5,
            self.mass_cancel: 0.1,
            self.set_limits: 0.08,
            self.set_group: 0.05,
            self.redefine: 0.02,
        }
        draw.choices(list(steps), list(steps.values()))[0](number)

    def listing(self, number: int) -> Listing:
        return self.pair.model.listings[number]

    def define(self, center: int) -> None:
        """List a new instrument."""
        draw = self.draw
        number = draw.randrange(1, 65536)
        self.centers[number] = center
        unit, lot = draw.choice(((100, 10_000), (1, 1), (7, 3)))
        collar = draw.choice((100, 500, 2000))
        self.send(instrument(number, unit, lot, reference_price_ticks=center, collar_bps=collar))

    def redefine(self, number: int) -> None:
        """Delist it and list another; now and then define it again."""
        definition = self.listing(number).definition
        if self.draw.random() < 0.3:
            reference = self.draw.choice((0, self.centers[number]))
            self.send(instrument(number, definition.unit_value, definition.lot_units, reference_price_ticks=reference))
            return
        self.send(PhaseChange(cl_ord_id=b"", instrument=number, phase=Phase.DELISTED))
        for asked in (self.enter, self.replace, self.cancel, self.change_phase, self.mass_cancel):
            asked(number)
        self.define(self.centers.pop(number))

    def wander(self, number: int, listing: Listing) -> None:
        """Prices move, so that stops trigger and bands are met; they never reach 0."""
        center = self.centers[number]
        if self.draw.random() < 0.05:
            center += round(self.draw.gauss(0, max(1, center // 1000)))
            self.centers[number] = max(20, center)
        if self.draw.random() < 0.0005:
            self.centers[number] = max(20, listing.last_ticks or listing.reference_ticks or center)

    def pick(self, weights: Mapping[Any, int]) -> int:
        """A key, as often as its weight says."""
        return int(self.draw.choices(list(weights), list(weights.values()))[0])

    def around(self, number: int, away: float = 0.0) -> int:
        """A price near where the market is; `away` moves it, in parts of the usual spread."""
        center = self.centers[number]
        spread = max(2.0, center / 1000)
        return max(1, center + round(self.draw.gauss(away, 1) * spread))

    # Orders

    def enter(self, number: int) -> None:
        wish = self.wish(number)
        self.send(wish.order, wish.terms)
        self.recent.append((self.pair.seq, number))

    def wish(self, number: int, **fixed: Any) -> Wish:
        """An order whose terms go together; `fixed` are fields of it that are decided."""
        while True:
            wish = self.attempt(number, dict(fixed))
            if fault(pack(wish.order), pack(wish.terms) if wish.terms else None) == Code.OK:
                return wish

    def attempt(self, number: int, fixed: dict[str, Any]) -> Wish:
        draw = self.draw
        side = fixed.pop("side", draw.choice((Side.BUY, Side.SELL)))
        kind = fixed.pop("ord_type", 0) or self.pick(TYPES)
        towards = 1 if side == Side.BUY else -1
        lots = draw.randint(1, 2000) if draw.random() < 0.01 else draw.randint(1, 40)
        flags = 0
        price = self.around(number, -0.9 * towards)
        if kind not in LIMITS:
            price = max(1, price + towards * max(3, price // 100))
        if kind == OrderType.MARKET and draw.random() < 0.3:
            flags = Flag.BUDGET
            lots = max(1, round(lots * price * self.listing(number).definition.unit_value * draw.uniform(0.01, 1)))
        if kind == OrderType.LIMIT and draw.random() < 0.12:
            flags = Flag.POST_ONLY | draw.choice((0, Flag.SLIDE))
            price = self.around(number)
        if kind in (OrderType.STOP, OrderType.STOP_LIMIT) and draw.random() < 0.3:
            flags = Flag.POST_ONLY
        given: dict[str, Any] = {
            "price_ticks": price, "quantity_lots": lots, "ord_type": kind, "flags": flags,
            "time_in_force": self.pick(TIMES.get(OrderType(kind), RESTING)), "stp": self.pick(MODES),
            "account": draw.randint(1, ACCOUNTS), "session": draw.randint(1, 9),
            "maker_fee_ppm": draw.choice(RATES), "taker_fee_ppm": draw.choice(RATES),
            "msg_seq_num": draw.randint(0, 2**32 - 1), "cl_ord_id": b"%036d" % self.pair.seq, **fixed,
        }  # fmt: skip
        made = order(side, given.pop("price_ticks"), given.pop("quantity_lots"), number, **given)
        return Wish(made, self.terms(made))

    def terms(self, of: NewOrder) -> ExtTerms | None:
        draw = self.draw
        towards = 1 if of.side == Side.BUY else -1
        given: dict[str, Any] = {}
        if of.ord_type in (OrderType.STOP, OrderType.STOP_LIMIT):
            given["stop_price_ticks"] = self.around(of.instrument, 1.2 * towards)
        if of.ord_type == OrderType.TRAILING_STOP:
            given["trail_ticks"] = draw.randint(1, max(3, self.centers[of.instrument] // 500))
        if of.ord_type in LIMITS and draw.random() < 0.15:
            given["display_lots"] = draw.randint(1, of.quantity_lots)
        if of.ord_type <= OrderType.LIMIT and not of.flags and draw.random() < 0.08:
            given["minimum_lots"] = draw.randint(1, of.quantity_lots)
        if of.time_in_force == TimeInForce.GTD:
            given["expire_ns"] = self.pair.now_ns + draw.randint(1, 5 * SECOND_NS)
        return ExtTerms(**given) if given or draw.random() < 0.02 else None

    def enter_list(self, number: int) -> None:
        """Two orders of one account, which go together as a list."""
        draw = self.draw
        while True:
            kind = draw.choice((ListKind.OCO, ListKind.OTO, ListKind.OTO))
            account = draw.randint(1, ACCOUNTS)
            first = self.wish(number, ord_type=OrderType.LIMIT, account=account)
            shared: dict[str, Any] = {"account": account, "cl_ord_id": b"second"}
            if kind == ListKind.OCO:
                stop = draw.choice(STOPS)
                shared |= {"side": first.order.side, "quantity_lots": first.order.quantity_lots, "ord_type": stop}
            second = self.wish(number, **shared)
            its_leg = leg(second.order, kind)
            if fault_of_list(pack(first.order), pack(its_leg)) == Code.OK:
                break
        self.send(first.order, first.terms, its_leg, second.terms, draw.choice((b"", b"its name", b"n" * 36)))
        leg_at = self.pair.seq - (1 if first.terms is None else 2)
        self.recent += [(leg_at, number), (self.pair.seq, number)]

    def crowd(self, number: int) -> None:
        """Several orders at one price, hidden and own ones among them, and one that needs much of them at once."""
        draw = self.draw
        side = draw.choice((Side.BUY, Side.SELL))
        price = self.around(number, 0.5 if side == Side.BUY else -0.5)
        for _ in range(draw.randint(2, 4)):
            made = order(
                side, price, draw.randint(2, 9), number, account=draw.randint(1, 3), stp=SelfTrade.CANCEL_OLDEST
            )
            self.send(made, draw.choice((None, ExtTerms(display_lots=draw.randint(1, 2)))))
        taker = order(
            Side.SELL if side == Side.BUY else Side.BUY, price, draw.randint(2, 12), number, account=draw.randint(1, 3),
            stp=draw.choice((self.pick(MODES), SelfTrade.CANCEL_NEWEST)),
            time_in_force=draw.choice((TimeInForce.FOK, TimeInForce.IOC)),
        )  # fmt: skip
        minimum = ExtTerms(minimum_lots=draw.randint(1, taker.quantity_lots))
        self.send(taker, None if taker.time_in_force == TimeInForce.FOK else minimum)

    # On orders

    def chosen(self, number: int) -> tuple[int, Order | None]:
        """An order of the instrument, most often an open one."""
        listing = self.listing(number)
        if listing.orders and self.draw.random() < 0.93:
            order_id = self.draw.choice(list(listing.orders))
            return order_id, listing.orders[order_id]
        order_id, its_number = self.draw.choice(self.recent[-300:] or [(0, number)])
        return order_id, listing.orders.get(order_id) if its_number == number else None

    def name(self) -> bytes:
        """A request's client id, one in three too long to be in one record with another."""
        return b"%d" % self.pair.seq if self.pair.seq % 3 else b"%036d" % self.pair.seq

    def cancel(self, number: int) -> None:
        order_id, found = self.chosen(number)
        draw = self.draw
        account = found.account if found else draw.randint(1, ACCOUNTS)
        side = draw.choice((0, 1, 2))
        named = {"session": 4, "msg_seq_num": self.count, "cl_ord_id": self.name()}
        self.send(cancel(order_id, number, account=account, side=side, **named))

    def replace(self, number: int) -> None:
        order_id, found = self.chosen(number)
        draw = self.draw
        if found is None:
            self.send(replace(order_id, self.around(number), draw.randint(1, 40), number, cl_ord_id=self.name()))
            return
        if found.contingent is not None:
            return  # routers refuse it
        price, lots = found.price_ticks, found.leaves_lots + found.filled_lots
        dice = draw.random()
        if dice < 0.55:
            price = self.around(number, -0.6 if found.buys else 0.6)
        if dice > 0.3:
            lots = max(0, lots + draw.randint(-min(lots, 12), 8))
        named = {"session": 3, "cl_ord_id": self.name()}
        self.send(replace(order_id, price, lots, number, account=found.account, **named), self.new_terms(number, found))

    def new_terms(self, number: int, found: Order) -> ExtTerms | None:
        """Terms of which most, but not all, are the order's to change."""
        draw = self.draw
        given: dict[str, Any] = {}
        towards = 1 if found.buys else -1
        if found.stop_price_ticks and not found.trail_ticks and draw.random() < 0.6:
            given["stop_price_ticks"] = self.around(number, 1.0 * towards)
        if found.trail_ticks and draw.random() < 0.6:
            given["trail_ticks"] = draw.choice((found.trail_ticks, draw.randint(1, 20)))
        if found.display_lots and draw.random() < 0.5:
            given["display_lots"] = draw.choice((found.display_lots, draw.randint(1, 40)))
        if found.time_in_force == TimeInForce.GTD and draw.random() < 0.5:
            given["expire_ns"] = self.pair.now_ns + draw.randint(1, 9 * SECOND_NS)
        if draw.random() < 0.05:
            name = draw.choice(("stop_price_ticks", "trail_ticks", "display_lots", "minimum_lots", "expire_ns"))
            given[name] = draw.randint(1, 50)
        return ExtTerms(**given) if given or draw.random() < 0.02 else None

    def activate(self, number: int) -> None:
        """What routers do when the first order of a list is filled; more rarely, for one that has gone meanwhile."""
        waiting = [
            order_id
            for order_id, found in self.listing(number).orders.items()
            if found.place == Place.LIST and found.contingent is None
        ]
        if self.draw.random() < 0.02:
            waiting += [order_id for order_id, its_number in self.recent[-50:] if its_number == number]
        for order_id in waiting:
            verdict = Code.INSUFFICIENT_BALANCE if self.draw.random() < 0.15 else Code.OK
            self.send(Activate(order_id=order_id, instrument=number, verdict=verdict))

    def mass_cancel(self, number: int) -> None:
        draw = self.draw
        account = draw.choice((0, *range(1, ACCOUNTS + 1), *range(1, ACCOUNTS + 1)))
        self.send(
            MassCancel(
                cl_ord_id=b"m", instrument=draw.choice((number, number, number, 0)), target=account,
                side=draw.choice((0, 1, 2)), account=account if draw.random() < 0.5 else 99, session=5,
            )
        )  # fmt: skip

    # On instruments and accounts

    def tick(self, number: int) -> None:
        dice = self.draw.random()
        if dice < 0.25:
            self.pair.now_ns += self.draw.randint(0, SECOND_NS)
        if dice < 0.005:
            self.pair.now_ns += self.draw.randint(0, DAY_NS)
        del number
        self.send(Tick())

    def change_phase(self, number: int) -> None:
        self.send(PhaseChange(cl_ord_id=b"", instrument=number, phase=self.pick(PHASES)))

    def set_limits(self, number: int) -> None:
        draw = self.draw
        given = {
            "static_band_bps": draw.choice((0, 0, 100, 300, 1000)),
            "dynamic_band_bps": draw.choice((0, 0, 20, 50, 200)),
            "band_action": draw.choice(list(BandAction)),
            "volatility_auction_ms": draw.choice((0, 50, 500, 3000)),
            "day_end_s": draw.choice((0, 3600, 17 * 3600, 86_399)),
        }
        self.send(limits(number, **given))

    def set_group(self, number: int) -> None:
        del number
        self.send(
            AccountLimits(
                cl_ord_id=b"", target=self.draw.randint(1, ACCOUNTS), max_open_orders=0, max_orders=0, window_ms=0,
                self_trade_group=self.draw.choice((0, 7, 8)), self_trade=0, fee_tier=0,
            )
        )  # fmt: skip
