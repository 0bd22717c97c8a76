cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from lockstep.core.intake.refused_ids cimport RefusedIds
from lockstep.procs.gateway.fix.message cimport Message
from lockstep.procs.gateway.reservations cimport Reservations
from lockstep.procs.gateway.reserved_seq_nums cimport Reserve
from lockstep.procs.gateway.segment_writer cimport SegmentWriter
from lockstep.procs.gateway.sessions cimport SessionState
from lockstep.procs.gateway.store_reader cimport EVENT_RINGS, Kind, Scan, StoreEntry

cdef enum:
    BUFFER_SIZE = 4 * 1024 * 1024


@cython.final
cdef class Store:
    cdef object folder
    cdef list bases
    cdef readonly SegmentWriter segment  # the last one, which is appended to
    cdef RefusedIds refused
    cdef Reserve reserve
    cdef readonly Reservations reservations
    cdef object beat
    cdef object retention    # None: all is kept
    cdef object starter      # writes start files
    cdef SessionState *sessions
    cdef uint64_t watermarks[EVENT_RINGS]
    cdef uint64_t last_at    # position of the last entry; 0: there is none
    cdef uint32_t last_crc   # and its checksum
    cdef char *buffer
    cdef size_t used
    cdef readonly bint other_boot    # or another host: what was sent last may be missing
    cdef bint gives                  # its gateway gives numbers, and not another host's
    cdef readonly bint follows       # another node's gateway tells what is reported here: see `followed`
    cdef readonly bint is_emptied    # all that was sent is missing
    cdef readonly bint is_full
    cdef uint64_t end(self) noexcept nogil
    cdef uint64_t offset(self) noexcept nogil
    cdef int append_received(
        self, Kind kind, uint32_t session, uint32_t msg_seq_num, Message message, uint8_t flags
    ) except -1 nogil
    cdef int append(
        self, Kind kind, uint32_t session, uint32_t msg_seq_num, const char *data, size_t size, uint8_t flags
    ) except -1 nogil
    cdef int append_report(
        self, uint32_t session, uint32_t msg_seq_num, int ring, uint64_t number, int side, const char *data,
        size_t size, uint8_t flags
    ) except -1 nogil
    cdef StoreEntry *begin_entry(self, Kind kind, uint32_t session, uint32_t msg_seq_num, size_t size) except NULL nogil
    cdef int use_numbers(self, uint32_t session) except -1 nogil
    cdef int note_reserved(self, uint32_t session, uint32_t end) except -1
    cdef int end_note(self, StoreEntry *entry) except -1
    cdef int pass_over(self, int ring, uint64_t number) except -1
    cdef int end_entry(self, StoreEntry *entry) except -1 nogil
    cdef int apply(self, const StoreEntry *entry, const char *data, uint64_t position) except -1 nogil
    cdef int flush(self) except -1 nogil
    cdef int write_out(self) except -1
    cdef uint64_t watermark(self, int ring) noexcept nogil
