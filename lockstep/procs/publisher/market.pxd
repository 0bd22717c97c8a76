from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.schema.records cimport (
    CorrectedRecord, EventRecord, IndicativeRecord, InstrumentDefinedRecord, PhaseChangedRecord, TradedRecord,
)
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.publisher.book cimport Levels
from lockstep.procs.publisher.candles cimport PLACES
from lockstep.procs.publisher.figures cimport Quote
from lockstep.procs.publisher.tape cimport Tape
from lockstep.procs.publisher.text cimport Text

# The kinds of stream of an instrument. Those of one cadence lie 3 apart: see market.pyx.
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

cdef enum:
    EVERY_1000_MS = 0
    EVERY_100_MS = 1
    EVERY_2000_MS = 2
    CADENCE_KINDS = 3
    STATES_FRAME_BYTES = 262144   # a frame of states is closed at this size: stock clients refuse messages of 1 MiB
    MAX_CHANGES = 8192            # a difference is published before its time when this many prices changed on a side

cdef struct Best:
    uint64_t count   # 0 if the side is empty
    uint64_t key
    uint64_t lots

cdef struct Market:
    Levels levels
    uint32_t instrument
    Tape tape
    bint live               # messages are made; before, the book is rebuilt in silence
    bint touched            # the feed has it on the list of what may have something to publish
    bint has_trade
    bint has_correction
    TradedRecord last_trade
    PhaseChangedRecord last_phase
    IndicativeRecord indicative   # of the auction that runs; all 0 if none does
    CorrectedRecord last_correction
    int matcher             # whose ring its events come by
    Best shown[2]           # what the last bookTicker said
    uint64_t wanted[2]      # bit k: kind k has subscribers, with times in milliseconds, or in microseconds
    uint64_t changed        # bit k: what kind k, a timed one, tells changed since it was published
    uint64_t due            # bit k: it is time for kind k
    uint64_t clock_ns       # the log's time is here at least, though the instrument may have had no event so late
    uint64_t rolled_ns      # the time that it was rolled to
    uint64_t told_ns[PLACES]  # when the candle began that was published last, by interval; 0: none yet
    uint64_t next_update[2]  # U of the next difference of each cadence
    Text last_diff[2]       # with its time in milliseconds
    uint64_t last_diff_ns[2]
    uint64_t written        # bytes of messages made with commands, ever
    Text out[KINDS]         # messages to send: 8 bytes of length, then the payload, again and again
    uint64_t open_at[3]     # where the unclosed message of states begins in out[KIND_BOOK_5 + i], plus 1; 0 for none

cdef int market_define(Market *market, const InstrumentDefinedRecord *event) except -1
cdef int market_apply(Market *market, const EventRecord *event) except -1 nogil
cdef int market_complete(Market *market) except -1 nogil
cdef int market_move(Market *market, int matcher, uint64_t next_number) except -1 nogil
cdef int market_correct(Market *market, const CorrectedRecord *event) except -1
cdef void market_go_live(Market *market) noexcept nogil
cdef int market_settle(Market *market, uint64_t below) except -1 nogil
cdef void market_want(Market *market, int kind, bint wanted) noexcept nogil
cdef int market_roll(Market *market, uint64_t clock_ns) except -1 nogil
cdef uint64_t market_time(const Market *market) noexcept nogil
cdef Quote market_quote(const Market *market) noexcept nogil
cdef char *write_price_row(char *out, const Market *market) noexcept nogil
cdef char *write_best_row(char *out, const Market *market) noexcept nogil
cdef int write_depth(const Market *market, uint64_t limit, Text *out) except -1 nogil
cdef int write_figures(const Market *market, int kind, uint64_t unit_ns, Text *out) except -1 nogil
cdef void market_tick(Market *market, int cadence) noexcept nogil
cdef int market_publish(Market *market) except -1 nogil
cdef int write_latest(Market *market, int kind, Text *out) except -1 nogil
cdef int market_save(const Market *market, Saver out) except -1
cdef int market_load(Market *market, Loader part) except -1
cdef void market_free(Market *market) noexcept nogil
