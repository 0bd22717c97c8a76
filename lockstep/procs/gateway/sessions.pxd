from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.gateway.resend_index cimport ResendIndex
from lockstep.procs.gateway.store_reader cimport StoreEntry

cdef struct SessionState:
    uint32_t next_out
    uint32_t last_in
    uint32_t generation
    uint32_t version         # 42 or 44: of the session's last message; 0 before any
    uint64_t last_out        # position of its last message of ours; 0: there is none
    uint64_t last_in_app     # position of the client's last application message, likewise
    uint32_t last_logged     # highest MsgSeqNum of those that went to the ingress ring
    uint32_t reserved        # numbers below it are asked of the log, or left to who asked before
    uint64_t out_bytes       # that its messages of ours have taken
    ResendIndex out_marks
    ResendIndex in_marks

cdef SessionState *new_sessions() except NULL
cdef void free_sessions(SessionState *sessions) noexcept nogil
cdef uint64_t followed(const SessionState *state, const StoreEntry *entry) noexcept nogil
cdef int follow(SessionState *state, const StoreEntry *entry, const char *data, uint64_t position) except -1 nogil
cdef int save_sessions(const SessionState *sessions, Saver saver) except -1
cdef int load_sessions(SessionState *sessions, Loader loader) except -1
cdef object pack_sessions(const SessionState *sessions, uint32_t top)
cdef int unpack_sessions(SessionState *sessions, bytes rows) except -1
cdef uint64_t needed_from(const SessionState *sessions, uint32_t top, uint64_t most, uint64_t end) noexcept nogil
cdef void forget_before(SessionState *sessions, uint32_t top, uint64_t position) noexcept nogil
cdef void forget_messages(SessionState *sessions) noexcept nogil
cdef int check_sessions(const SessionState *sessions, uint64_t first) except -1
