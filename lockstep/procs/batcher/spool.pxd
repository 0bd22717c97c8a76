from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.files.disk cimport Disk, iovec

cdef enum:
    RINGS = 9  # the router's and one a matcher
    FRAME_SIZE = 128
    FRAME_RECORDS = 4096
    SEGMENT_HEADER_SIZE = 128
    MARK = 255
    MAX_PARTS = 28

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

cdef void finish_frame(Frame *frame, uint32_t ring, uint32_t count, uint64_t first, uint64_t complete) noexcept nogil
cdef bint frame_is_valid(const Frame *frame) noexcept nogil
cdef bint records_are_valid(const Frame *frame, const char *slots) noexcept nogil
cdef bint read_fully(int fd, char *target, size_t size, int64_t offset) noexcept nogil

cdef class Spool:
    cdef readonly object folder
    cdef Disk disk  # through which the open segment is appended to
    cdef readonly list segments
    cdef readonly uint64_t end
    cdef readonly uint64_t born_ns
    cdef readonly uint64_t complete_seq
    cdef readonly uint64_t known_seq
    cdef uint64_t[RINGS] last
    cdef int fd
    cdef uint64_t base
    cdef uint64_t segment_bytes
    cdef readonly object spare
    cdef readonly bint is_full
    cdef bint append(self, iovec *parts, int count, uint64_t size) except -1 nogil
    cdef int write(self, const iovec *given, int count, uint64_t size) noexcept nogil
    cdef int rotate(self) except? -1
    cdef bint use_spare(self) except -1
    cdef int go_on(self, int fd, path) except -1
