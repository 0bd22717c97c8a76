from collections.abc import Mapping
from enum import IntEnum

from procs.edge.released_events import ReleasedEvents
from procs.tables.saved import Loader, Saver
from shm.board import Board
from shm.ring import Consumer

EVERYTHING: int

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
    AGG_TRADE = 16
    TICKER = 17
    MINI_TICKER = 18
    AVG_PRICE = 19
    ALL_TICKER = 20
    ALL_MINI_TICKER = 21
    KLINE_1S = 22
    KLINE_1MIN = 23
    KLINE_3MIN = 24
    KLINE_5MIN = 25
    KLINE_15MIN = 26
    KLINE_30MIN = 27
    KLINE_1H = 28
    KLINE_2H = 29
    KLINE_4H = 30
    KLINE_6H = 31
    KLINE_8H = 32
    KLINE_12H = 33
    KLINE_1D = 34
    KLINE_3D = 35
    KLINE_1W = 36
    KLINE_1MONTH = 37
    TRADE_US = 40
    DEPTH_1000_US = 42
    DEPTH_100_US = 43
    PHASE_US = 53
    AUCTION_US = 54
    CORRECTION_US = 55
    AGG_TRADE_US = 56
    TICKER_US = 57
    MINI_TICKER_US = 58
    AVG_PRICE_US = 59
    ALL_TICKER_US = 60
    ALL_MINI_TICKER_US = 61
    KLINE_1S_US = 62
    KLINE_1MIN_US = 63
    KLINE_3MIN_US = 64
    KLINE_5MIN_US = 65
    KLINE_15MIN_US = 66
    KLINE_30MIN_US = 67
    KLINE_1H_US = 68
    KLINE_2H_US = 69
    KLINE_4H_US = 70
    KLINE_6H_US = 71
    KLINE_8H_US = 72
    KLINE_12H_US = 73
    KLINE_1D_US = 74
    KLINE_3D_US = 75
    KLINE_1W_US = 76
    KLINE_1MONTH_US = 77

class Cadence(IntEnum):
    MS_1000 = 0
    MS_100 = 1
    MS_2000 = 2

class Feed(ReleasedEvents):
    live: bool
    @property
    def may_tell(self) -> bool: ...
    def __init__(self, consumers: Mapping[int, Consumer], board: Board) -> None: ...
    def save(self, out: Saver) -> None: ...
    def load(self, part: Loader) -> None: ...
    def follow_clock(self, router_slot: int, anchor_ns: int) -> None: ...
    @property
    def clock_ns(self) -> int: ...
    def poll(self) -> int: ...
    def tick(self, cadence: int) -> None: ...
    def pending(self) -> list[tuple[int, int]]: ...
    def take(self, instrument: int, kind: int, wrap: bytes | None = None) -> bytes: ...
    def clear(self, instrument: int, kind: int) -> None: ...
    def latest(self, instrument: int, kind: int, wrap: bytes | None = None) -> bytes | None: ...
    def want(self, instrument: int, kind: int, wanted: bool) -> None: ...
    def instruments(self) -> list[int]: ...
    def find(self, symbol: str) -> int | None: ...
