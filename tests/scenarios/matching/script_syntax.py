"""The words of order → event scripts: lines to commands, and events to lines.

It knows the language and the records, and no rule of matching: the scripts state those. What follows # is a remark::

    ann buys 5 @ 100                    a limit order of the account ann; its event `accepted` is understood
    ann's a1 buys 5 @ 100               the same with a name, for a later cancel or replace (else its name is `ann`)
    bob sells 5 at market collar 95     a market order; 95 is the worst price that the router gave it
    bob buys worth 900 at market collar 105       a market order by budget
    … day | for 90s | ioc | fok | at-the-open | at-the-close      time in force (else GTC; `for` is GTD, from now)
    … stop 105 | trail 5 | shows 2 | minimum 3 | post-only | slide     terms; `at market … stop` is a stop order
    … cancel-newest | cancel-oldest | cancel-both | decrement     self-trade prevention
    ann's a1 sells 5 @ 110 or a2 sells 5 at market collar 85 stop 90     a list: one cancels the other
    ann's a1 buys 5 @ 90 then a2 sells 5 @ 99                            a list: the second follows the first's fill
    activate a2 | activate a2 without funds       what the router does when it has seen that fill
    cancel a1
    replace a1 3 @ 100 stop 90          3 is the whole quantity, what is filled included; terms that change follow
    mass cancel [of ann] [buys|sells]   by an operator;  `ann cancels all [buys|sells]`: her own
    phase PRE_OPEN                      wait 5s: the clock goes on, and ticks;  group ann bob: one in self-trades
    limits static 500 dynamic 100 reject|auction volatility 5s day-end 17:00         bands in basis points
    instrument reference 100 collar 500 defines it again

and of what came of the line above, all of it, in order::

    -> bob trades 2 @ 100 with a1       `in the auction` where it was that
    -> a1 waits                         accepted, but not in the book;  a1 triggered STOP|LIST|AUCTION
    -> a1 cancelled 3 SELF_TRADE        the quantity taken off and why, where it was not asked for
    -> a1 replaced 3 @ 100 kept         or `lost`: its place in the queue
    -> a1 prevented 2 @ 100 with b1: 2 0   a trade that was prevented, and what each of the two loses
    -> a1 restated 3 @ 100 SLID         or SELF_TRADE
    -> a1 shows 2                       what the book shows of an iceberg; `anew` at each refresh, at the tail
    -> a1 refused ORDER_CLOSED
    -> phase CONTINUOUS COMMAND after 7 @ 101       what the auction that ended traded, where it did
    -> indicative 5 @ 101 imbalance -2
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from lockstep.core.schema.records import (
    Accepted,
    BandAction,
    Cancelled,
    CancelReason,
    Code,
    Event,
    ExtTerms,
    Indicative,
    NewOrder,
    OrderState,
    OrderType,
    Phase,
    PhaseChanged,
    PhaseReason,
    Prevented,
    Rejected,
    Replaced,
    Restated,
    RestateReason,
    SelfTrade,
    Shown,
    Side,
    TimeInForce,
    Traded,
    TradeFlag,
    Triggered,
    TriggerReason,
)
from lockstep.core.schema.records import OrderFlag as Flag
from tests.matcher.pair import order

ORDER = re.compile(
    r"(?:(?P<owner>\w+)'s )?(?P<name>\w+) (?P<verb>buys|sells) (?P<budget>worth )?(?P<lots>\d+)"
    r"(?: @ (?P<limit>\d+)| at market collar (?P<collar>\d+))(?P<more>(?: [\w-]+)*)"
)
TIMES = {
    "day": TimeInForce.DAY, "gtc": TimeInForce.GTC, "ioc": TimeInForce.IOC, "fok": TimeInForce.FOK,
    "at-the-open": TimeInForce.AT_THE_OPEN, "at-the-close": TimeInForce.AT_THE_CLOSE,
}  # fmt: skip
MODES = {
    "cancel-newest": SelfTrade.CANCEL_NEWEST, "cancel-oldest": SelfTrade.CANCEL_OLDEST,
    "cancel-both": SelfTrade.CANCEL_BOTH, "decrement": SelfTrade.DECREMENT,
}  # fmt: skip
FLAGS = {"post-only": Flag.POST_ONLY, "slide": Flag.POST_ONLY | Flag.SLIDE}
NUMBERS = {
    "stop": "stop_price_ticks", "trail": "trail_ticks", "shows": "display_lots", "minimum": "minimum_lots",
}  # fmt: skip
UNDERSTOOD = (CancelReason.REQUESTED, CancelReason.IOC_REMAINDER, CancelReason.MARKET_REMAINDER)
UNITS_NS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def duration(text: str) -> int:
    """`90s` in nanoseconds."""
    match = re.fullmatch(r"(\d+)(ms|s|m|h)", text)
    assert match, f"{text!r} is no duration"
    return int(match[1]) * UNITS_NS[match[2]]


@dataclass
class Asked:
    """An order line, understood: who asks, the order, and its further terms where it has any."""

    name: str
    owner: str
    order: NewOrder
    terms: ExtTerms | None


@dataclass
class Words:
    """The names that a script has given so far."""

    ids: dict[str, int] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=dict)

    def call(self, name: str, order_id: int) -> None:
        self.ids[name] = order_id
        self.names[order_id] = name

    def account(self, owner: str) -> int:
        return self.accounts.setdefault(owner, len(self.accounts) + 1)

    def read_order(self, line: str, now_ns: int, owner: str = "") -> Asked:
        match = ORDER.fullmatch(line)
        assert match, f"this is neither an order nor anything else: {line!r}"
        terms, fields = self.read_more(match["more"].split(), now_ns)
        kind = OrderType.LIMIT if match["limit"] else OrderType.MARKET
        if "stop_price_ticks" in terms:
            kind = OrderType.STOP_LIMIT if match["limit"] else OrderType.STOP
        if "trail_ticks" in terms:
            kind = OrderType.TRAILING_STOP
        if match["budget"]:
            fields["flags"] = Flag.BUDGET
        owner = match["owner"] or owner or match["name"]
        made = order(
            Side.BUY if match["verb"] == "buys" else Side.SELL,
            int(match["limit"] or match["collar"]),
            int(match["lots"]),
            ord_type=kind,
            account=self.account(owner),
            cl_ord_id=match["name"].encode(),
            **fields,
        )
        return Asked(match["name"], owner, made, ExtTerms(**terms) if terms else None)

    @staticmethod
    def read_more(words: list[str], now_ns: int) -> tuple[dict[str, Any], dict[str, int]]:
        """Further terms, and fields of the order itself."""
        terms: dict[str, Any] = {}
        fields: dict[str, int] = {}
        rest = iter(words)
        for word in rest:
            if word in NUMBERS:
                terms[NUMBERS[word]] = int(next(rest))
            elif word == "for":
                terms["expire_ns"] = now_ns + duration(next(rest))
                fields["time_in_force"] = TimeInForce.GTD
            elif word in TIMES:
                fields["time_in_force"] = TIMES[word]
            elif word in MODES:
                fields["stp"] = MODES[word]
            else:
                assert word in FLAGS, f"{word!r} is no term of an order"
                fields["flags"] = FLAGS[word]
        return terms, fields

    @staticmethod
    def read_limits(words: list[str]) -> dict[str, int]:
        given: dict[str, int] = {}
        rest = iter(words)
        for word in rest:
            match word:
                case "static" | "dynamic":
                    given[f"{word}_band_bps"] = int(next(rest))
                case "volatility":
                    given["volatility_auction_ms"] = duration(next(rest)) // 10**6
                case "day-end":
                    hours, minutes = next(rest).split(":")
                    given["day_end_s"] = int(hours) * 3600 + int(minutes) * 60
                case _:
                    given["band_action"] = BandAction[word.upper()]
        return given

    def tell(self, event: Event) -> str:
        """The event in the script's words; nothing for what is understood."""
        name = self.names.get(getattr(event, "order_id", 0), "")
        match event:
            case Accepted():
                return f"{name} waits" if event.state == OrderState.WAITING else ""
            case Traded():
                maker, taker = self.names[event.maker_order_id], self.names[event.taker_order_id]
                where = " in the auction" if event.flags & TradeFlag.AUCTION else ""
                return f"{taker} trades {event.quantity_lots} @ {event.price_ticks} with {maker}{where}"
            case Cancelled():
                why = "" if event.reason in UNDERSTOOD else f" {CancelReason(event.reason).name}"
                return f"{name} cancelled {event.leaves_lots}{why}"
            case Replaced():
                place = "kept" if event.kept_priority else "lost"
                return f"{name} replaced {event.leaves_lots} @ {event.price_ticks} {place}"
            case Prevented():
                taker, maker = self.names[event.taker_order_id], self.names[event.maker_order_id]
                terms = f"{event.quantity_lots} @ {event.price_ticks} with {maker}"
                return f"{taker} prevented {terms}: {event.taker_lots} {event.maker_lots}"
            case Restated():
                return f"{name} restated {event.leaves_lots} @ {event.price_ticks} {RestateReason(event.reason).name}"
            case Rejected():
                return f"{name} refused {Code(event.code).name}"
            case Triggered():
                return f"{name} triggered {TriggerReason(event.reason).name}"
            case Shown():
                return f"{name} shows {event.shown_lots}" + (" anew" if event.is_refresh else "")
            case _:
                return self.tell_of_phase(event)

    @staticmethod
    def tell_of_phase(event: Event) -> str:
        match event:
            case PhaseChanged():
                traded = f" after {event.auction_lots} @ {event.auction_price_ticks}" if event.auction_lots else ""
                return f"phase {Phase(event.phase).name} {PhaseReason(event.reason).name}{traded}"
            case Indicative():
                return f"indicative {event.quantity_lots} @ {event.price_ticks} imbalance {event.imbalance_lots}"
            case _:
                return ""
