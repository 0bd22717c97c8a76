"""The names of streams, and the request targets that carry them: `btcusdt@depth20@100ms`, `/stream?streams=a/b`.

It parses text; it subscribes no client and looks at no book.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import parse_qs, unquote

from lockstep.procs.publisher.candles import NAMES as INTERVALS
from lockstep.procs.publisher.feed import EVERYTHING
from lockstep.procs.publisher.kinds import Kind
from lockstep.procs.publisher.requests import INVALID_REQUEST, BadRequest

COMBINED = ("/stream", "/v1/stream/market")  # where messages come with the name of their stream
WINDOWS = ("1h", "4h", "1d")
UNITS = ("MILLISECOND", "MICROSECOND")
# What may follow "<symbol>@": Binance's names, and our own: book<levels>, phase, auction, correction.
KINDS: dict[str, Kind] = {
    "trade": Kind.TRADE,
    "aggTrade": Kind.AGG_TRADE,
    "ticker": Kind.TICKER,
    "miniTicker": Kind.MINI_TICKER,
    "avgPrice": Kind.AVG_PRICE,
    "bookTicker": Kind.BOOK_TICKER,
    "depth": Kind.DEPTH_1000,
    "depth@1000ms": Kind.DEPTH_1000,
    "depth@100ms": Kind.DEPTH_100,
    "phase": Kind.PHASE,
    "auction": Kind.AUCTION,
    "correction": Kind.CORRECTION,
    **{f"book{levels}": Kind[f"BOOK_{levels}"] for levels in (5, 10, 20)},
    **{f"depth{levels}": Kind[f"PARTIAL_{levels}_1000"] for levels in (5, 10, 20)},
    **{f"depth{levels}@{ms}ms": Kind[f"PARTIAL_{levels}_{ms}"] for levels in (5, 10, 20) for ms in (100, 1000)},
    **{f"kline_{name}": Kind(Kind.KLINE_1S + place) for place, name in enumerate(INTERVALS)},
    **{f"kline_{name}@+08:00": Kind(Kind.KLINE_1S_AHEAD + place) for place, name in enumerate(INTERVALS)},
    **{f"ticker_{window}": Kind[f"TICKER_{window.upper()}"] for window in WINDOWS},
}
# What is about all instruments together.
OF_ALL: dict[str, Kind] = {
    "!ticker@arr": Kind.ALL_TICKER,
    "!ticker@arr@1000ms": Kind.ALL_TICKER,
    "!miniTicker@arr": Kind.ALL_MINI_TICKER,
    "!miniTicker@arr@1000ms": Kind.ALL_MINI_TICKER,
    **{f"!ticker_{window}@arr": Kind[f"ALL_TICKER_{window.upper()}"] for window in WINDOWS},
}
# The kinds whose messages have times, and those that have them in microseconds.
IN_MICROSECONDS: dict[Kind, Kind] = {
    Kind[kind.name.removesuffix("_US")]: kind for kind in Kind if kind.name.endswith("_US")
}
# Each of these messages is complete: a slow client may miss some, as long as it gets the latest.
CONFLATABLE = frozenset(
    {Kind.BOOK_TICKER, Kind.AUCTION, Kind.AUCTION_US}
    | {kind for kind in Kind if Kind.TICKER <= kind <= Kind.TICKER_1D or Kind.TICKER_US <= kind <= Kind.TICKER_1D_US}
    | {kind for kind in Kind if Kind.PARTIAL_5_1000 <= kind <= Kind.PARTIAL_20_100}
)
TOLD_ONCE = frozenset({Kind.TRADE, Kind.TRADE_US, Kind.AGG_TRADE, Kind.AGG_TRADE_US})


class Stream(NamedTuple):
    """A stream as a client named it."""

    name: str
    instrument: int
    kind: Kind

    @property
    def conflatable(self) -> bool:
        return self.kind in CONFLATABLE

    @property
    def told_once(self) -> bool:
        """Whether a subscription begins with what happens next, and not with the latest message."""
        return self.kind in TOLD_ONCE


class Target(NamedTuple):
    """What a client asked for in its request line: for the whole of its connection, but for the names of streams.

    `combined`: its messages are wrapped as {"stream", "data"}. `in_us`: times come in microseconds.
    """

    combined: bool
    names: tuple[str, ...]
    in_us: bool = False


def parse_stream(name: str, find: Callable[[str], int | None], in_us: bool = False) -> Stream | None:
    """The stream called `name`; `find` knows the instruments. None if there is no such instrument or kind."""
    symbol, _, suffix = name.partition("@")
    kind, instrument = KINDS.get(suffix), find(symbol)
    if name in OF_ALL:
        kind, instrument = OF_ALL[name], EVERYTHING
    if kind is None or instrument is None:
        return None
    return Stream(name, instrument, IN_MICROSECONDS.get(kind, kind) if in_us else kind)


def parse_target(target: str) -> Target | None:
    """Read a request target; None if nothing is served there. BadRequest for a unit of time that there is not.

    Clients put a word of their own after /ws/ (ccxt: /ws/0) and subscribe later: names without "@" are ignored.
    python-binance puts a second "?" before the unit of time: /stream?streams=a/b?timeUnit=MICROSECOND. A plus sign
    stands for itself: a@kline_1d@+08:00.
    """
    path, _, query = target.partition("?")
    fields = parse_qs(query.replace("?", "&").replace("+", "%2B"), keep_blank_values=True)
    if path in COMBINED:
        names = "/".join(fields.get("streams", [])).split("/")
    elif path == "/ws" or path.startswith("/ws/"):
        names = unquote(path[len("/ws") :]).split("/")
    else:
        return None
    unit = fields.get("timeUnit", [UNITS[0]])
    if len(unit) > 1 or unit[0].upper() not in UNITS:
        raise BadRequest(
            INVALID_REQUEST, f"Invalid request: timeUnit must be one of {', '.join(UNITS)}, and given once"
        )
    names_once = tuple(dict.fromkeys(name for name in names if "@" in name))
    return Target(path in COMBINED, names_once, unit[0].upper() == UNITS[1])
