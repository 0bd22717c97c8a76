# The kinds of stream of an instrument. Those of one cadence lie 3 apart: see `publication`.
cdef enum:
    KIND_TRADE = 0
    KIND_BOOK_TICKER = 1
    KIND_DEPTH_1000 = 2
    KIND_DEPTH_100 = 3
    KIND_BOOK_5 = 4
    KIND_BOOK_10 = 5
    KIND_BOOK_20 = 6
    KIND_PARTIAL_5_1000 = 7
    KIND_PARTIAL_10_1000 = 8
    KIND_PARTIAL_20_1000 = 9
    KIND_PARTIAL_5_100 = 10
    KIND_PARTIAL_10_100 = 11
    KIND_PARTIAL_20_100 = 12
    KIND_PHASE = 13
    KIND_AUCTION = 14
    KIND_CORRECTION = 15
    KIND_AGG_TRADE = 16
    KIND_TICKER = 17
    KIND_MINI_TICKER = 18
    KIND_AVG_PRICE = 19
    KIND_TICKER_1H = 20
    KIND_TICKER_4H = 21
    KIND_TICKER_1D = 22
    KIND_ALL_TICKER = 23     # of all instruments together
    KIND_ALL_MINI_TICKER = 24
    KIND_ALL_TICKER_1H = 25
    KIND_ALL_TICKER_4H = 26
    KIND_ALL_TICKER_1D = 27
    KIND_KLINE = 28          # + the interval's place
    MICROSECONDS = 64        # added to a kind whose messages have times: these in microseconds, not milliseconds
    KINDS = 128
    ALL_LEVELS = 3           # KIND_…_5, _10 and _20
    WINDOWS = 3              # KIND_TICKER_1H, _4H and _1D

cdef enum:
    EVERY_1000_MS = 0
    EVERY_100_MS = 1
    EVERY_2000_MS = 2
    CADENCE_KINDS = 3


cdef inline int depth_of(int place) noexcept nogil:
    """How many levels KIND_…_5, _10 and _20 have."""
    return 5 << place
