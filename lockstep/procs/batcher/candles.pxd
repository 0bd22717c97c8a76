from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport TradedRecord
from lockstep.procs.batcher.encode cimport Buffer, int128
from lockstep.procs.batcher.listings cimport Listings

cdef enum:
    LEVELS = 5

cdef struct CandleRow:
    uint64_t number
    int64_t open_ticks
    int64_t high_ticks
    int64_t low_ticks
    int64_t close_ticks
    int64_t trades
    int128 lots
    int128 value
    int128 bought_lots
    int128 bought_value
    uint64_t seq
    uint32_t instrument
    uint8_t level

cdef class Candles:
    cdef readonly uint64_t count
    cdef Listings listings
    cdef Buffer out
    cdef Buffer touched_out
    cdef CandleRow *rows
    cdef uint32_t *index
    cdef uint64_t index_size
    cdef uint64_t[LEVELS] latest
    cdef int trade(self, const TradedRecord *event) except -1 nogil
    cdef CandleRow *row(self, uint32_t instrument, int level, uint64_t number) except NULL nogil
    cdef int grow(self) except -1 nogil
    cdef int encode(self) except -1 nogil
