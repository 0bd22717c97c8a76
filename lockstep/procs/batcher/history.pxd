from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.schema.records cimport (
    ConfirmedRecord, CorrectedRecord, PhaseChangedRecord, PreventedRecord, ReplacedRecord, TradedRecord,
)
from lockstep.procs.batcher.encode cimport Buffer
from lockstep.procs.batcher.listings cimport Listings

cdef class History:
    cdef readonly uint64_t trades
    cdef readonly uint64_t first_trade_ns
    cdef readonly uint64_t last_trade_ns
    cdef readonly list corrected
    cdef Listings listings
    cdef Buffer trades_out
    cdef Buffer phases_out
    cdef Buffer actions_out
    cdef Buffer corrections_out
    cdef Buffer prevented_out
    cdef Buffer replacements_out
    cdef int trade(self, uint32_t ring, const TradedRecord *event) except -1 nogil
    cdef int prevented(self, uint32_t ring, const PreventedRecord *event) except -1 nogil
    cdef int replace(self, uint32_t ring, const ReplacedRecord *event) except -1 nogil
    cdef int phase(self, uint32_t ring, const PhaseChangedRecord *event) except -1 nogil
    cdef int action(self, const ConfirmedRecord *event) except -1 nogil
    cdef int correct(self, const CorrectedRecord *event) except -1 nogil
