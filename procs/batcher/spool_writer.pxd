from libc.stdint cimport int64_t, uint64_t

from procs.batcher.spool cimport MAX_PARTS, RINGS, Frame, Spool
from shm.board cimport Board
from shm.disk cimport iovec
from shm.records cimport SnapshotTakenRecord
from shm.ring cimport Consumer

cdef class SpoolWriter:
    cdef readonly Spool spool
    cdef Board board
    cdef dict consumers
    cdef void *by_ring[RINGS]
    cdef Frame[RINGS + 1] frames
    cdef iovec[MAX_PARTS] parts
    cdef uint64_t[RINGS] taken
    cdef int part_count
    cdef uint64_t bytes
    cdef int64_t marked_ns
    cdef int64_t tried_ns
    cdef bint held
    cdef uint64_t mark                   # of a snapshot that is wanted; 0: none
    cdef uint64_t[RINGS] mark_numbers    # the last event of each ring before it
    cdef int64_t turn(self, int64_t now_ns) except -1 nogil
    cdef uint64_t complete_before(self, uint64_t release_seq) noexcept nogil
    cdef int take(self, int ring, Consumer consumer, uint64_t *release_seq, uint64_t *complete) except -1 nogil
    cdef uint64_t before_definition(self, Consumer consumer, uint64_t count) noexcept nogil
    cdef void see_mark(self, const SnapshotTakenRecord *event) noexcept nogil
    cdef uint64_t first_cause(self, Consumer consumer) noexcept nogil
    cdef bint all_before(self, uint64_t cause) noexcept nogil
    cdef void add_span(self, int ring, Consumer consumer, uint64_t first, uint64_t last) noexcept nogil
    cdef void add_mark(self, uint64_t complete) noexcept nogil
    cdef uint64_t released(self, Consumer consumer, uint64_t available, uint64_t release_seq) noexcept nogil
    cdef int check_born(self, uint64_t born_ns) except -1 nogil
    cdef void add_part(self, const char *data, uint64_t size) noexcept nogil
    cdef void free_slots(self, int ring, Consumer consumer) noexcept nogil
