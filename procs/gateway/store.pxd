cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from procs.gateway.ids cimport RefusedIds

cdef enum Kind:
    KIND_IN_ADMIN = 1        # a session message of the client
    KIND_IN_LOGGED = 2       # an application message that went to the ingress ring
    KIND_IN_ANSWERED = 3     # an application message that this gateway answered by itself
    KIND_OUT_ADMIN = 4       # a session message of ours: a resend fills its gap
    KIND_OUT_APP = 5         # an application message of ours: a resend repeats it
    KIND_RESET = 6           # both numbers of the session begin at 1 again

cdef enum:
    FLAG_REFUSED_ID = 1      # of KIND_IN_ANSWERED: its ClOrdID may not be used again

cdef enum:
    EVENT_RINGS = 9          # the router's, then one a matcher
    MARK_STRIDE = 64         # messages between two marks of a session's index, at first
    MAX_MARKS = 16384        # a full index drops every second mark and doubles its stride
    MAX_BODY = 65536
    BUFFER_SIZE = 4 * 1024 * 1024
    SEGMENT_SIZE = 64 * 1024 * 1024
    SEGMENT_HEADER_SIZE = 64

cdef struct Entry:
    uint32_t crc
    uint32_t length
    uint8_t kind
    uint8_t side
    uint8_t ring
    uint8_t flags
    uint32_t session
    uint32_t msg_seq_num
    uint32_t reserved
    uint64_t number

cdef struct Mark:
    uint64_t position
    uint32_t msg_seq_num
    uint32_t reserved

cdef struct Marks:
    Mark *marks
    uint32_t count
    uint32_t capacity
    uint32_t stride
    uint32_t since

cdef struct SessionState:
    uint32_t next_out
    uint32_t last_in
    uint32_t generation
    uint32_t version         # 42 or 44: of the session's last message; 0 before any
    Marks out_marks
    Marks in_marks


@cython.final
cdef class Store:
    cdef object folder
    cdef list bases
    cdef RefusedIds refused
    cdef SessionState *sessions
    cdef uint64_t watermarks[EVENT_RINGS]
    cdef char *buffer
    cdef size_t used
    cdef int fd
    cdef uint64_t base
    cdef uint64_t written
    cdef uint64_t segment_size
    cdef readonly uint64_t writes
    cdef readonly bint other_boot
    cdef uint64_t end(self) noexcept nogil
    cdef int append(
        self, Kind kind, uint32_t session, uint32_t msg_seq_num, const char *data, size_t size, uint8_t flags
    ) except -1 nogil
    cdef int append_report(
        self, uint32_t session, uint32_t msg_seq_num, int ring, uint64_t number, int side, const char *data, size_t size
    ) except -1 nogil
    cdef Entry *begin_entry(self, Kind kind, uint32_t session, uint32_t msg_seq_num, size_t size) except NULL nogil
    cdef int end_entry(self, Entry *entry, const char *data) except -1 nogil
    cdef int apply(self, const Entry *entry, const char *data, uint64_t position) except -1 nogil
    cdef int flush(self) except -1 nogil
    cdef uint64_t watermark(self, int ring) noexcept nogil


@cython.final
cdef class Scan:
    cdef Store store
    cdef uint64_t position
    cdef uint64_t entry_at
    cdef uint64_t end
    cdef int segment
    cdef uint64_t base
    cdef uint64_t size
    cdef int fd
    cdef char *buffer
    cdef uint64_t held_from
    cdef size_t held
    cdef readonly bint torn
    cdef const Entry *next(self) except? NULL
    cdef bint sane(self, const Entry *entry) noexcept nogil
    cdef const char *hold(self, size_t size) except? NULL
    cdef int open_segment(self) except -1


@cython.final
cdef class Resend:
    cdef Scan scan
    cdef uint32_t session
    cdef uint32_t generation
    cdef readonly uint32_t begin
    cdef readonly uint32_t end
    cdef const Entry *next(self) except? NULL
