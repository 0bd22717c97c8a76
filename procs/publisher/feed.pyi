from collections.abc import Mapping
from enum import IntEnum

from procs.edge.released_events import ReleasedEvents
from procs.tables.saved import Loader, Saver
from shm.board import Board
from shm.ring import Consumer

class Kind(IntEnum):
    TRADE = 0
    BOOK_TICKER = 1
    DEPTH_1000 = 2
    DEPTH_100 = 3
    BOOK_5 = 4
    BOOK_10 = 5
    BOOK_20 = 6
    PARTIAL_5_1000 = 7
    PARTIAL_10_1000 = 8
    PARTIAL_20_1000 = 9
    PARTIAL_5_100 = 10
    PARTIAL_10_100 = 11
    PARTIAL_20_100 = 12
    PHASE = 13
    AUCTION = 14
    CORRECTION = 15
    TRADE_US = 16
    DEPTH_1000_US = 18
    DEPTH_100_US = 19
    PHASE_US = 29
    AUCTION_US = 30
    CORRECTION_US = 31

class Cadence(IntEnum):
    MS_1000 = 0
    MS_100 = 1

class Feed(ReleasedEvents):
    live: bool
    @property
    def may_tell(self) -> bool: ...
    def __init__(self, consumers: Mapping[int, Consumer], board: Board) -> None: ...
    def save(self, out: Saver) -> None: ...
    def load(self, part: Loader) -> None: ...
    def poll(self) -> int: ...
    def tick(self, cadence: int) -> None: ...
    def pending(self) -> list[tuple[int, int]]: ...
    def take(self, instrument: int, kind: int, wrap: bytes | None = None) -> bytes: ...
    def clear(self, instrument: int, kind: int) -> None: ...
    def latest(self, instrument: int, kind: int, wrap: bytes | None = None) -> bytes | None: ...
    def want(self, instrument: int, kind: int, wanted: bool) -> None: ...
    def find(self, symbol: str) -> int | None: ...
