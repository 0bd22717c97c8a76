# cython: wraparound=True
"""The gateway's message store: every message as it came and as it left, for audit, for resends and for a restart.

It appends to memory and writes a whole batch with one call, before the batch's sockets are written; it never decides
what a message means, and never changes what it has written.

`ring`, `event number` and `side` name the event that caused a report (number 0: none did): the highest of each ring is
the watermark up to which reports are sent, so that a restart repeats none and forgets none. In memory each session has
marks, one in 64 messages and at most 16,384, from which a resend goes back along its chain. What is held in memory is
part of a snapshot, so that a start reads only what was appended since.

Segments that are too old or too many are removed whole (`retain`): the next one has a file that says what they came to.

It is written before anything is sent, and synced now and then: a loss of the host may take its tail. What was sent then
is not given a second time: numbers go on behind those that are reserved, in a file (`Reserve`) and in the log
(`Reservations`), and a segment is written in one boot of the host only.
"""

import time
from functools import partial
from pathlib import Path

from libc.errno cimport ENOSPC
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from lockstep.core.schema.records cimport SIDE_SELL
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.gateway.fix.message cimport Message
from lockstep.procs.gateway.lookup cimport Lookup
from lockstep.procs.gateway.lost_messages cimport lost_of
from lockstep.procs.gateway.resend_index cimport find_mark
from lockstep.procs.gateway.reservations cimport Reservation, Reservations
from lockstep.procs.gateway.reserved_seq_nums cimport Reserve
from lockstep.procs.gateway.secrets cimport blank, has_secret
from lockstep.procs.gateway.segment_writer cimport SegmentWriter
from lockstep.procs.gateway.sessions cimport (
    SessionState,
    check_sessions,
    follow,
    followed,
    forget_before,
    forget_messages,
    free_sessions,
    load_sessions,
    needed_from,
    new_sessions,
    pack_sessions,
    save_sessions,
    unpack_sessions,
)
from lockstep.procs.gateway.store_reader cimport (
    FLAG_FOLLOWED, FLAG_REFUSED_ID, FLAG_RESERVED, KIND_IN_ADMIN, KIND_IN_ANSWERED, KIND_OUT_ADMIN, KIND_OUT_APP,
    KIND_RESET, MAX_BODY, Kind, Scan, StoreEntry, back_to, crc_of, fill, padded,
)
from lockstep.shm.board cimport MAX_SESSIONS

from lockstep.core.files import atomic_file
from lockstep.procs.gateway import background, segments, seq_num_file, starts
from lockstep.procs.gateway.opening import Past, Room
from lockstep.procs.gateway.retention import Retention, note_start
from lockstep.procs.gateway.starts import Started
from lockstep.procs.gateway.store_reader import PATTERN, StoreCorrupt, path_of

cdef enum:
    MAX_ADMIN_BODY = 1024   # of a client's session message that is kept
    ENTRIES_A_BEAT = 8192

NEW = Past()
ANY_ROOM = Room()

assert BUFFER_SIZE >= 4 * (sizeof(StoreEntry) + MAX_BODY)


def nothing() -> None:
    """What nobody waits for."""


def read_over(Loader loader not None) -> Reservations:
    """Read a store's section of a part, and give what it says of numbers in the log. DamagedPart."""
    cdef uint64_t watermarks[EVENT_RINGS]
    cdef Reservations reservations = Reservations()
    cdef SessionState *sessions = new_sessions()
    try:
        loader.get_64()
        loader.get_64()
        loader.get(watermarks, sizeof(watermarks))
        load_sessions(sessions, loader)
        RefusedIds().load(loader)
        reservations.load(loader)
    finally:
        free_sessions(sessions)
    return reservations


cdef class Store:
    """The store in `folder`, made where there is none. One gateway holds it at a time.

    Opening scans it all, or what is behind the part of a snapshot, cuts a torn tail (kept aside as `<segment>.torn`)
    and refills `refused`; `beat` is called again and again meanwhile. StoreCorrupt if an entry before the last
    segment's tail is bad, or the store is not the one that the part is of. `is_full`: what was appended last is not
    written; nothing may be sent then, and little appended, until a `flush` finds space.
    """

    def __init__(
        self, object folder, RefusedIds refused, object past=NEW, object room=ANY_ROOM, object beat=nothing
    ):
        cdef uint32_t session
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        atomic_file.sync(self.folder.parent)
        self.refused = refused
        self.sessions = new_sessions()
        self.buffer = <char *> malloc(BUFFER_SIZE)
        if self.buffer == NULL:
            raise MemoryError("no memory for the message store")
        self.bases = sorted(int(path.stem) for path in self.folder.glob(PATTERN))
        segments.drop_unborn(self.folder, self.bases)
        self.segment = SegmentWriter(self.folder, self.bases, room.segment_bytes, room.spare_bytes)
        self.beat = beat
        self.retention = None if room.keep is None else Retention(self.folder, self.bases, room.keep)
        self.starter = background.Background()
        self.reservations = Reservations() if past.reservations is None else past.reservations
        for session in past.elsewhere:
            self.reservations.elsewhere[session] = True
        if past.part is not None:
            self._load(past.part)
        self.follows = past.follows
        self.gives = past.reserved is not None
        self.reservations.learn(past.reserved or ())
        if self.gives and self.reservations.has_any():
            segments.drop_empty(self.folder, self.bases)
            self.is_emptied = not self.bases
        if self.is_emptied:
            forget_messages(self.sessions)
            self.last_at = self.last_crc = 0
        if self.bases and self.last_at < <uint64_t> self.bases[0]:
            self._load_start(self.bases[0])
        self.reserve = Reserve(self.folder)
        boot = segments.boot()
        last_boot = self._scan() if self.bases or self.last_at else b""
        if self.bases:
            forget_before(self.sessions, MAX_SESSIONS, self.bases[0])  # which a part may know of still
        opened_in = self.reserve.boot or last_boot or boot
        has_leapt = opened_in == seq_num_file.NO_BOOT  # at a start before this one, which never opened
        if self.is_emptied or (self.reserve.boot and not self.bases):  # numbers were given, and all messages are gone
            opened_in = seq_num_file.NO_BOOT
            starts.remove_all(self.folder)
        if self.is_emptied or (not self.bases and (self.follows or self.reserve.boot)):
            self.segment.base = time.time_ns() & ~7  # behind wherever they were: ExecIDs name places in the store
        if self.gives and self.reservations.give_way(self.sessions, self.reserve):
            opened_in = seq_num_file.NO_BOOT
        self.other_boot = opened_in != boot
        self._reserve(seq_num_file.NO_BOOT if self.other_boot else boot, self.other_boot and not has_leapt)
        if last_boot != boot:  # the header names the host's boot for all that is in a segment
            self.segment.begin(self.segment.end())
            self._write_start()
        if self.is_emptied:  # a part says what was before: with a start file, nothing of that is looked for
            self.starter.finish()
            starts.write(self.folder, self.segment.base, self._started())
        self.segment.tend()
        self._go_on()

    def __dealloc__(self):
        free_sessions(self.sessions)
        free(self.buffer)

    def _write_start(self) -> None:
        """Have a file say what all sessions are as the segment begins: with it, those before are needed no more."""
        if self.retention is not None:
            self.starter.finish()
            self.starter.begin(partial(note_start, self.folder, self.segment.base, self._started()))

    def _started(self) -> Started:
        return Started(
            (<const char *> self.watermarks)[:sizeof(self.watermarks)],
            pack_sessions(self.sessions, self.reserve.top),
            self.refused.pack(),
        )

    def _load_start(self, uint64_t base) -> None:
        """Hold in memory what the first segment's start file says, where what was before it has been removed."""
        started = starts.read(self.folder, base)
        if started is None:
            if any(self.folder.glob("*.start")):
                raise StoreCorrupt(
                    f"{self.folder} lacks what was before {path_of(self.folder, base)}, and the file that says what it "
                    "came to: put its files back"
                )
            return
        free_sessions(self.sessions)
        self.sessions = NULL
        self.sessions = new_sessions()
        unpack_sessions(self.sessions, started.rows)
        memcpy(self.watermarks, <const char *> <bytes> started.watermarks, sizeof(self.watermarks))
        self.refused.unpack(started.refused)
        self.last_at = 0

    def retain(self, int64_t now_ns) -> None:
        """Let the oldest segments go that are too old or too many, or of which no session needs anything."""
        if self.retention is None or len(self.bases) < 2:
            return
        top = self.reserve.top
        end = self.end()
        needed = needed_from(self.sessions, top, self.retention.keep.session_bytes, end)
        count = self.retention.removable(end, needed, now_ns)
        if count:
            self.retention.remove(count)
            forget_before(self.sessions, top, self.bases[0])

    def save(self, Saver saver not None) -> None:
        """Add what is held in memory to a part, once the disk keeps all that it is about. All is written out before."""
        assert self.used == 0
        segments.sync(self.folder, self.bases)
        saver.put_64(self.last_at)
        saver.put_64(self.last_crc)
        saver.put(self.watermarks, sizeof(self.watermarks))
        save_sessions(self.sessions, saver)
        self.refused.save(saver)
        self.reservations.save(saver)

    def _load(self, Loader loader) -> None:
        """Hold in memory what a part says. `last_at` is an entry that is there still: the scan begins at it."""
        self.last_at = loader.get_64()
        self.last_crc = <uint32_t> loader.get_64()
        loader.get(self.watermarks, sizeof(self.watermarks))
        load_sessions(self.sessions, loader)
        self.refused.load(loader)
        self.reservations.load(loader)

    def _begin_scan(self) -> Scan:
        """Read on behind the last entry that a part knows of, which must be what it was; from the first one else."""
        cdef Scan scan
        cdef const StoreEntry *entry = NULL
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
        cdef const StoreEntry *entry
        cdef Scan scan = self._begin_scan()
        cdef uint64_t entries = 0
        while True:
            entry = scan.next()
            if entry == NULL:
                break
            self.apply(entry, <const char *> entry + sizeof(StoreEntry), scan.entry_at)
            entries += 1
            if entries % ENTRIES_A_BEAT == 0:
                self.beat()
        return self.segment.go_on(scan.position - <uint64_t> self.bases[-1])

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
        cdef const Reservation *row
        cdef uint32_t session
        for session in range(self.reserve.top):
            if self.sessions[session].generation < self.reserve.held[session].generation:
                self.append(KIND_RESET, session, self.reserve.held[session].generation, b"", 0, 0)
            row = &self.reservations.rows[session]
            if self.gives and self.reservations.is_ahead(
                session, self.sessions[session].generation, self.sessions[session].reserved
            ):
                self.note_reserved(session, row.end)
            self.reservations.begin(session, self.sessions[session].generation)
            self.sessions[session].next_out = max(self.sessions[session].next_out, self.reserve.held[session].next)
            self.sessions[session].version = self.reserve.held[session].version
        self.flush()

    def lead(self) -> None:
        """This node leads: sessions go on behind all numbers that the log has reserved. OSError."""
        self.write_out()
        self.gives, self.follows = True, False
        gave_way = self.reservations.give_way(self.sessions, self.reserve)
        self.other_boot = self.other_boot or gave_way
        self._reserve(seq_num_file.NO_BOOT if self.other_boot else self.reserve.boot, gave_way)
        self._go_on()

    def recovered(self) -> None:
        """All that may have been given before the host was lost is told again: this boot begins here. OSError."""
        boot = segments.boot()
        if self.reserve.boot != boot:
            self.write_out()
            self._reserve(boot)

    cdef uint64_t end(self) noexcept nogil:
        """The position that the next entry takes."""
        return self.segment.end() + self.used

    cdef uint64_t offset(self) noexcept nogil:
        """The same in the segment: with its base it is never another entry's again, whatever a lost host takes."""
        return self.segment.written + self.used

    cdef uint64_t watermark(self, int ring) noexcept nogil:
        """The last report stored of a ring's events, as 2 × event number + (1 for the seller's side); 0 for none."""
        return self.watermarks[ring]

    @property
    def last_events(self) -> list[int]:
        """The number of the last event of each ring of which a report is stored; 0 for none."""
        return [mark // 2 for mark in self.watermarks]

    cdef int append_received(
        self, Kind kind, uint32_t session, uint32_t msg_seq_num, Message message, uint8_t flags
    ) except -1 nogil:
        """Append a client's message as that of `msg_seq_num`, without any password in it.

        Of a session message nobody reads more than its number: a long one, or one that says nothing, is not kept.
        """
        cdef size_t size = message.size
        cdef StoreEntry *entry
        if kind == KIND_IN_ADMIN and (size > MAX_ADMIN_BODY or message.msg_type == c"0" or message.msg_type == c"1"):
            size = 0
        entry = self.begin_entry(kind, session, msg_seq_num, size)
        entry.flags = flags
        fill(entry, message.data)
        if size and has_secret(message):
            blank(<char *> entry + sizeof(StoreEntry), size)
        return self.end_entry(entry)

    cdef int append(
        self, Kind kind, uint32_t session, uint32_t msg_seq_num, const char *data, size_t size, uint8_t flags
    ) except -1 nogil:
        """Append a message that no event caused. It is on disk after the next `flush`."""
        cdef StoreEntry *entry = self.begin_entry(kind, session, msg_seq_num, size)
        entry.flags = flags
        fill(entry, data)
        return self.end_entry(entry)

    cdef int append_report(
        self, uint32_t session, uint32_t msg_seq_num, int ring, uint64_t number, int side, const char *data,
        size_t size, uint8_t flags
    ) except -1 nogil:
        """Append a report of event `number` of `ring` to the owner of its `side`, and move the ring's watermark."""
        cdef Kind kind = KIND_OUT_ADMIN if flags & FLAG_FOLLOWED else KIND_OUT_APP
        cdef StoreEntry *entry = self.begin_entry(kind, session, msg_seq_num, size)
        entry.flags = flags
        entry.ring = ring
        entry.number = number
        entry.side = side
        fill(entry, data)
        return self.end_entry(entry)

    cdef StoreEntry *begin_entry(
        self, Kind kind, uint32_t session, uint32_t msg_seq_num, size_t size
    ) except NULL nogil:
        """The next entry, in the buffer itself, with room for its message behind it."""
        cdef StoreEntry *entry
        if size > MAX_BODY or session >= MAX_SESSIONS:
            with gil:
                raise ValueError(f"no entry of {size} bytes for session {session}")
        if self.used + sizeof(StoreEntry) + padded(size) > BUFFER_SIZE // 2:
            self.flush()
            if self.used + sizeof(StoreEntry) + padded(size) > BUFFER_SIZE:
                with gil:
                    raise OSError(ENOSPC, "the disk is full, and so is the message store's buffer", str(self.folder))
        entry = <StoreEntry *> (self.buffer + self.used)
        memset(entry, 0, sizeof(StoreEntry))
        entry.kind = kind
        entry.session = session
        entry.msg_seq_num = msg_seq_num
        entry.length = <uint32_t> size
        return entry

    cdef int end_entry(self, StoreEntry *entry) except -1 nogil:
        """Let the entry in the buffer, which has its message, be one of the store's."""
        cdef SessionState *state = &self.sessions[entry.session]
        entry.back = back_to(followed(state, entry), self.end())
        entry.crc = crc_of(entry)
        self.apply(entry, <const char *> entry + sizeof(StoreEntry), self.end())
        self.used += sizeof(StoreEntry) + padded(entry.length)
        if not self.follows and (
            state.next_out > self.reserve.held[entry.session].extend_at
            or state.next_out > self.reservations.rows[entry.session].ask_at or entry.kind == KIND_RESET
        ):
            return self.use_numbers(entry.session)
        return 0

    cdef int use_numbers(self, uint32_t session) except -1 nogil:
        """See that the session has numbers ahead, in the file and in the log."""
        cdef const SessionState *state = &self.sessions[session]
        self.reserve.use(session, state.generation, state.next_out, state.version)
        return self.reservations.use(session, state.generation, state.next_out)

    cdef int note_reserved(self, uint32_t session, uint32_t end) except -1:
        """Keep that the log is asked for numbers below `end`: then what it says of them is no news."""
        cdef StoreEntry *entry = self.begin_entry(KIND_IN_ADMIN, session, 0, 0)
        entry.flags, entry.number = FLAG_RESERVED, end
        return self.end_note(entry)

    cdef int pass_over(self, int ring, uint64_t number) except -1:
        """Keep that no report of the ring's events up to this one is missing, though there may be none here."""
        cdef StoreEntry *entry = self.begin_entry(KIND_IN_ADMIN, 0, 0, 0)
        entry.ring, entry.number, entry.side = ring, number, SIDE_SELL
        return self.end_note(entry)

    cdef int end_note(self, StoreEntry *entry) except -1:
        """Let the entry, which has no message, be one of the store's."""
        entry.crc = crc_of(entry)
        self.apply(entry, NULL, self.end())
        self.used += sizeof(StoreEntry)
        return 0

    cdef int apply(self, const StoreEntry *entry, const char *data, uint64_t position) except -1 nogil:
        """Let an entry take effect on the state in memory, when it is appended and when it is found at the start."""
        cdef uint64_t mark
        self.last_at = position
        self.last_crc = entry.crc
        follow(&self.sessions[entry.session], entry, data, position)
        if entry.number and not entry.flags & FLAG_RESERVED:
            mark = 2 * entry.number + (entry.side == SIDE_SELL)
            if mark > self.watermarks[entry.ring]:
                self.watermarks[entry.ring] = mark
        if entry.flags & FLAG_REFUSED_ID and entry.kind == KIND_IN_ANSWERED:
            self.refused.remember_of(entry.session, data, entry.length)  # session and account are one number
        return 0

    cdef int flush(self) except -1 nogil:
        """Write what was appended, which may be sent then; on a full disk all of it waits. OSError ends the process."""
        if self.used == 0:
            return 0
        self.is_full = not self.segment.write(self.buffer, self.used)
        if self.is_full:
            return 0
        self.used = 0
        if self.reserve.is_short:
            with gil:
                self.reserve.settle()
        if self.segment.is_over():
            with gil:
                if self.segment.begin_next():
                    self._write_start()
        return 0

    def expected_in(
        self, uint32_t session, uint32_t sequenced, uint32_t received=0xFFFFFFFF
    ) -> tuple[int, set[int]]:
        """After a start: the MsgSeqNum to ask the client for, when the log has its commands up to `sequenced`.

        It is that of the first stored message that was meant for the log and is not in it, else the one after all seen;
        `received` is what the client's Logon has. With it come the numbers of stored messages behind it that were
        answered here, and are not to be again.
        """
        cdef SessionState *state = &self.sessions[session]
        cdef uint32_t expected
        # The store has all that this host showed the router: a higher number is from before a reset the log lost.
        # Where the host was lost, the store may lack some; what the client has not come to is from before its reset.
        if state.generation and sequenced > max(state.last_in, 1):
            if not self.other_boot or sequenced >= received:
                sequenced = 0
        expected = max(state.last_in, sequenced) + 1
        if state.last_logged <= sequenced:  # as nearly always: the log has all that it was to have
            return expected, set()
        self.flush()
        return lost_of(
            Lookup(self.folder, self.bases), session, find_mark(&state.in_marks, sequenced, 0), state.last_in_app,
            sequenced, expected,
        )

    cdef int write_out(self) except -1:
        """`flush`, where nothing goes on without. OSError: the disk is full too."""
        self.flush()
        if self.is_full:
            raise OSError(ENOSPC, "the message store cannot be written", str(self.folder))
        return 0

    def sync(self) -> None:
        """Write what was appended and have the disk keep it, at an orderly stop: nothing follows. OSError."""
        self.write_out()
        self.segment.sync()
        self.starter.finish()
        self._reserve(self.reserve.boot, ahead=False)

    def check(self) -> None:
        """Assert that the bounds and the order of the marks hold."""
        assert self.used <= BUFFER_SIZE
        check_sessions(self.sessions, self.bases[0])
