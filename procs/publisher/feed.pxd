from libc.stdint cimport uint32_t, uint64_t

from procs.edge.released_events cimport ReleasedEvents
from procs.publisher.market cimport Market
from shm.records cimport EventRecord

cdef class Feed(ReleasedEvents):
    cdef readonly bint live
    cdef dict by_symbol
    cdef Market **markets
    cdef uint32_t *touched
    cdef uint32_t touched_count
    cdef uint64_t written
    cdef Market *make_market(self, uint32_t instrument) except NULL
    cdef int correct(self, const EventRecord *event) except -1
    cdef int define(self, const EventRecord *event) except -1
    cdef int handle(self, int matcher, const EventRecord *event) except -1 nogil
    cdef void touch(self, Market *market) noexcept nogil
    cdef Market *market(self, uint32_t instrument) except NULL
    cdef int publish(self) except -1 nogil
    cdef int finish_commands(self) except -1 nogil
    cdef int go_live(self) except -1
