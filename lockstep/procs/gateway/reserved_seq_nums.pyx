"""Which numbers a session's messages of ours may have had: this host's disk knows it before they have, so that none is
given twice, whatever a loss of power takes from the message store.

Numbers are reserved ahead by the block, in a thread; a caller waits only if all reserved ones are used up:
at the first message of a session ever, and behind a reset. It knows no message and stores none.
"""

from functools import partial

from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from lockstep.shm.board cimport MAX_SESSIONS

from lockstep.procs.gateway import background, seq_num_file

cdef struct Row:
    uint32_t session
    uint32_t generation
    uint32_t floor
    uint32_t reserved
    uint32_t version

assert sizeof(Row) == 20


cdef class Reserve:
    """What the file in `folder` says; no session has a number where there is none. StoreCorrupt."""

    def __cinit__(self, object folder):
        self.folder = folder
        self.held = <Held *> calloc(MAX_SESSIONS, sizeof(Held))
        if self.held == NULL:
            raise MemoryError("no memory for the reserved numbers")
        self.writer = background.Background()
        self.block = seq_num_file.BLOCK
        self.short = set()
        self.asking = set()
        self._read()

    def __dealloc__(self):
        free(self.held)

    def _read(self) -> None:
        cdef Row row
        cdef const char *at
        cdef size_t i
        self.boot, rows = seq_num_file.read(self.folder)
        at = rows
        for i in range(len(rows) // sizeof(Row)):
            memcpy(&row, at + i * sizeof(Row), sizeof(Row))
            if row.session >= MAX_SESSIONS:
                raise ValueError(f"{self.folder} has numbers of session {row.session}")
            self.held[row.session].generation = row.generation
            self.held[row.session].floor = row.floor
            self.held[row.session].reserved = row.reserved
            self.held[row.session].version = row.version
            self.top = max(self.top, row.session + 1)

    cdef int open(
        self, uint32_t session, uint32_t generation, uint32_t next_out, uint32_t version, bint was_lost
    ) except -1:
        """Note what the store has of a session: `next_out` in `generation`, and its version; `reset_all` comes after.

        Where the host `was_lost`, the store may lack what was given last: then all that was reserved counts as given.
        """
        cdef Held *held = &self.held[session]
        if generation > held.generation:  # a reset that no client saw: none of its numbers was given
            held.generation = generation
            held.floor = held.reserved = 0
        elif was_lost:
            held.floor = held.reserved
        held.version = version or held.version
        held.next = max(held.floor, next_out if generation == held.generation else 1)
        if held.next > 1 or held.generation:
            self.top = max(self.top, session + 1)
        return 0

    cdef int give_way(self, uint32_t session, uint32_t generation, uint32_t end, uint32_t version) except -1:
        """Another host may have given numbers below `end`: count them as reserved here; `open` comes after."""
        cdef Held *held = &self.held[session]
        if generation > held.generation:
            held.generation = generation
            held.floor = held.reserved = end
        elif generation == held.generation:
            held.floor, held.reserved = max(held.floor, end), max(held.reserved, end)
        held.version = version or held.version
        self.top = max(self.top, session + 1)
        return 0

    cdef int use(self, uint32_t session, uint32_t generation, uint32_t next_out, uint32_t version) except -1 nogil:
        """A session has used numbers up to `next_out`, or was reset: after `settle` they may be seen."""
        cdef Held *held = &self.held[session]
        if generation > held.generation:
            held.generation = generation
            held.floor = held.reserved = held.extend_at = 0
        if next_out > held.extend_at:
            held.next = next_out
            held.version = version
            self.is_short = True
            with gil:
                self.short.add(session)
                self.top = max(self.top, session + 1)
        return 0

    cdef int settle(self) except -1:
        """Reserve what is short; wait only if an unreserved number was used. OSError is final."""
        while True:
            if self.writer.is_busy and (self.writer.is_done() or self._lacks()):
                self._finish()
            if self.writer.is_busy or not self.short:
                break
            self._ask()
            if not self._lacks():
                break
        self.is_short = len(self.short) > 0
        return 0

    def _lacks(self) -> bool:
        return any(self.held[session].next > self.held[session].reserved for session in self.short | self.asking)

    def _ask(self) -> None:
        cdef uint32_t session
        for session in self.short:
            self.held[session].asked = self.held[session].next + self.block
            self.held[session].asked_of = self.held[session].generation
            self.held[session].extend_at = self.held[session].reserved
        self.asking, self.short = self.short, set()
        self.writer.begin(partial(seq_num_file.write, self.folder, self.boot, self._rows()))

    def _finish(self) -> None:
        cdef Held *held
        cdef uint32_t session
        self.writer.finish()
        for session in self.asking:
            held = &self.held[session]
            if held.asked_of == held.generation and held.asked > held.reserved:
                held.reserved = held.asked
                held.extend_at = held.reserved - self.block // 2
        self.asking = set()
        self.short = {session for session in self.short if self.held[session].next > self.held[session].extend_at}

    def _rows(self) -> bytes:
        """What the file will say, new reservations included."""
        cdef Row row
        cdef Held *held
        cdef uint32_t session
        found = []
        for session in range(self.top):
            held = &self.held[session]
            if held.generation or held.reserved or session in self.asking:
                row.session = session
                row.generation = held.generation
                row.floor = held.floor
                row.version = held.version
                row.reserved = held.asked if session in self.asking else held.reserved
                found.append((<const char *> &row)[:sizeof(Row)])
        return b"".join(found)

    def reset_all(self, bytes boot, bint ahead) -> None:
        """Reserve the next block of every session that was opened, or (not `ahead`) nothing: no message follows.

        Safe when it returns; OSError is final.
        """
        cdef Held *held
        cdef uint32_t session
        self._finish()
        self.boot = boot
        for session in range(self.top):
            held = &self.held[session]
            if held.next > 1 or held.generation:
                held.reserved = held.next + (self.block if ahead else 0)
                held.extend_at = held.reserved - (self.block // 2 if ahead else 0)
        seq_num_file.write(self.folder, boot, self._rows())
        self.short.clear()
        self.is_short = False
