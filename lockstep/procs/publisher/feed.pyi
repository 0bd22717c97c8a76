from collections.abc import Mapping
from enum import IntEnum

from lockstep.core.edge.released_events import ReleasedEvents
from lockstep.core.tables.saved import Loader, Saver
from lockstep.shm.board import Board
from lockstep.shm.ring import Consumer

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
    TICKER_1H = 20
    TICKER_4H = 21
    TICKER_1D = 22
    ALL_TICKER = 23
    ALL_MINI_TICKER = 24
    ALL_TICKER_1H = 25
    ALL_TICKER_4H = 26
    ALL_TICKER_1D = 27
    KLINE_1S = 28
    KLINE_1MIN = 29
    KLINE_3MIN = 30
    KLINE_5MIN = 31
    KLINE_15MIN = 32
    KLINE_30MIN = 33
    KLINE_1H = 34
    KLINE_2H = 35
    KLINE_4H = 36
    KLINE_6H = 37
    KLINE_8H = 38
    KLINE_12H = 39
    KLINE_1D = 40
    KLINE_3D = 41
    KLINE_1W = 42
    KLINE_1MONTH = 43
    KLINE_1S_AHEAD = 44
    KLINE_1MIN_AHEAD = 45
    KLINE_3MIN_AHEAD = 46
    KLINE_5MIN_AHEAD = 47
    KLINE_15MIN_AHEAD = 48
    KLINE_30MIN_AHEAD = 49
    KLINE_1H_AHEAD = 50
    KLINE_2H_AHEAD = 51
    KLINE_4H_AHEAD = 52
    KLINE_6H_AHEAD = 53
    KLINE_8H_AHEAD = 54
    KLINE_12H_AHEAD = 55
    KLINE_1D_AHEAD = 56
    KLINE_3D_AHEAD = 57
    KLINE_1W_AHEAD = 58
    KLINE_1MONTH_AHEAD = 59
    TRADE_US = 64
    DEPTH_1000_US = 66
    DEPTH_100_US = 67
    PHASE_US = 77
    AUCTION_US = 78
    CORRECTION_US = 79
    AGG_TRADE_US = 80
    TICKER_US = 81
    MINI_TICKER_US = 82
    AVG_PRICE_US = 83
    TICKER_1H_US = 84
    TICKER_4H_US = 85
    TICKER_1D_US = 86
    ALL_TICKER_US = 87
    ALL_MINI_TICKER_US = 88
    ALL_TICKER_1H_US = 89
    ALL_TICKER_4H_US = 90
    ALL_TICKER_1D_US = 91
    KLINE_1S_US = 92
    KLINE_1MIN_US = 93
    KLINE_3MIN_US = 94
    KLINE_5MIN_US = 95
    KLINE_15MIN_US = 96
    KLINE_30MIN_US = 97
    KLINE_1H_US = 98
    KLINE_2H_US = 99
    KLINE_4H_US = 100
    KLINE_6H_US = 101
    KLINE_8H_US = 102
    KLINE_12H_US = 103
    KLINE_1D_US = 104
    KLINE_3D_US = 105
    KLINE_1W_US = 106
    KLINE_1MONTH_US = 107
    KLINE_1S_AHEAD_US = 108
    KLINE_1MIN_AHEAD_US = 109
    KLINE_3MIN_AHEAD_US = 110
    KLINE_5MIN_AHEAD_US = 111
    KLINE_15MIN_AHEAD_US = 112
    KLINE_30MIN_AHEAD_US = 113
    KLINE_1H_AHEAD_US = 114
    KLINE_2H_AHEAD_US = 115
    KLINE_4H_AHEAD_US = 116
    KLINE_6H_AHEAD_US = 117
    KLINE_8H_AHEAD_US = 118
    KLINE_12H_AHEAD_US = 119
    KLINE_1D_AHEAD_US = 120
    KLINE_3D_AHEAD_US = 121
    KLINE_1W_AHEAD_US = 122
    KLINE_1MONTH_AHEAD_US = 123

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
