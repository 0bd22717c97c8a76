"""What the api has a process of low priority find out: questions that take a replay, or a look at the whole venue.

`scripts.answer` answers them, with what is behind `lockstep at`, `status`, `bust`, `correct` and `disconnect`.
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
    matchers: list[int]


class EndConnection(Struct, frozen=True, tag="disconnect"):
    """Log a FIX session out."""

    session: str
    operator: str
    reason: str


# What an answer begins with: one that is there, or why there is none (`No`).
ONE, NONE = b"+", b"-"

Question = LookBack | HowItIs | WhichTrade | EndConnection


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
