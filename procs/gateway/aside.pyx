"""Room for the terms that few orders have, so that the others' places in the order table stay small.

It hands out places and takes them back; whose they are the order table knows.

Memory: chunks of 4,096 places of 48 bytes, allocated as they are needed; place 0 is never used, free ones are chained::

    │ stop price 8 │ trail 8 │ display 8 │ minimum 8 │ expiry 8 │ next free place 8 │
"""

from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from shm.records cimport ExtTermsEventRecord

assert sizeof(Further) == 48


cdef void note_terms(Further *further, const ExtTermsEventRecord *event) noexcept nogil:
    """Have the terms that an EXT_TERMS event gives, all of them; none where `event` is NULL."""
    if event == NULL:
        memset(further, 0, sizeof(Further))
        return
    further.stop_price_ticks = event.stop_price_ticks
    further.trail_ticks = event.trail_ticks
    further.display_lots = event.display_lots
    further.minimum_lots = event.minimum_lots
    further.expire_ns = event.expire_ns


cdef class Aside:
    """A pool of `Further`. MemoryError beyond 33 million."""

    def __cinit__(self):
        self.next_place = 1

    def __dealloc__(self):
        cdef uint32_t chunk
        for chunk in range(self.chunk_count):
            free(self.chunks[chunk])

    cdef Further *at(self, uint32_t place) noexcept nogil:
        return &self.chunks[place // CHUNK_FURTHER][place % CHUNK_FURTHER]

    cdef uint32_t take(self) except 0 nogil:
        """A place, all 0."""
        cdef uint32_t place = self.free_place
        self.count += 1
        if place:
            self.free_place = <uint32_t> self.at(place).next_free
            memset(self.at(place), 0, sizeof(Further))
            return place
        place = self.next_place
        if place // CHUNK_FURTHER == self.chunk_count:
            if self.chunk_count < MAX_FURTHER_CHUNKS:
                self.chunks[self.chunk_count] = <Further *> calloc(CHUNK_FURTHER, sizeof(Further))
            if self.chunk_count == MAX_FURTHER_CHUNKS or self.chunks[self.chunk_count] == NULL:
                with gil:
                    raise MemoryError(f"no memory for the terms of more than {self.count} orders")
            self.chunk_count += 1
        self.next_place += 1
        return place

    cdef void give_back(self, uint32_t place) noexcept nogil:
        self.at(place).next_free = self.free_place
        self.free_place = place
        self.count -= 1
