# cython: wraparound=True
"""Finds a session's messages for a ResendRequest, in steps, and reads those of no other session.

It goes by stretches: from a mark of the session's index back along the session's chain to the first message wanted, and
then forward over what it has passed. It reads only, and knows nothing of FIX.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, realloc

from lockstep.procs.gateway.lookup cimport Lookup
from lockstep.procs.gateway.resend_index cimport Mark, mark_above
from lockstep.procs.gateway.sessions cimport SessionState
from lockstep.procs.gateway.store cimport Store
from lockstep.procs.gateway.store_reader cimport KIND_OUT_ADMIN, KIND_OUT_APP, StoreEntry

cdef enum:
    FIRST_CAPACITY = 64
    ALL = 0x7FFFFFFF


cdef class Resend:
    """The messages that the session was sent, from `begin` to `end` (both included), in order.

    It ends early if the session is reset meanwhile, and skips what the store no longer keeps.
    """

    def __cinit__(self, Store store, uint32_t session, uint32_t begin, uint32_t end):
        cdef SessionState *state = &store.sessions[session]
        self.store = store
        self.lookup = Lookup(store.folder, store.bases)
        self.session = session
        self.generation = state.generation
        self.begin = begin
        self.end = min(end, state.next_out - 1)

    def __dealloc__(self):
        free(self.found)

    cdef bint is_done(self) noexcept:
        """Whether `next` would find nothing more."""
        return (self.begin > self.end and self.count == 0) or (
            self.store.sessions[self.session].generation != self.generation
        )

    cdef const StoreEntry *next(self, int *work) except? NULL:
        """The next message, valid until the next call; NULL if it `is_done`, or all `work` is used up.

        Each entry read takes 1 of `work`, and so does the start of each stretch.
        """
        cdef const StoreEntry *entry
        while work[0] > 0 and not self.is_done():
            work[0] -= 1
            if self.walk_at:
                self.walk()
            elif self.count == 0:
                self.begin_stretch()
            else:
                self.count -= 1
                if not self.lookup.has(self.found[self.count]):
                    continue
                entry = self.lookup.entry(self.found[self.count])
                return entry
        return NULL

    cdef int begin_stretch(self) except -1:
        """Walk back from the next mark, or from the last message if there is none."""
        cdef SessionState *state = &self.store.sessions[self.session]
        cdef const Mark *mark = mark_above(&state.out_marks, self.begin)
        self.covered = mark.msg_seq_num if mark != NULL else state.next_out - 1
        self.walk_at = mark.position if mark != NULL else state.last_out
        if self.walk_at >= self.store.segment.end():
            self.store.flush()
            if self.walk_at >= self.store.segment.end():  # on a full disk: it is looked for again
                self.walk_at = 0
                return 0
        self.lookup.forget()
        if not self.lookup.has(self.walk_at):
            self.walk_at = 0
            self.begin = self.covered + 1
        return 0

    cdef int walk(self) except -1:
        """Look at the entry at `walk_at`, and go back to the one before it, or no further."""
        cdef const StoreEntry *entry = self.lookup.header(self.walk_at, self.session)
        cdef uint64_t position = self.walk_at
        if entry.kind != KIND_OUT_ADMIN and entry.kind != KIND_OUT_APP:
            raise self.lookup.damage(position)
        self.walk_at = position - 8 * <uint64_t> entry.back if entry.back else 0
        if self.begin <= entry.msg_seq_num <= self.end:
            self.note(position)
        if entry.msg_seq_num <= self.begin or not self.lookup.has(self.walk_at):
            self.walk_at = 0
        if self.walk_at == 0:
            self.begin = self.covered + 1
        return 0

    cdef int note(self, uint64_t position) except -1:
        cdef uint32_t capacity = max(2 * self.capacity, <uint32_t> FIRST_CAPACITY)
        cdef void *grown
        if self.count == self.capacity:
            grown = realloc(self.found, capacity * sizeof(uint64_t))
            if grown == NULL:
                raise MemoryError("no memory for a resend")
            self.found = <uint64_t *> grown
            self.capacity = capacity
        self.found[self.count] = position
        self.count += 1
        return 0

    def read(self) -> tuple[int, int, bytes] | None:
        """The next message as (kind, MsgSeqNum, message), or None at the end."""
        cdef int work = ALL
        cdef const StoreEntry *entry = self.next(&work)
        if entry == NULL:
            return None
        return (entry.kind, entry.msg_seq_num, (<const char *> entry + sizeof(StoreEntry))[:entry.length])
