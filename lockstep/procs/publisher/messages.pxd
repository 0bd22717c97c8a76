from libc.stddef cimport size_t
from libc.stdint cimport uint64_t

from lockstep.core.schema.records cimport CorrectedRecord, IndicativeRecord, PhaseChangedRecord, TradedRecord
from lockstep.procs.publisher.book cimport Levels
from lockstep.procs.publisher.tape cimport Tape
from lockstep.procs.publisher.text cimport NUMBER_SIZE

cdef enum:
    LEVEL_SIZE = 2 * NUMBER_SIZE + 4     # ["price","quantity"],
    HEAD_SIZE = 8 * NUMBER_SIZE + 128    # of a message without its levels

cdef char *write_trade(char *out, const Tape *tape, const TradedRecord *trade, uint64_t unit_ns) noexcept nogil
cdef char *write_phase(char *out, const Tape *tape, const PhaseChangedRecord *event, uint64_t unit_ns) noexcept nogil
cdef char *write_auction(char *out, const Tape *tape, const IndicativeRecord *event, uint64_t unit_ns) noexcept nogil
cdef char *write_correction(char *out, const Tape *tape, const CorrectedRecord *event, uint64_t unit_ns) noexcept nogil
cdef char *write_ticker(char *out, const Levels *levels, const Tape *tape) noexcept nogil
cdef char *write_partial(char *out, const Levels *levels, const Tape *tape, int limit) noexcept nogil
cdef char *write_state(char *out, const Levels *levels, const Tape *tape, int limit) noexcept nogil
cdef char *write_changes(char *out, const Levels *levels, const Tape *tape, int side, int cadence) noexcept nogil
cdef char *write_diff_head(char *out, uint64_t time) noexcept nogil
cdef size_t diff_rest(const char *diff) noexcept nogil
