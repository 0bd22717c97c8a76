from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from posix.uio cimport iovec

from shm.board cimport Board
from shm.ring cimport Consumer

cdef enum:
    RINGS = 9  # the router's and one a matcher
    FRAME_SIZE = 128
    FRAME_RECORDS = 4096
    SEGMENT_HEADER_SIZE = 128
    MARK = 255
    MAX_INSTRUMENTS = 65536

cdef struct SegmentHeader:
    uint64_t magic
    uint64_t schema_hash
    uint64_t base
    uint64_t born_ns
    uint64_t numbers[RINGS]
    uint32_t crc
    char pad[20]

cdef struct Frame:
    uint32_t magic
    uint32_t crc
    uint32_t ring
    uint32_t count
    uint64_t first
    uint64_t complete_seq
    char pad[96]

cdef bint frame_is_valid(const Frame *frame) noexcept nogil
cdef bint records_are_valid(const Frame *frame, const char *slots) noexcept nogil
cdef bint read_fully(int fd, char *target, size_t size, int64_t offset) noexcept nogil

cdef class Spool:
    cdef readonly object folder
    cdef readonly list segments
    cdef readonly uint64_t end
    cdef readonly uint64_t born_ns
    cdef readonly uint64_t complete_seq
    cdef uint64_t[RINGS] last
    cdef int fd
    cdef uint64_t base
    cdef uint64_t segment_bytes
    cdef int append(self, iovec *parts, int count, uint64_t size) except -1 nogil
    cdef int rotate(self) except -1

cdef class Spooler:
    cdef readonly Spool spool
    cdef Board board
    cdef list consumers
    cdef void *by_ring[RINGS]
    cdef Frame[RINGS + 1] frames
    cdef iovec[3 * RINGS + 1] parts
    cdef uint64_t[RINGS] taken
    cdef int part_count
    cdef uint64_t bytes
    cdef int64_t marked_ns
    cdef bint held
    cdef uint8_t[MAX_INSTRUMENTS] matcher_of
    cdef int64_t turn(self, int64_t now_ns) except -1 nogil
    cdef uint64_t complete_before(self, uint64_t release_seq) noexcept nogil
    cdef int take(self, int ring, Consumer consumer, uint64_t *release_seq, uint64_t *complete) except -1 nogil
    cdef uint64_t before_move(self, Consumer consumer, uint64_t count) noexcept nogil
    cdef uint64_t first_cause(self, Consumer consumer) noexcept nogil
    cdef bint all_before(self, uint64_t cause) noexcept nogil
    cdef void add_span(self, int ring, Consumer consumer, uint64_t first, uint64_t last) noexcept nogil
    cdef void add_mark(self, uint64_t complete) noexcept nogil
    cdef uint64_t released(self, Consumer consumer, uint64_t available, uint64_t release_seq) noexcept nogil
    cdef int check_born(self, uint64_t born_ns) except -1 nogil
    cdef void add_part(self, const char *data, uint64_t size) noexcept nogil
    cdef void free_slots(self, int ring, Consumer consumer) noexcept nogil
