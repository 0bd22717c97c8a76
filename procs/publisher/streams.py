"""The names of streams, and the request targets that carry them: `btcusdt@depth20@100ms`, `/stream?streams=a/b`.

It parses text; it subscribes no client and looks at no book.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import parse_qs, unquote

from procs.publisher.feed import Kind

# What may follow "<symbol>@": Binance's names, and our own: book<levels>, phase, auction, correction.
KINDS: dict[str, Kind] = {
    "trade": Kind.TRADE,
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
}
# Each of these messages is complete: a slow client may miss some, as long as it gets the latest.
CONFLATABLE = frozenset(
    {Kind.BOOK_TICKER, Kind.AUCTION} | {kind for kind in Kind if Kind.PARTIAL_5_1000 <= kind <= Kind.PARTIAL_20_100}
)


class Stream(NamedTuple):
    """A stream as a client named it."""

    name: str
    instrument: int
    kind: Kind

    @property
    def conflatable(self) -> bool:
        return self.kind in CONFLATABLE


class Target(NamedTuple):
    """What a client asked for in its request line. `combined`: its messages are wrapped as {"stream", "data"}."""

    combined: bool
    names: tuple[str, ...]


def parse_stream(name: str, find: Callable[[str], int | None]) -> Stream | None:
    """The stream called `name`; `find` knows the instruments. None if there is no such instrument or kind."""
    symbol, _, suffix = name.partition("@")
    kind = KINDS.get(suffix)
    instrument = find(symbol)
    return Stream(name, instrument, kind) if kind is not None and instrument is not None else None


def parse_target(target: str) -> Target | None:
    """Read a request target; None if nothing is served there.

    Clients put a word of their own after /ws/ (ccxt: /ws/0) and subscribe later: names without "@" are ignored.
    """
    path, _, query = target.partition("?")
    if path == "/stream":
        names = "/".join(parse_qs(query).get("streams", [])).split("/")
    elif path == "/ws" or path.startswith("/ws/"):
        names = unquote(path[len("/ws") :]).split("/")
    else:
        return None
    return Target(path == "/stream", tuple(dict.fromkeys(name for name in names if "@" in name)))
