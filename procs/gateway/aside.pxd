cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from shm.records cimport ExtTermsEventRecord

cdef enum:
    CHUNK_FURTHER = 4096
    MAX_FURTHER_CHUNKS = 8192

cdef struct Further:         # what few orders have; 0 where one has no such term
    int64_t stop_price_ticks
    int64_t trail_ticks
    int64_t display_lots
    int64_t minimum_lots
    uint64_t expire_ns
    uint64_t next_free


@cython.final
cdef class Aside:
    cdef Further *chunks[MAX_FURTHER_CHUNKS]
    cdef uint32_t chunk_count
    cdef uint32_t next_place
    cdef uint32_t free_place
    cdef readonly uint64_t count
    cdef Further *at(self, uint32_t place) noexcept nogil
    cdef uint32_t take(self) except 0 nogil
    cdef void give_back(self, uint32_t place) noexcept nogil

cdef void note_terms(Further *further, const ExtTermsEventRecord *event) noexcept nogil
