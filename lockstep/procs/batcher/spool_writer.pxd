from libc.stdint cimport int64_t, uint64_t

from lockstep.core.edge.released_events cimport RINGS, ReleasedEvents
from lockstep.core.files.disk cimport iovec
from lockstep.procs.batcher.spool cimport MAX_PARTS, Frame, Spool
from lockstep.shm.ring cimport Consumer

cdef class SpoolWriter(ReleasedEvents):
    cdef readonly Spool spool
    cdef Frame[RINGS + 1] frames
    cdef iovec[MAX_PARTS] parts
    cdef int part_count
    cdef uint64_t bytes
    cdef int64_t now_ns
    cdef int64_t marked_ns
    cdef int64_t tried_ns
    cdef void add_span(self, int ring, Consumer consumer, uint64_t first, uint64_t last) noexcept nogil
    cdef void add_mark(self, uint64_t complete) noexcept nogil
    cdef int check_born(self, uint64_t born_ns) except -1 nogil
    cdef void add_part(self, const char *data, uint64_t size) noexcept nogil
