"""What the message store holds of each session in memory: its numbers, and where its messages are.

All of it follows from the store's entries, one after the other. It reads and writes no file.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.gateway.resend_index cimport (
    MAX_MARKS, ResendIndex, add_mark, clear_marks, drop_marks, load_marks, reach_of, save_marks,
)
from lockstep.procs.gateway.store_reader cimport (
    FLAG_RESERVED, KIND_IN_ADMIN, KIND_IN_ANSWERED, KIND_IN_LOGGED, KIND_OUT_ADMIN, KIND_OUT_APP, KIND_RESET,
    StoreEntry, padded,
)
from lockstep.shm.board cimport MAX_SESSIONS

cdef enum:
    KIB = 1024
    MAX_AHEAD = 0xFFFFFF

# A session in a start file (see `starts`).
cdef struct Row:
    uint32_t session
    uint32_t next_out
    uint32_t last_in
    uint32_t generation
    uint8_t version
    uint8_t ahead[3]         # numbers from the next one on that are asked of the log
    uint32_t last_logged
    uint64_t last_out
    uint64_t last_in_app

assert sizeof(Row) == 40


cdef inline size_t numbers_size(const SessionState *state) noexcept nogil:
    return <const char *> &state.out_marks - <const char *> state


cdef SessionState *new_sessions() except NULL:
    """All sessions, none of which has had a message."""
    cdef SessionState *sessions = <SessionState *> calloc(MAX_SESSIONS, sizeof(SessionState))
    cdef uint32_t session
    if sessions == NULL:
        raise MemoryError("no memory for the sessions of the message store")
    for session in range(MAX_SESSIONS):
        sessions[session].next_out = 1
        clear_marks(&sessions[session].out_marks)
        clear_marks(&sessions[session].in_marks)
    return sessions


cdef void free_sessions(SessionState *sessions) noexcept nogil:
    cdef uint32_t session
    if sessions == NULL:
        return
    for session in range(MAX_SESSIONS):
        free(sessions[session].out_marks.marks)
        free(sessions[session].in_marks.marks)
    free(sessions)


cdef uint64_t followed(const SessionState *state, const StoreEntry *entry) noexcept nogil:
    """The position of the entry that this one, which is the session's next, follows; 0 if it follows none."""
    if entry.kind == KIND_OUT_ADMIN or entry.kind == KIND_OUT_APP:
        return state.last_out
    return state.last_in_app if entry.kind == KIND_IN_LOGGED or entry.kind == KIND_IN_ANSWERED else 0


cdef int follow(SessionState *state, const StoreEntry *entry, const char *data, uint64_t position) except -1 nogil:
    """Let an entry of the session, which is at `position`, take effect."""
    if entry.length > 9:
        state.version = 42 if data[8] == c"2" else 44
    if entry.kind == KIND_RESET:
        state.next_out = 1
        state.last_in = state.last_logged = state.reserved = 0
        state.generation = max(state.generation + 1, entry.msg_seq_num)  # several at once: they were given elsewhere
        state.last_out = state.last_in_app = state.out_bytes = 0
        clear_marks(&state.out_marks)
        clear_marks(&state.in_marks)
    elif entry.kind == KIND_OUT_ADMIN or entry.kind == KIND_OUT_APP:
        state.next_out = entry.msg_seq_num + 1
        state.last_out = position
        add_mark(&state.out_marks, entry.msg_seq_num, position, <uint32_t> (state.out_bytes // KIB))
        state.out_bytes += sizeof(StoreEntry) + padded(entry.length)
    elif entry.flags & FLAG_RESERVED and entry.kind == KIND_IN_ADMIN:
        state.reserved = max(state.reserved, <uint32_t> entry.number)
    else:
        if entry.msg_seq_num > state.last_in:
            state.last_in = entry.msg_seq_num
            add_mark(&state.in_marks, entry.msg_seq_num, position, 0)
        if entry.kind != KIND_IN_ADMIN:
            state.last_in_app = position
        if entry.kind == KIND_IN_LOGGED:
            state.last_logged = max(state.last_logged, entry.msg_seq_num)
    return 0


cdef int save_sessions(const SessionState *sessions, Saver saver) except -1:
    """Add to a part all sessions that have had a message."""
    cdef const SessionState *state
    cdef uint32_t session
    for session in range(MAX_SESSIONS):
        state = &sessions[session]
        if state.next_out > 1 or state.last_in or state.generation:
            saver.put_64(session)
            saver.put(state, numbers_size(state))
            save_marks(&state.out_marks, saver)
            save_marks(&state.in_marks, saver)
    return saver.put_64(MAX_SESSIONS)


cdef int load_sessions(SessionState *sessions, Loader loader) except -1:
    """Give new sessions what a part says of them."""
    cdef SessionState *state
    cdef uint64_t session
    while True:
        session = loader.get_64()
        if session >= MAX_SESSIONS:
            return 0
        state = &sessions[session]
        loader.get(state, numbers_size(state))
        load_marks(&state.out_marks, loader)
        load_marks(&state.in_marks, loader)


cdef object pack_sessions(const SessionState *sessions, uint32_t top):
    """The sessions below `top` as rows of a start file."""
    cdef const SessionState *state
    cdef Row row
    cdef uint32_t session, ahead
    rows = []
    for session in range(top):
        state = &sessions[session]
        if state.next_out > 1 or state.last_in or state.generation:
            row.session, row.next_out, row.last_in = session, state.next_out, state.last_in
            row.generation, row.version, row.last_logged = state.generation, state.version, state.last_logged
            ahead = min(state.reserved - state.next_out, MAX_AHEAD) if state.reserved > state.next_out else 0
            memcpy(row.ahead, &ahead, sizeof(row.ahead))
            row.last_out, row.last_in_app = state.last_out, state.last_in_app
            rows.append((<const char *> &row)[:sizeof(Row)])
    return b"".join(rows)


cdef int unpack_sessions(SessionState *sessions, bytes rows) except -1:
    """Give new sessions what rows of a start file say of them. ValueError."""
    cdef const char *at = rows
    cdef SessionState *state
    cdef Row row
    cdef uint32_t ahead
    cdef size_t i
    for i in range(len(rows) // sizeof(Row)):
        memcpy(&row, at + i * sizeof(Row), sizeof(Row))
        if row.session >= MAX_SESSIONS:
            raise ValueError(f"a start file of the message store has session {row.session}")
        state = &sessions[row.session]
        state.next_out, state.last_in, state.generation = row.next_out, row.last_in, row.generation
        state.version, state.last_logged = row.version, row.last_logged
        state.last_out, state.last_in_app = row.last_out, row.last_in_app
        ahead = 0
        memcpy(&ahead, row.ahead, sizeof(row.ahead))
        state.reserved = state.next_out + ahead
    return 0


cdef uint64_t needed_from(const SessionState *sessions, uint32_t top, uint64_t most, uint64_t end) noexcept nogil:
    """Where the oldest message lies that is among the last `most` bytes of its session; `end` where there is none."""
    cdef uint64_t needed = end
    cdef uint64_t beyond
    cdef uint32_t session
    for session in range(top):
        beyond = sessions[session].out_bytes - min(sessions[session].out_bytes, most)
        needed = min(needed, reach_of(&sessions[session].out_marks, <uint32_t> (beyond // KIB), end))
    return needed


cdef void forget_before(SessionState *sessions, uint32_t top, uint64_t position) noexcept nogil:
    """Forget what lies before `position`, which is removed."""
    cdef uint32_t session
    for session in range(top):
        drop_marks(&sessions[session].out_marks, position)
        drop_marks(&sessions[session].in_marks, position)


cdef void forget_messages(SessionState *sessions) noexcept nogil:
    """Forget where all messages are, which are gone, and what they asked for; numbers stay as they were."""
    cdef uint32_t session
    for session in range(MAX_SESSIONS):
        sessions[session].reserved = 0
        sessions[session].last_out = sessions[session].last_in_app = sessions[session].out_bytes = 0
        clear_marks(&sessions[session].out_marks)
        clear_marks(&sessions[session].in_marks)


cdef int check_sessions(const SessionState *sessions, uint64_t first) except -1:
    """Assert that the bounds and the order of all marks hold, and that none is of what was before `first`."""
    cdef uint32_t session
    for session in range(MAX_SESSIONS):
        check_marks(&sessions[session].out_marks, first)
        check_marks(&sessions[session].in_marks, first)
    return 0


cdef int check_marks(const ResendIndex *marks, uint64_t first) except -1:
    cdef uint32_t i
    assert marks.count <= MAX_MARKS
    assert marks.count == 0 or marks.marks[0].position >= first
    for i in range(1, marks.count):
        assert marks.marks[i - 1].msg_seq_num < marks.marks[i].msg_seq_num
        assert marks.marks[i - 1].position < marks.marks[i].position
    return 0
