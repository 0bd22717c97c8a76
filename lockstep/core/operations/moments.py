"""What is shown of a venue at a moment of its log: by `lockstep at`, and by the api."""

from __future__ import annotations

from msgspec import Struct


class CommandThen(Struct, frozen=True):
    """The command. `seq` is its main record's place in the log."""

    seq: int
    type: str
    time: str
    epoch: int
    words: str
    verdict: str


class RefusalThen(Struct, frozen=True):
    """Why it was refused: by whom, with what code, and on what figures."""

    by: str
    code: str
    number: int
    meaning: str
    remedy: str
    figures: dict[str, str]


class LevelThen(Struct, frozen=True):
    """A price, all that is open there (hidden too), how much of it is shown, and by how many orders."""

    price: str
    quantity: str
    shown: str
    orders: int


class BookThen(Struct, frozen=True):
    """An instrument, best levels first. `last_price` and `reference_price` are empty if there is none."""

    symbol: str
    phase: str
    matcher: int
    last_price: str
    reference_price: str
    bids: list[LevelThen]
    asks: list[LevelThen]


class BalanceThen(Struct, frozen=True):
    """What an account had of an asset, with everything that the command led to."""

    account: str
    asset: str
    free: str
    held: str


class OrderThen(Struct, frozen=True):
    """An open order, one that waits for a stop price or another order's fill included."""

    order_id: int
    cl_ord_id: str
    account: str
    symbol: str
    side: str
    type: str
    price: str
    quantity: str
    open: str
    waits: bool


class Moment(Struct, frozen=True):
    """The venue just after `command`. `snapshot` is the record after which the replay began; 0: the journal."""

    command: CommandThen
    events: list[str]
    refusal: RefusalThen | None
    books: list[BookThen]
    balances: list[BalanceThen]
    orders: list[OrderThen]
    notes: list[str]
    snapshot: int
    replayed: int
