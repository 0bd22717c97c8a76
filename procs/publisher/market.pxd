from libc.stdint cimport uint32_t, uint64_t

from procs.publisher.book cimport Levels
from procs.publisher.text cimport Scale, Text
from procs.tables.saved cimport Loader, Saver
from shm.records cimport (
    SYMBOL_SIZE, CorrectedRecord, EventRecord, IndicativeRecord, InstrumentDefinedRecord, PhaseChangedRecord,
    TradedRecord,
)

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
    MICROSECONDS = 16        # added to a kind whose messages have times: these in microseconds, not milliseconds
    KINDS = 32

cdef enum:
    EVERY_1000_MS = 0
    EVERY_100_MS = 1
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
    char symbol[SYMBOL_SIZE + 1]
    Scale price
    Scale quantity
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
    uint32_t wanted         # bit k: kind k has subscribers
    uint32_t changed        # bit k: the book changed since kind k, a timed one, was published
    uint32_t due            # bit k: it is time for kind k
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
cdef void market_tick(Market *market, int cadence) noexcept nogil
cdef int market_publish(Market *market) except -1 nogil
cdef int write_latest(Market *market, int kind, Text *out) except -1 nogil
cdef int market_save(const Market *market, Saver out) except -1
cdef int market_load(Market *market, Loader part) except -1
cdef void market_free(Market *market) noexcept nogil
