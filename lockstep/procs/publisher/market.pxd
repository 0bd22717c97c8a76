from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.schema.records cimport (
    CorrectedRecord, IndicativeRecord, InstrumentDefinedRecord, PhaseChangedRecord, TradedRecord,
)
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.publisher.book cimport Best, Levels
from lockstep.procs.publisher.candles cimport PLACES
from lockstep.procs.publisher.figures cimport Quote
from lockstep.procs.publisher.kinds cimport KINDS
from lockstep.procs.publisher.tape cimport Tape
from lockstep.procs.publisher.text cimport Text

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
cdef void market_go_live(Market *market) noexcept nogil
cdef void market_want(Market *market, int kind, bint wanted) noexcept nogil
cdef uint64_t market_time(const Market *market) noexcept nogil
cdef Quote market_quote(const Market *market) noexcept nogil
cdef int market_save(const Market *market, Saver out) except -1
cdef int market_load(Market *market, Loader part) except -1
cdef void market_free(Market *market) noexcept nogil
