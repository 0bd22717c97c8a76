cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from procs.gateway.ids cimport RefusedIds
from procs.gateway.marks cimport Marks
from procs.gateway.reserve cimport Reserve
from procs.gateway.scan cimport EVENT_RINGS, Entry, Kind, Scan

cdef enum:
    BUFFER_SIZE = 4 * 1024 * 1024
    SEGMENT_SIZE = 64 * 1024 * 1024

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
    cdef Reserve reserve
    cdef object syncer
    cdef SessionState *sessions
    cdef uint64_t watermarks[EVENT_RINGS]
    cdef uint64_t last_at    # position of the last entry; 0: there is none
    cdef uint32_t last_crc   # and its checksum
    cdef char *buffer
    cdef size_t used
    cdef int fd
    cdef uint64_t base
    cdef uint64_t written
    cdef uint64_t segment_size
    cdef readonly uint64_t writes
    cdef readonly bint other_boot
    cdef uint64_t end(self) noexcept nogil
    cdef uint64_t offset(self) noexcept nogil
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
    cdef int sync_aside(self) except -1
    cdef Scan scan_from(self, uint64_t position)
    cdef uint64_t watermark(self, int ring) noexcept nogil


@cython.final
cdef class Resend:
    cdef Store store
    cdef Scan scan
    cdef uint32_t session
    cdef uint32_t generation
    cdef readonly uint32_t begin
    cdef readonly uint32_t end
    cdef const Entry *next(self) except? NULL
