# cython: wraparound=True
"""The gateway's message store: every message as it came and as it left, for audit, for resends and for a restart.

It appends to memory and writes a whole batch with one call, before the batch's sockets are written; it never decides
what a message means, and never changes what it has written.

Layout: segments named by the position of their first byte, `<position, 20 digits>.fix`; all sessions share one sequence
of entries, so what a crash leaves is a prefix of it::

    0       ┌────────────────────────────────────────────────────────────────────────────────────────┐
            │ "LSFIXST1" 8 │ position of this byte 8 │ boot id of the host 36 │ zero 12              │
    64      ├────────────────────────────────────────────────────────────────────────────────────────┤
            │ crc32c of all that follows 4 │ length 4 │ kind 1 │ side 1 │ ring 1 │ flags 1 │ session 4 │
            │ MsgSeqNum 4 │ zero 4 │ event number 8 │ the message, length bytes │ zero to a multiple of 8 │
            │ … entries. One write() of a batch publishes them; a torn last one is cut at the next start. │
            └────────────────────────────────────────────────────────────────────────────────────────┘

`ring`, `event number` and `side` name the event that caused a report (number 0: none did): the highest of each ring is
the watermark up to which reports are sent, so that a restart repeats none and forgets none. In memory each session has
marks, one in 64 messages and at most 16,384, from which a resend starts to scan.
"""

import os
from pathlib import Path

from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset
from posix.unistd cimport close, pread, write

from shm.board cimport MAX_SESSIONS
from shm.crc32c cimport crc32c
from shm.records cimport SIDE_SELL

cdef enum:
    MAX_ENTRY = sizeof(Entry) + MAX_BODY
    SCAN_BUFFER = 4 * MAX_BODY

MAGIC = b"LSFIXST1"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

assert sizeof(Entry) == 32
assert BUFFER_SIZE >= 2 * MAX_ENTRY
assert SCAN_BUFFER >= MAX_ENTRY
assert len(MAGIC) == 8


class StoreCorrupt(RuntimeError):
    """The store is damaged before its end: it names file and offset, and the gateway does not start."""


cdef inline size_t padded(size_t size) noexcept nogil:
    return (size + 7) & ~<size_t> 7


cdef inline uint32_t crc_of(const Entry *entry) noexcept nogil:
    return crc32c(0, <const char *> entry + 4, sizeof(Entry) - 4 + entry.length)


cdef int add_mark(Marks *marks, uint32_t msg_seq_num, uint64_t position) except -1 nogil:
    """Note where a message lies, unless one of the last `stride` of its session was noted."""
    cdef uint32_t i
    cdef void *grown
    if marks.since:
        marks.since -= 1
        return 0
    if marks.count == MAX_MARKS:
        for i in range(MAX_MARKS // 2):
            marks.marks[i] = marks.marks[2 * i]
        marks.count = MAX_MARKS // 2
        marks.stride *= 2
    elif marks.count == marks.capacity:
        marks.capacity = marks.capacity * 2 if marks.capacity else 16
        grown = realloc(marks.marks, marks.capacity * sizeof(Mark))
        if grown == NULL:
            with gil:
                raise MemoryError("no memory for the index of the message store")
        marks.marks = <Mark *> grown
    marks.marks[marks.count].msg_seq_num = msg_seq_num
    marks.marks[marks.count].position = position
    marks.count += 1
    marks.since = marks.stride - 1
    return 0


cdef uint64_t find_mark(const Marks *marks, uint32_t msg_seq_num, uint64_t otherwise) noexcept nogil:
    """A position at or before that of message `msg_seq_num`; `otherwise` where no message was noted."""
    cdef uint32_t low = 0
    cdef uint32_t high = marks.count
    cdef uint32_t middle
    if marks.count == 0:
        return otherwise
    while high - low > 1:
        middle = (low + high) // 2
        if marks.marks[middle].msg_seq_num <= msg_seq_num:
            low = middle
        else:
            high = middle
    return marks.marks[low].position


cdef void clear_marks(Marks *marks) noexcept nogil:
    marks.count = marks.since = 0
    marks.stride = MARK_STRIDE


cdef class Store:
    """The store in `folder`, made where there is none. One gateway holds it at a time.

    Opening scans it all, cuts a torn tail (kept aside as `<segment>.torn`) and refills `refused`; StoreCorrupt where an
    entry before the last segment's tail is bad.
    """

    def __init__(self, object folder, RefusedIds refused, uint64_t segment_size=SEGMENT_SIZE):
        cdef uint32_t session
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.refused = refused
        self.segment_size = segment_size
        self.fd = -1
        self.sessions = <SessionState *> calloc(MAX_SESSIONS, sizeof(SessionState))
        self.buffer = <char *> malloc(BUFFER_SIZE)
        if self.sessions == NULL or self.buffer == NULL:
            raise MemoryError("no memory for the message store")
        for session in range(MAX_SESSIONS):
            self._begin_session(session)
        self.bases = sorted(int(path.stem) for path in self.folder.glob("*.fix"))
        self._drop_unborn_segment()
        if self.bases:
            self._scan()
        else:
            self._begin_segment()

    def __dealloc__(self):
        cdef uint32_t session
        if self.fd >= 0:
            close(self.fd)
        if self.sessions != NULL:
            for session in range(MAX_SESSIONS):
                free(self.sessions[session].out_marks.marks)
                free(self.sessions[session].in_marks.marks)
        free(self.sessions)
        free(self.buffer)

    def _begin_session(self, uint32_t session) -> None:
        self.sessions[session].next_out = 1
        clear_marks(&self.sessions[session].out_marks)
        clear_marks(&self.sessions[session].in_marks)

    def _path(self, uint64_t base) -> Path:
        return self.folder / f"{base:020d}.fix"

    def _begin_segment(self) -> None:
        """Make the segment at `base` with its header, durable by name, and append to it from here on."""
        if self.fd >= 0:
            close(self.fd)
        self.fd = os.open(self._path(self.base), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        header = MAGIC + self.base.to_bytes(8, "little") + BOOT_ID.read_bytes().strip()
        self.written = os.write(self.fd, header.ljust(SEGMENT_HEADER_SIZE, b"\0"))
        self.bases.append(self.base)
        folder = os.open(self.folder, os.O_RDONLY | os.O_CLOEXEC)
        os.fsync(folder)
        os.close(folder)

    def _drop_unborn_segment(self) -> None:
        """Remove a last segment whose header was not written whole: nothing can be in it."""
        if self.bases and self._path(self.bases[-1]).stat().st_size < SEGMENT_HEADER_SIZE:
            self._path(self.bases.pop()).unlink()

    def _scan(self) -> None:
        """Rebuild everything that is held in memory, and open the last segment behind its last whole entry."""
        cdef const Entry *entry
        last = self._path(self.bases[-1])
        cdef Scan scan = Scan(self, self.bases[0], self.bases[-1] + last.stat().st_size)
        while True:
            entry = scan.next()
            if entry == NULL:
                break
            self.apply(entry, <const char *> entry + sizeof(Entry), scan.entry_at)
        self.base = self.bases[-1]
        self.written = scan.position - self.base
        self.other_boot = last.open("rb").read(SEGMENT_HEADER_SIZE)[16:52] != BOOT_ID.read_bytes().strip()
        self.fd = os.open(last, os.O_RDWR | os.O_CLOEXEC)
        tail = os.pread(self.fd, last.stat().st_size - self.written, self.written)
        if tail:
            last.with_suffix(".torn").write_bytes(tail)
            os.ftruncate(self.fd, self.written)
        os.lseek(self.fd, 0, os.SEEK_END)
        if self.other_boot:  # the header names the host's boot for all that is in a segment
            self.base += self.written
            self._begin_segment()

    cdef uint64_t end(self) noexcept nogil:
        """The position that the next entry takes."""
        return self.base + self.written + self.used

    cdef uint64_t watermark(self, int ring) noexcept nogil:
        """The last report stored of a ring's events, as 2 × event number + (1 for the seller's side); 0 for none."""
        return self.watermarks[ring]

    cdef int append(
        self, Kind kind, uint32_t session, uint32_t msg_seq_num, const char *data, size_t size, uint8_t flags
    ) except -1 nogil:
        """Append a message that no event caused. It is on disk after the next `flush`."""
        cdef Entry *entry = self.begin_entry(kind, session, msg_seq_num, size)
        entry.flags = flags
        return self.end_entry(entry, data)

    cdef int append_report(
        self, uint32_t session, uint32_t msg_seq_num, int ring, uint64_t number, int side, const char *data, size_t size
    ) except -1 nogil:
        """Append a report of event `number` of `ring` to the owner of its `side`, and move the ring's watermark."""
        cdef Entry *entry = self.begin_entry(KIND_OUT_APP, session, msg_seq_num, size)
        entry.ring = ring
        entry.number = number
        entry.side = side
        return self.end_entry(entry, data)

    cdef Entry *begin_entry(self, Kind kind, uint32_t session, uint32_t msg_seq_num, size_t size) except NULL nogil:
        """The next entry, in the buffer itself, with room for its message behind it."""
        cdef Entry *entry
        if size > MAX_BODY or session >= MAX_SESSIONS:
            with gil:
                raise ValueError(f"no entry of {size} bytes for session {session}")
        if self.used + sizeof(Entry) + padded(size) > BUFFER_SIZE:
            self.flush()
        entry = <Entry *> (self.buffer + self.used)
        memset(entry, 0, sizeof(Entry))
        entry.kind = kind
        entry.session = session
        entry.msg_seq_num = msg_seq_num
        entry.length = <uint32_t> size
        return entry

    cdef int end_entry(self, Entry *entry, const char *data) except -1 nogil:
        cdef char *body = <char *> entry + sizeof(Entry)
        cdef size_t size = padded(entry.length)
        if size:
            memset(body + size - 8, 0, 8)
        memcpy(body, data, entry.length)
        entry.crc = crc_of(entry)
        self.apply(entry, body, self.end())
        self.used += sizeof(Entry) + size
        return 0

    cdef int apply(self, const Entry *entry, const char *data, uint64_t position) except -1 nogil:
        """Let an entry take effect on the state in memory, when it is appended and when it is found at the start."""
        cdef SessionState *state = &self.sessions[entry.session]
        cdef uint64_t mark
        if entry.length > 9:
            state.version = 42 if data[8] == c"2" else 44
        if entry.kind == KIND_RESET:
            state.next_out = 1
            state.last_in = 0
            state.generation += 1
            clear_marks(&state.out_marks)
            clear_marks(&state.in_marks)
        elif entry.kind == KIND_OUT_ADMIN or entry.kind == KIND_OUT_APP:
            state.next_out = entry.msg_seq_num + 1
            add_mark(&state.out_marks, entry.msg_seq_num, position)
            if entry.number:
                mark = 2 * entry.number + (entry.side == SIDE_SELL)
                if mark > self.watermarks[entry.ring]:
                    self.watermarks[entry.ring] = mark
        else:
            if entry.msg_seq_num > state.last_in:
                state.last_in = entry.msg_seq_num
                add_mark(&state.in_marks, entry.msg_seq_num, position)
            if entry.flags & FLAG_REFUSED_ID:
                self.refused.remember_of(entry.session, data, entry.length)  # session and account are one number
        return 0

    cdef int flush(self) except -1 nogil:
        """Write what was appended with one call (more where the kernel takes it in parts). OSError ends the process."""
        cdef size_t done = 0
        cdef int64_t wrote
        if self.used == 0:
            return 0
        while done < self.used:
            wrote = write(self.fd, self.buffer + done, self.used - done)
            if wrote < 0 and errno != EINTR:
                with gil:
                    raise OSError(errno, f"the message store cannot be written: {os.strerror(errno)}", str(self.folder))
            if wrote > 0:
                done += wrote
        self.written += self.used
        self.used = 0
        self.writes += 1
        if self.written >= self.segment_size:
            with gil:
                self.base += self.written
                self._begin_segment()
        return 0

    def expected_in(self, uint32_t session, uint32_t sequenced) -> tuple[int, set[int]]:
        """After a start: the MsgSeqNum to ask the client for, when the log has its commands up to `sequenced`.

        It is that of the first stored message that was meant for the log and is not in it, else the one after all seen.
        With it come the numbers of stored messages above `sequenced` that were answered here, and are not to be again.
        """
        cdef SessionState *state = &self.sessions[session]
        cdef const Entry *entry
        cdef Scan scan
        cdef uint32_t expected
        answered = set()
        # The store has all that this host showed the router: a higher number is from before a reset the log lost.
        if state.generation and not self.other_boot and sequenced > max(state.last_in, 1):
            sequenced = 0
        expected = max(state.last_in, sequenced) + 1
        if state.last_in > sequenced:
            self.flush()
            scan = Scan(self, find_mark(&state.in_marks, sequenced, self.end()), self.end())
            while True:
                entry = scan.next()
                if entry == NULL:
                    break
                if entry.session != session or entry.msg_seq_num <= sequenced:
                    continue
                if entry.kind == KIND_IN_LOGGED:
                    expected = min(expected, entry.msg_seq_num)
                elif entry.kind == KIND_IN_ANSWERED:
                    answered.add(entry.msg_seq_num)
        return expected, answered

    def next_out(self, uint32_t session) -> int:
        """The MsgSeqNum of the session's next message of ours."""
        return self.sessions[session].next_out

    def generation(self, uint32_t session) -> int:
        """How often the session's numbers were reset."""
        return self.sessions[session].generation

    def reported(self, int ring) -> int:
        """`watermark`, for Python callers."""
        return self.watermark(ring)

    def add(self, Kind kind, uint32_t session, uint32_t msg_seq_num, bytes data, uint8_t flags=0) -> None:
        """`append`, for Python callers."""
        self.append(kind, session, msg_seq_num, data, len(data), flags)

    def add_report(
        self, uint32_t session, uint32_t msg_seq_num, int ring, uint64_t number, int side, bytes data
    ) -> None:
        """`append_report`, for Python callers."""
        self.append_report(session, msg_seq_num, ring, number, side, data, len(data))

    def write_out(self) -> None:
        """`flush`, for Python callers."""
        self.flush()

    def sync(self) -> None:
        """Write what was appended and have the disk keep it: at the end of an orderly stop."""
        self.flush()
        os.fdatasync(self.fd)

    def check(self) -> None:
        """Assert that the bounds and the order of the marks hold."""
        cdef SessionState *state
        cdef uint32_t session
        cdef uint32_t i
        assert self.used <= BUFFER_SIZE
        for session in range(MAX_SESSIONS):
            state = &self.sessions[session]
            assert state.out_marks.count <= MAX_MARKS
            for i in range(1, state.out_marks.count):
                assert state.out_marks.marks[i - 1].msg_seq_num < state.out_marks.marks[i].msg_seq_num
                assert state.out_marks.marks[i - 1].position < state.out_marks.marks[i].position


cdef class Scan:
    """Reads the entries from `position` up to `end` in order. It sees only what has been flushed."""

    def __cinit__(self, Store store, uint64_t position, uint64_t end):
        self.store = store
        self.position = position
        self.end = end
        self.fd = self.segment = -1
        self.buffer = <char *> malloc(SCAN_BUFFER)
        if self.buffer == NULL:
            raise MemoryError("no memory to read the message store")

    def __dealloc__(self):
        if self.fd >= 0:
            close(self.fd)
        free(self.buffer)

    cdef const Entry *next(self) except? NULL:
        """The next entry, its bytes behind it, valid until the next call; NULL at the end or at a torn last entry."""
        cdef const Entry *entry
        while self.position < self.end and (self.fd < 0 or self.position >= self.base + self.size):
            self.open_segment()  # more than once where a segment has no entry: a boot in which nobody wrote
        if self.torn or self.position >= self.end:
            return NULL
        entry = <const Entry *> self.hold(sizeof(Entry))
        if entry != NULL and entry.length <= MAX_BODY:
            entry = <const Entry *> self.hold(sizeof(Entry) + padded(entry.length))
            if entry != NULL and entry.crc == crc_of(entry) and self.sane(entry):
                self.entry_at = self.position
                self.position += sizeof(Entry) + padded(entry.length)
                return entry
        if self.segment < len(self.store.bases) - 1:
            raise StoreCorrupt(f"{self.store._path(self.base)} is damaged at offset {self.position - self.base}")
        self.torn = True
        return NULL

    cdef bint sane(self, const Entry *entry) noexcept nogil:
        return entry.session < MAX_SESSIONS and entry.ring < EVENT_RINGS and KIND_IN_ADMIN <= entry.kind <= KIND_RESET

    cdef const char *hold(self, size_t size) except? NULL:
        """`size` bytes from `position` on in the buffer; NULL where the segment has fewer."""
        cdef uint64_t at = self.position - self.base
        cdef int64_t got
        if at + size > self.size:
            return NULL
        if at < self.held_from or at + size > self.held_from + self.held:
            self.held_from = at
            self.held = 0
            while self.held < size:
                got = pread(self.fd, self.buffer + self.held, SCAN_BUFFER - self.held, at + self.held)
                if got == 0 or (got < 0 and errno != EINTR):
                    raise OSError(errno, "the message store cannot be read", str(self.store._path(self.base)))
                self.held += max(got, 0)
        return self.buffer + (at - self.held_from)

    cdef int open_segment(self) except -1:
        """Open the segment in which `position` lies, past its header."""
        cdef int following = self.segment + 1
        cdef list bases = self.store.bases
        if self.position >= self.end:
            return 0
        while following + 1 < len(bases) and bases[following + 1] <= self.position:
            following += 1
        if self.fd >= 0:
            if following >= len(bases) or bases[following] != self.position:
                raise StoreCorrupt(f"no segment of the message store begins at {self.position}: a file is missing")
            close(self.fd)
            self.fd = -1
        self.segment = following
        self.base = bases[following]
        path = self.store._path(self.base)
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self.fd).st_size
        self.held = self.held_from = 0
        header = os.pread(self.fd, SEGMENT_HEADER_SIZE, 0)
        if header[:16] != MAGIC + self.base.to_bytes(8, "little"):
            raise StoreCorrupt(f"{path} does not begin like a segment of the message store")
        if self.position == self.base:
            self.position += SEGMENT_HEADER_SIZE
        return 0

    def read(self) -> tuple[int, int, int, bytes] | None:
        """The next entry as (kind, session, MsgSeqNum, message), or None at the end."""
        cdef const Entry *entry = self.next()
        if entry == NULL:
            return None
        message = (<const char *> entry + sizeof(Entry))[:entry.length]
        return (entry.kind, entry.session, entry.msg_seq_num, message)


cdef class Resend:
    """The session's own messages `begin` to `end` (both included), in order, for one ResendRequest."""

    def __cinit__(self, Store store, uint32_t session, uint32_t begin, uint32_t end):
        cdef SessionState *state = &store.sessions[session]
        store.flush()
        self.session = session
        self.generation = state.generation
        self.begin = begin
        self.end = min(end, state.next_out - 1)
        self.scan = Scan(store, find_mark(&state.out_marks, begin, store.end()), store.end())

    cdef const Entry *next(self) except? NULL:
        """The next message of the range, or NULL behind the last one and when the session was reset meanwhile."""
        cdef const Entry *entry
        if self.scan.store.sessions[self.session].generation != self.generation:
            return NULL
        while True:
            entry = self.scan.next()
            if entry == NULL:
                return NULL
            if entry.session != self.session or (entry.kind != KIND_OUT_ADMIN and entry.kind != KIND_OUT_APP):
                continue
            if entry.msg_seq_num >= self.begin:
                return entry if entry.msg_seq_num <= self.end else NULL

    def read(self) -> tuple[int, int, bytes] | None:
        """The next message as (kind, MsgSeqNum, message), or None at the end."""
        cdef const Entry *entry = self.next()
        if entry == NULL:
            return None
        return (entry.kind, entry.msg_seq_num, (<const char *> entry + sizeof(Entry))[:entry.length])
