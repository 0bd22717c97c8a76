cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.gateway.reserved_seq_nums cimport Reserve
from lockstep.procs.gateway.sessions cimport SessionState

# What the log says of a session's outbound numbers, whichever host asked for them, and what this gateway makes of it.
cdef struct Reservation:
    uint64_t seq             # of its last record; 0: there is none
    uint64_t time_ns
    uint64_t candidate       # a record before it: what `told_before` becomes once one comes long enough after
    uint64_t candidate_ns
    uint64_t told_before     # reports of what was sequenced before it are not repeated on another host
    uint32_t generation      # how often the numbers were reset, `first` and `end` of the last record
    uint32_t first
    uint32_t end
    uint32_t version         # 42 or 44
    uint32_t own             # the generation that this gateway gives numbers in
    uint32_t released        # those below may be sent: the log's word on it is committed
    uint32_t ask_at          # beyond it more have to be asked for: `use` is to be called
    uint32_t unused


@cython.final
cdef class Reservations:
    cdef Reservation *rows
    cdef uint8_t *elsewhere      # by session: it is another gateway's
    cdef uint32_t block
    cdef readonly uint32_t top   # no session from here on has a record
    cdef set short               # sessions for which more numbers have to be asked
    cdef bint has_any(self) noexcept
    cdef bint is_ahead(self, uint32_t session, uint32_t generation, uint32_t reserved) noexcept nogil
    cdef bint covers(self, uint32_t session, uint32_t next_out) noexcept nogil
    cdef int use(self, uint32_t session, uint32_t generation, uint32_t next_out) except -1 nogil
    cdef uint32_t ask(self, uint32_t session, uint32_t next_out) except? 0
    cdef int note(
        self, uint32_t session, uint32_t generation, uint32_t first, uint32_t end, uint32_t version, uint64_t seq,
        uint64_t time_ns
    ) except -1
    cdef bint give_way(self, const SessionState *sessions, Reserve reserve) except -1
    cdef void begin(self, uint32_t session, uint32_t generation) noexcept nogil
    cdef void release(self, uint32_t session, uint32_t generation, uint32_t end) noexcept nogil
    cdef int save(self, Saver saver) except -1
    cdef int load(self, Loader loader) except -1
