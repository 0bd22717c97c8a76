from collections.abc import Iterable
from enum import IntEnum
from typing import TypedDict

from typing_extensions import Buffer

SIZE: int

class Handover(IntEnum):
    NO = 0
    ASKED = 1
    CLOSING = 2
    CLOSED = 3

class Word(IntEnum):
    DURABLE_SEQ = 0
    ACKED_SEQ = 1
    ROUTER_DONE = 2
    LOG_END = 3
    EPOCH = 4
    READY_EVENT = 5
    JOURNAL_READY = 6
    SPOOLED = 7
    DATABASE_SEQ = 8
    JOURNAL_FULL = 9
    GENERATION = 10
    SNAPSHOT_ASKED = 11
    SNAPSHOT_SEQ = 12
    PROMOTED = 13
    PRIMARY_COMMIT = 14
    COMMIT_BY = 15
    SETTLED = 16
    MATCHER_DONE = 24
    MATCHER_DUE = 32
    FENCED = 40
    PROMOTE = 41
    LINK = 42
    PEER_SEQ = 43
    DIFFERS = 44
    HANDOVER = 45
    COMPARED = 50
    WHOLE_NS = 51
    EPOCH_WANTED = 52
    STALLED_NS = 53
    WAITED_FOR = 55
    PEER_ANCHOR_NS = 54
    LEASE_UNTIL = 46
    LOG_AHEAD_NS = 47

class Counts(TypedDict):
    is_open: int
    connections: int
    sessions: int
    open_orders: int
    refused: list[int]

class Board:
    def __init__(self, buffer: Buffer) -> None: ...
    @staticmethod
    def format(buffer: Buffer) -> None: ...
    @staticmethod
    def private() -> Board: ...
    def show_known(self, witness: int, seq: int, numbers: Iterable[int]) -> None: ...
    def known_by(self, witness: int) -> tuple[int, list[int]] | None: ...
    def counts(self, gateway: int) -> Counts: ...
    def get(self, word: int) -> int: ...
    def set(self, word: int, value: int) -> None: ...
    def commit_position(self) -> int: ...
    def release_position(self) -> int: ...
    def is_closed(self) -> bool: ...
    def balance(self, account: int, asset: int) -> tuple[int, int] | None: ...
    def show_health(self, agent: int, values: dict[str, int]) -> None: ...
    def health(self, agent: int) -> dict[str, int] | None: ...
