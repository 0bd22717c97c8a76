from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport TradedRecord
from lockstep.procs.batcher.encode cimport Buffer, int128
from lockstep.procs.batcher.listings cimport Listings

cdef struct PositionRow:
    int128 quantity
    int128 cost
    int128 realised
    uint64_t fills
    uint32_t account
    uint32_t instrument
    uint8_t changed
    uint8_t too_large

cdef class Positions:
    cdef Listings listings
    cdef Buffer out
    cdef PositionRow *rows
    cdef uint64_t count
    cdef uint32_t *index
    cdef uint64_t index_size
    cdef uint32_t *changes
    cdef uint64_t changed
    cdef int trade(self, const TradedRecord *event) except -1 nogil
    cdef int change(self, uint32_t account, uint32_t instrument, int128 quantity, int128 value) except -1 nogil
    cdef PositionRow *row(self, uint32_t account, uint32_t instrument) except NULL nogil
    cdef int grow(self) except -1 nogil
    cdef int encode(self) except -1 nogil
