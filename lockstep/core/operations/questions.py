"""What the api has a process of low priority find out: questions that take a replay, or a look at the whole venue.

`cli.answer` answers them, with what is behind `lockstep at`, `status`, `bust`, `correct` and `disconnect`.
"""

from __future__ import annotations

from msgspec import Struct


class LookBack(Struct, frozen=True, tag="at"):
    """The venue just after one command: named by a sequence or time (`when`), by an order, or by who sent which id."""

    when: str | None = None
    order: int | None = None
    client_id: tuple[str, str] | None = None
    account: str | None = None
    symbol: str | None = None
    depth: int = 10


class HowItIs(Struct, frozen=True, tag="status"):
    """What the venue is doing."""

    sessions: bool = False


class WhichTrade(Struct, frozen=True, tag="trade"):
    """A trade as the journal has it, of one of the matchers: as its event, packed."""

    symbol: str
    number: int
    matchers: tuple[int, ...]


class EndConnection(Struct, frozen=True, tag="disconnect"):
    """Log a FIX session out."""

    session: str
    operator: str
    reason: str


class LastCommands(Struct, frozen=True, tag="commands"):
    """Operators' commands, the newest first: by one account, of one kind, before a record; 0 or "": any."""

    by: str = ""
    kind: str = ""
    before: int = 0
    limit: int = 50


class LastTrades(Struct, frozen=True, tag="trades"):
    """Trades of an instrument, the newest first: of one account, until a time (milliseconds since 1970); None: any."""

    symbol: str
    account: str = ""
    until: int | None = None
    limit: int = 50


# What an answer begins with: one that is there, or why there is none (`No`).
ONE, NONE = b"+", b"-"

Question = LookBack | HowItIs | WhichTrade | EndConnection | LastCommands | LastTrades


class CommandGiven(Struct, frozen=True):
    """A command: its record of the log, when (milliseconds since 1970), who gave it ("": the configuration), its kind,
    what it asks for, and its outcome, a code."""

    record: int
    when: int
    by: str
    kind: str
    what: str
    outcome: str


class TradeMade(Struct, frozen=True):
    """A trade. `state` is standing, busted or corrected, and `price` the price that it has now; `record` is the log's
    record that made it."""

    matcher: int
    trade: int
    when: int
    symbol: str
    price: str
    quantity: str
    buyer: str
    seller: str
    taker_side: str
    state: str
    record: int


class Found(Struct, frozen=True):
    """The trade's matcher, and its event."""

    matcher: int
    event: bytes


class Ended(Struct, frozen=True):
    """What the gateway did."""

    was_connected: bool
    says: str


class No(Struct, frozen=True):
    """Why there is no answer. `is_asker`: the question is wrong, and not the venue."""

    why: str
    is_asker: bool
