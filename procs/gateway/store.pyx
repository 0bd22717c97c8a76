# cython: wraparound=True
"""The gateway's message store: every message as it came and as it left, for audit, for resends and for a restart.

It appends to memory and writes a whole batch with one call, before the batch's sockets are written; it never decides
what a message means, and never changes what it has written.

`ring`, `event number` and `side` name the event that caused a report (number 0: none did): the highest of each ring is
the watermark up to which reports are sent, so that a restart repeats none and forgets none. In memory each session has
marks, one in 64 messages and at most 16,384, from which a resend starts to scan. What is held in memory is part of a
snapshot, so that a start reads only what was appended since.

It is written before anything is sent, and synced now and then: a loss of the host may take its tail. What was sent then
is not given a second time: numbers go on behind those that are reserved (`Reserve`), and a segment is written in one
boot of the host only.
"""

import os
from functools import partial
from pathlib import Path

from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset
from posix.unistd cimport close, write

from procs.gateway.marks cimport MAX_MARKS, add_mark, clear_marks, find_mark, load_marks, save_marks
from procs.gateway.reserve cimport Reserve
from procs.gateway.scan cimport (
    FLAG_REFUSED_ID,
    KIND_IN_ANSWERED,
    KIND_IN_LOGGED,
    KIND_OUT_ADMIN,
    KIND_OUT_APP,
    KIND_RESET,
    MAX_BODY,
    SEGMENT_HEADER_SIZE,
    Entry,
    Kind,
    Scan,
    crc_of,
    padded,
)
from procs.tables.saved cimport Loader, Saver
from shm.board cimport MAX_SESSIONS
from shm.records cimport SIDE_SELL

from procs import files
from procs.gateway import background
from procs.gateway.scan import MAGIC, StoreCorrupt, path_of
from procs.snapshots import NotSyncedError

cdef enum:
    MAX_ENTRY = sizeof(Entry) + MAX_BODY
    SYNC_SIZE = 4 * 1024 * 1024  # of a segment, which is then synced aside, so that its end has little left to wait for

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

assert BUFFER_SIZE >= 2 * MAX_ENTRY


cdef inline size_t numbers_size(const SessionState *state) noexcept nogil:
    return <const char *> &state.out_marks - <const char *> state


cdef class Store:
    """The store in `folder`, made where there is none. One gateway holds it at a time.

    Opening scans it all, or what is behind the part of a snapshot where there is a `loader`, cuts a torn tail (kept
    aside as `<segment>.torn`) and refills `refused`; StoreCorrupt where an entry before the last segment's tail is bad,
    or the store is not the one that the part is of.
    """

    def __init__(self, object folder, RefusedIds refused, uint64_t segment_size=SEGMENT_SIZE, Loader loader=None):
        cdef uint32_t session
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.sync(self.folder.parent)
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
        if loader is not None:
            self._load(loader)
        self.reserve = Reserve(self.folder)
        self.syncer = background.Background()
        boot = BOOT_ID.read_bytes().strip()
        last_boot = self._scan() if self.bases or self.last_at else b""
        self.other_boot = (self.reserve.boot or last_boot or boot) != boot
        self._reserve(self.reserve.boot or last_boot or boot, self.other_boot)
        if last_boot != boot:  # the header names the host's boot for all that is in a segment
            self.base += self.written
            self._begin_segment()
        self._go_on()

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

    def _begin_segment(self) -> None:
        """Make the segment at `base` with its header, durable by name, and append to it from here on."""
        if self.fd >= 0:
            close(self.fd)
        self.fd = os.open(path_of(self.folder, self.base), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        header = MAGIC + self.base.to_bytes(8, "little") + BOOT_ID.read_bytes().strip()
        self.written = os.write(self.fd, header.ljust(SEGMENT_HEADER_SIZE, b"\0"))
        os.fsync(self.fd)  # a segment that has its name has its header, whatever a loss of power leaves
        self.bases.append(self.base)
        files.sync(self.folder)

    def _drop_unborn_segment(self) -> None:
        """Remove a last segment whose header was not written whole: nothing can be in it."""
        if self.bases and path_of(self.folder, self.bases[-1]).stat().st_size < SEGMENT_HEADER_SIZE:
            path_of(self.folder, self.bases.pop()).unlink()

    def save(self, Saver saver not None) -> None:
        """Add what is held in memory to a part, once the disk keeps all that it is about. All is written out before."""
        cdef SessionState *state
        cdef uint32_t session
        assert self.used == 0
        self._sync_segments()
        saver.put_64(self.last_at)
        saver.put_64(self.last_crc)
        saver.put(self.watermarks, sizeof(self.watermarks))
        for session in range(MAX_SESSIONS):
            state = &self.sessions[session]
            if state.next_out > 1 or state.last_in or state.generation:
                saver.put_64(session)
                saver.put(state, numbers_size(state))
                save_marks(&state.out_marks, saver)
                save_marks(&state.in_marks, saver)
        saver.put_64(MAX_SESSIONS)
        self.refused.save(saver)

    def _sync_segments(self) -> None:
        """Have the disk keep what is written, by files of its own: a forked child may do it. NotSyncedError."""
        try:
            for base in self.bases:  # costs nothing where there is nothing to sync
                fd = os.open(path_of(self.folder, base), os.O_RDONLY | os.O_CLOEXEC)
                os.fdatasync(fd)
                os.close(fd)
        except OSError as error:
            text = f"the message store is not safe: {error.strerror}"
            raise NotSyncedError(error.errno, text, str(self.folder)) from error

    def _load(self, Loader loader) -> None:
        """Hold in memory what a part says. `last_at` is an entry that is there still: the scan begins at it."""
        cdef SessionState *state
        cdef uint32_t session
        self.last_at = loader.get_64()
        self.last_crc = <uint32_t> loader.get_64()
        loader.get(self.watermarks, sizeof(self.watermarks))
        while True:
            session = <uint32_t> loader.get_64()
            if session >= MAX_SESSIONS:
                break
            state = &self.sessions[session]
            loader.get(state, numbers_size(state))
            load_marks(&state.out_marks, loader)
            load_marks(&state.in_marks, loader)
        self.refused.load(loader)

    def _begin_scan(self) -> Scan:
        """Read on behind the last entry that a part knows of, which must be what it was; from the first one else."""
        cdef Scan scan
        cdef const Entry *entry = NULL
        cdef uint64_t end = self.bases[-1] + path_of(self.folder, self.bases[-1]).stat().st_size if self.bases else 0
        if self.last_at == 0:
            return Scan(self.folder, self.bases, self.bases[0], end)
        scan = Scan(self.folder, self.bases, self.last_at, end)
        if self.bases and self.bases[0] < self.last_at < end:
            entry = scan.next()
        if entry == NULL or entry.crc != self.last_crc:
            raise StoreCorrupt(
                f"{self.folder} lacks what a snapshot says was at {self.last_at}: put its files back, or remove the "
                "snapshots, so that the start replays the whole journal"
            )
        return scan

    def _scan(self) -> bytes:
        """Hold in memory what the store says, and open the last segment behind its last whole entry; its boot."""
        cdef const Entry *entry
        cdef Scan scan = self._begin_scan()
        last = path_of(self.folder, self.bases[-1])
        while True:
            entry = scan.next()
            if entry == NULL:
                break
            self.apply(entry, <const char *> entry + sizeof(Entry), scan.entry_at)
        self.base = self.bases[-1]
        self.written = scan.position - self.base
        self.fd = os.open(last, os.O_RDWR | os.O_CLOEXEC)
        tail = os.pread(self.fd, last.stat().st_size - self.written, self.written)
        if tail:
            last.with_suffix(".torn").write_bytes(tail)
            os.ftruncate(self.fd, self.written)
        os.lseek(self.fd, 0, os.SEEK_END)
        return last.open("rb").read(SEGMENT_HEADER_SIZE)[16:52].rstrip(b"\0")

    def _reserve(self, bytes boot, bint was_lost=False, bint ahead=True) -> None:
        """Have the disk keep what numbers all sessions have used, and may use; all is written out before."""
        cdef SessionState *state
        cdef uint32_t session
        assert self.used == 0
        for session in range(MAX_SESSIONS):
            state = &self.sessions[session]
            self.reserve.open(session, state.generation, state.next_out, state.version, was_lost)
        self.reserve.reset_all(boot, ahead)

    def _go_on(self) -> None:
        """Behind what may have been lost with the host: each session's number, after the resets that it had."""
        cdef uint32_t session
        for session in range(self.reserve.top):
            while self.sessions[session].generation < self.reserve.held[session].generation:
                self.append(KIND_RESET, session, 0, NULL, 0, 0)
            self.sessions[session].next_out = max(self.sessions[session].next_out, self.reserve.held[session].next)
            self.sessions[session].version = self.reserve.held[session].version
        self.flush()

    def recovered(self) -> None:
        """All that may have been given before the host was lost is told again: this boot begins here. OSError."""
        boot = BOOT_ID.read_bytes().strip()
        if self.reserve.boot != boot:
            self.flush()
            self._reserve(boot)

    cdef uint64_t end(self) noexcept nogil:
        """The position that the next entry takes."""
        return self.base + self.written + self.used

    cdef uint64_t offset(self) noexcept nogil:
        """The same in its segment, `base`: the two together are never an entry's again, whatever a lost host takes."""
        return self.written + self.used

    cdef Scan scan_from(self, uint64_t position):
        """What is written from a position on, up to now."""
        return Scan(self.folder, self.bases, position, self.end())

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
        cdef SessionState *state = &self.sessions[entry.session]
        cdef char *body = <char *> entry + sizeof(Entry)
        cdef size_t size = padded(entry.length)
        if size:
            memset(body + size - 8, 0, 8)
        memcpy(body, data, entry.length)
        entry.crc = crc_of(entry)
        self.apply(entry, body, self.end())
        self.used += sizeof(Entry) + size
        if state.next_out > self.reserve.held[entry.session].extend_at or entry.kind == KIND_RESET:
            return self.reserve.use(entry.session, state.generation, state.next_out, state.version)
        return 0

    cdef int apply(self, const Entry *entry, const char *data, uint64_t position) except -1 nogil:
        """Let an entry take effect on the state in memory, when it is appended and when it is found at the start."""
        cdef SessionState *state = &self.sessions[entry.session]
        cdef uint64_t mark
        self.last_at = position
        self.last_crc = entry.crc
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
        """Write what was appended with one call (more where the kernel takes it in parts). OSError ends the process.

        What was appended may be sent then: its numbers are reserved.
        """
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
        if self.written // SYNC_SIZE != (self.written - done) // SYNC_SIZE:
            with gil:
                self.sync_aside()
        if self.reserve.is_short:
            with gil:
                self.reserve.settle()
        if self.written >= self.segment_size:
            with gil:
                self.syncer.finish()
                os.fdatasync(self.fd)  # only of the last segment may a loss of the host take something
                self.base += self.written
                self._begin_segment()
        return 0

    cdef int sync_aside(self) except -1:
        """Have a thread sync what is written. OSError, of the time before, is final."""
        if self.syncer.is_done():
            self.syncer.finish()
            self.syncer.begin(partial(os.fdatasync, self.fd))
        return 0

    def expected_in(
        self, uint32_t session, uint32_t sequenced, uint32_t received=0xFFFFFFFF
    ) -> tuple[int, set[int]]:
        """After a start: the MsgSeqNum to ask the client for, when the log has its commands up to `sequenced`.

        It is that of the first stored message that was meant for the log and is not in it, else the one after all seen;
        `received` is what the client's Logon has. With it come the numbers of stored messages above `sequenced` that
        were answered here, and are not to be again.
        """
        cdef SessionState *state = &self.sessions[session]
        cdef const Entry *entry
        cdef Scan scan
        cdef uint32_t expected
        answered = set()
        # The store has all that this host showed the router: a higher number is from before a reset the log lost.
        # Where the host was lost, the store may lack some; what the client has not come to is from before its reset.
        if state.generation and sequenced > max(state.last_in, 1):
            if not self.other_boot or sequenced >= received:
                sequenced = 0
        expected = max(state.last_in, sequenced) + 1
        if state.last_in > sequenced:
            self.flush()
            scan = self.scan_from(find_mark(&state.in_marks, sequenced, self.end()))
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
        """Write what was appended and have the disk keep it: at the end of an orderly stop, when nothing follows."""
        self.flush()
        self._sync_segments()
        self._reserve(self.reserve.boot, ahead=False)

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


cdef class Resend:
    """The session's own messages `begin` to `end` (both included), in order, for one ResendRequest."""

    def __cinit__(self, Store store, uint32_t session, uint32_t begin, uint32_t end):
        cdef SessionState *state = &store.sessions[session]
        store.flush()
        self.store = store
        self.session = session
        self.generation = state.generation
        self.begin = begin
        self.end = min(end, state.next_out - 1)
        self.scan = store.scan_from(find_mark(&state.out_marks, begin, store.end()))

    cdef const Entry *next(self) except? NULL:
        """The next message of the range, or NULL behind the last one and when the session was reset meanwhile."""
        cdef const Entry *entry
        if self.store.sessions[self.session].generation != self.generation:
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
