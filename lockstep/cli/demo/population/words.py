"""What a population says and what it hears: requests go out, events come in."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class Kind(Enum):
    """What sort of order it is."""

    QUOTE = "quote"  # a limit that rests, and would be refused if it traded at once
    RESTING = "resting"  # a limit, good till cancelled
    TAKING = "taking"  # a limit, immediate or cancel
    MARKET = "market"
    STOP = "stop"


class Listed(Struct, frozen=True):
    """An instrument that the population trades. `usual_lots` is what an ordinary order is for; `price_ticks` where the
    market begins, `anchor_ticks` where it always comes back to."""

    symbol: str
    price_ticks: int
    anchor_ticks: int
    usual_lots: int


class Place(Struct, frozen=True):
    """A new order. `price_ticks` is a stop's stop price, and 0 for a market order; `display_lots` is what an iceberg
    shows, 0 for all."""

    account: str
    symbol: str
    number: int
    kind: Kind
    buys: bool
    price_ticks: int
    lots: int
    display_lots: int = 0


class Move(Struct, frozen=True):
    """Order `of` gets another price and is called `number` from then on; `lots` is its total, with what is filled."""

    account: str
    symbol: str
    number: int
    of: int
    buys: bool
    price_ticks: int
    lots: int


class Cancel(Struct, frozen=True):
    """Order `of` is to go; the request itself has a number, too."""

    account: str
    symbol: str
    number: int
    of: int
    buys: bool


Request = Place | Move | Cancel


class Quoted(Struct, frozen=True):
    """The best prices of a market as they are now; 0 where a side is empty."""

    symbol: str
    bid_ticks: int
    ask_ticks: int


class Traded(Struct, frozen=True):
    """Somebody's trade."""

    symbol: str
    price_ticks: int


class Opened(Struct, frozen=True):
    """Whether a market trades continuously, or collects orders for an auction."""

    symbol: str
    trades: bool
    collects: bool = False


class Joined(Struct, frozen=True):
    """An account can send requests. It has no open order; `lots` are how many more than at home it has, by symbol."""

    account: str
    lots: dict[str, int]


class Left(Struct, frozen=True):
    """An account can't send requests, and what becomes of its orders is not known: they will be cancelled."""

    account: str


class Accepted(Struct, frozen=True):
    """An order is in the venue."""

    account: str
    number: int


class Filled(Struct, frozen=True):
    """So much of an order has traded."""

    account: str
    number: int
    lots: int


class Moved(Struct, frozen=True):
    """Order `of` has the terms that were asked for as `number`, and that name."""

    account: str
    of: int
    number: int


class Ended(Struct, frozen=True):
    """An order is open no more: filled, cancelled, or never taken. `refused`: another one would not be, either."""

    account: str
    number: int
    refused: bool = False


class Kept(Struct, frozen=True):
    """A move or cancel was not carried out: order `of` is as it was. `refused`: another one would not be, either."""

    account: str
    of: int
    refused: bool = False


Event = Quoted | Traded | Opened | Joined | Left | Accepted | Filled | Moved | Ended | Kept
