"""The primary's end of a link: it ships the log to a secondary and says on the board what is acknowledged.

It gates no ring: what has been overwritten there it reads from the journal, so a slow secondary holds up nobody.
"""

import os
from pathlib import Path

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from lockstep.core.journal.format cimport mix
from lockstep.core.journal.journal cimport JournalReader
from lockstep.core.schema.records cimport RECORD_SIZE, CommandRecord
from lockstep.procs.replicator.link cimport (
    ASKS_ROLE,
    COPY_PATIENCE_NS,
    FRAME_ACKNOWLEDGED,
    FRAME_BATCH,
    FRAME_COPIED,
    FRAME_COPY,
    FRAME_DIGESTS,
    FRAME_EQUAL,
    FRAME_FENCE,
    FRAME_FENCED,
    FRAME_HANDOVER,
    FRAME_HEADER_SIZE,
    FRAME_HEARTBEAT,
    FRAME_HELLO,
    FRAME_KEPT,
    FRAME_LEAVE,
    FRAME_LEFT,
    FRAME_VOIDS,
    FRAME_WELCOME,
    MAX_FRAME_RECORDS,
    TELLS_VOIDS,
    WANTS_COPY,
    WANTS_TAIL,
    FrameHeader,
    Link,
)
from lockstep.shm.bell cimport WAIT_COMMIT
from lockstep.shm.board cimport (
    HANDOVER_ASKED, WORD_ACKED_SEQ, WORD_COMMIT_BY, WORD_COMPARED, WORD_DIFFERS, WORD_DURABLE_SEQ, WORD_EPOCH,
    WORD_FENCED, WORD_HANDOVER, WORD_LOG_END, WORD_PEER_SEQ, Board,
)
from lockstep.shm.ring cimport OBSERVED_NOTHING_YET, OBSERVED_OVERRUN, OBSERVED_RECORD, Observed, Observer, Ring

from msgspec.structs import replace

from lockstep.core.journal.end import chain_at
from lockstep.core.journal.journal import JournalError, segment_seqs
from lockstep.procs.replicator.handshake import Hello, LinkError, Refusal, check_same_venue
from lockstep.procs.replicator.link import session_nonce

cdef enum:
    OVERTAKINGS = 8
    SECOND_NS = 1_000_000_000
    COPY_BYTES = MAX_FRAME_RECORDS * RECORD_SIZE
    BURSTS = 50                          # a second: what was not read from the journal for longer is no credit


cdef class Shipper(Link):
    """Waits for a secondary's greeting, then ships all behind what it has. `own.last_seq` and `own.chain` mean nothing.

    One that `follows` says how far its log goes, and ships only to a primary that starts again and lacks the end of
    it; and it takes `voids` from the node that leads, which `tell_kept` answers. To a secondary that wants a copy
    (`is_for_copy`) it ships no record: `copy` and `tell_copied` are its caller's. `max_records` bounds a batch, besides
    the secondary's ring. From the journal come at most `catch_up` bytes a second (0: as many as go). LinkError ends the
    connection.
    """

    cdef Ring ring
    cdef Observer log
    cdef Board board
    cdef object own
    cdef object journal
    cdef JournalReader reader
    cdef uint64_t max_records
    cdef int64_t catch_up
    cdef int64_t allowed                 # bytes that may come from the journal now
    cdef int64_t allowed_ns
    cdef uint32_t leading
    cdef bint follows
    cdef bint is_for_tail                # the peer leads nothing yet, and lacks the end of its log
    cdef readonly bint is_for_voids               # the peer leads, and has taken something out
    cdef readonly bint is_for_copy       # the secondary begins anew, and follows by another connection
    cdef uint64_t copied                 # bytes of the copy
    cdef readonly bytes voids            # what that is; None: it has not said so
    cdef readonly uint64_t next
    cdef readonly uint64_t chain
    cdef readonly uint64_t caught_up     # records that came from the journal
    cdef readonly str peer               # the secondary's name,
    cdef readonly uint32_t peer_rules    # and the version of the rules that its build knows
    cdef uint64_t told_mark              # at which the secondary was told this node's digests last
    cdef readonly bint leaves            # it is about to be stopped: commits are to wait for it no more,
    cdef bint has_left                   # which it was told that they don't
    cdef public int64_t anchor_ns        # this node's wall clock less the monotonic one; 0: it tells no time
    cdef public bint holds_back          # that this node is fenced is not on its disk yet, and not told before
    cdef readonly bint is_told           # the secondary knows that this node releases nothing any more

    def __init__(
        self, ring: Ring, board: Board, journal: Path, own: Hello, now_ns: int, max_records: int = MAX_FRAME_RECORDS,
        follows: bool = False, catch_up: int = 0,
    ) -> None:
        super().__init__(0, now_ns)
        self.ring = ring
        self.log = ring.observer()
        self.board = board
        self.journal = journal
        self.own = own
        self.follows = follows
        self.catch_up = catch_up
        self.allowed_ns = now_ns
        self.leading = own.epoch
        self.max_records = min(max_records, MAX_FRAME_RECORDS)

    def poll(self, now_ns: int) -> int:
        """Take what has come, and ship a batch where there is room; how many records were shipped. LinkError."""
        cdef FrameHeader *header
        cdef uint64_t taken = 0, shipped = 0
        while True:
            header = self.next_frame()
            if header == NULL:
                break
            self.received_frames += 1
            self.in_begin += FRAME_HEADER_SIZE + header.size
            self.take(header, now_ns)
            taken += 1
        cdef bint is_time = self.tend(now_ns, taken)
        if not self.is_up or self.is_for_voids:
            return 0
        if not self.is_for_copy:
            self.allow(now_ns)
            shipped = self.ship(now_ns)
        if not shipped and self.board.load(WORD_FENCED) and not self.is_told and not self.holds_back:
            if self.next > self.board.load(WORD_DURABLE_SEQ):
                self.tell_fenced(now_ns)
        if is_time and not shipped:
            header = self.claim(0)
            if header != NULL:
                self.stamp(header, now_ns)
                self.send(header, FRAME_HEARTBEAT, 0, now_ns)
        return shipped

    cdef int take(self, FrameHeader *header, int64_t now_ns) except -1:
        if not self.is_up:
            if header.kind != FRAME_HELLO:
                raise LinkError(Refusal.OUT_OF_ORDER, "a frame came before the secondary's greeting")
            self.nonce = header.nonce  # what answers this greeting, a refusal too, carries it
            peer = Hello.unpack((<const char *> header + FRAME_HEADER_SIZE)[:header.size])
            if header.count == ASKS_ROLE:
                self.refuse_asker(peer)
            self.is_for_tail = header.count == WANTS_TAIL
            self.is_for_copy = header.count == WANTS_COPY
            if header.count == TELLS_VOIDS:
                return self.greeted_to_void(peer, now_ns)
            self.peer_rules = peer.rules
            self.greeted(peer, now_ns)
            return 0
        if self.is_for_voids:
            if header.kind != FRAME_VOIDS:
                raise LinkError(Refusal.OUT_OF_ORDER, f"a frame of kind {header.kind} came where voids belong")
            self.voids = (<const char *> header + FRAME_HEADER_SIZE)[:header.size]
            return 0
        if self.is_for_copy:
            return 0
        if header.position >= self.next:
            raise LinkError(Refusal.OUT_OF_ORDER, f"sequence {header.position} is acknowledged, and was never shipped")
        if self.is_for_tail:
            return 0  # it is no secondary: nothing that it says counts
        if header.kind == FRAME_FENCE:  # from here on the other node alone releases (I9)
            self.board.store(WORD_FENCED, self.epoch() + 1)
        elif header.kind == FRAME_HANDOVER:
            if self.board.load(WORD_HANDOVER) == 0:
                self.board.store(WORD_HANDOVER, HANDOVER_ASKED)
        elif header.kind == FRAME_EQUAL:
            if header.position > self.told_mark:
                raise LinkError(Refusal.OUT_OF_ORDER, f"the states at {header.position} are equal, and were never told")
            self.board.store(WORD_COMPARED, header.position)
            self.board.store(WORD_DIFFERS, 0)  # that was another secondary
            return 0
        elif header.kind == FRAME_LEAVE:
            self.leaves = True
        elif header.kind != FRAME_ACKNOWLEDGED:
            raise LinkError(Refusal.OUT_OF_ORDER, f"a frame of kind {header.kind} is none that a secondary sends")
        self.board.store(WORD_PEER_SEQ, max(header.position, self.board.load(WORD_PEER_SEQ)))
        if header.kind == FRAME_ACKNOWLEDGED and header.position > self.board.load(WORD_ACKED_SEQ):
            self.board.store(WORD_ACKED_SEQ, header.position)
            if self.ring.bells is not None:
                self.ring.bells.wake_all(WAIT_COMMIT)
        return 0

    cdef int greeted(self, peer, int64_t now_ns) except -1:
        check_same_venue(replace(self.own, voids=peer.voids) if self.is_for_copy else self.own, peer)
        self.check_role()
        if peer.epoch > self.epoch():
            reason = f"the secondary has epoch {peer.epoch}, this node leads {self.own.epoch}"
            raise LinkError(Refusal.OLD_EPOCH, reason)
        self.peer = peer.node
        self.max_records = min(self.max_records, max(1, peer.slots // 2))
        self.chain = peer.chain
        if not self.is_for_copy or segment_seqs(self.journal)[0] <= peer.last_seq:  # else nobody can tell any more
            try:
                self.chain = self.chain_of(peer.last_seq)
            except JournalError as error:
                raise LinkError(Refusal.SEGMENTS_GONE, str(error)) from error
        if self.chain != peer.chain:
            raise LinkError(Refusal.DIVERGED, f"the logs differ at or before sequence {peer.last_seq}")
        self.next = peer.last_seq + 1
        greeting = replace(self.own, last_seq=peer.last_seq, chain=peer.chain)
        self.greet(greeting, now_ns, 0, FRAME_WELCOME)
        self.nonce = session_nonce(peer.nonce, self.own.nonce)
        self.patience_ns = COPY_PATIENCE_NS if self.is_for_copy else self.patience_ns
        self.is_up = True
        return 0

    cdef int refuse_asker(self, peer) except -1:
        """Answer a primary that asks who leads, by the code of its refusal, and the epoch. Always raises LinkError."""
        cdef uint64_t end = self.log_end()
        check_same_venue(replace(self.own, voids=peer.voids), peer)
        if self.board.load(WORD_FENCED):
            raise LinkError(Refusal.NOT_READY, f"node {self.own.node} is about to follow", self.own.epoch, end)
        if self.follows:
            raise LinkError(Refusal.NOT_LEADING, f"node {self.own.node} does not lead", self.own.epoch, end)
        raise LinkError(Refusal.LEADS, f"node {self.own.node} leads epoch {self.own.epoch}", self.own.epoch, end)

    cdef int greeted_to_void(self, peer, int64_t now_ns) except -1:
        """A node that leads, or led last, may have this one keep what it has taken out."""
        check_same_venue(replace(self.own, voids=peer.voids), peer)
        if not self.follows:
            raise LinkError(Refusal.NOT_READY, f"node {self.own.node} is no secondary")
        if peer.epoch < self.epoch():
            reason = f"this node has epoch {self.epoch()}, and the one that tells it what to take out {peer.epoch}"
            raise LinkError(Refusal.OLD_EPOCH, reason)
        self.is_for_voids = True
        self.tell(FRAME_WELCOME, self.own.pack(), now_ns)
        self.nonce = session_nonce(peer.nonce, self.own.nonce)
        self.is_up = True
        return 0

    def copy(self, now_ns: int, source: int) -> int:
        """Send the next bytes of a copy that the descriptor `source` has, as many as go into a frame; how many.

        -1: there is no room for a frame. BlockingIOError: it has none now.
        """
        cdef FrameHeader *header = self.claim(COPY_BYTES)
        if header == NULL:
            return -1
        cdef uint64_t size = os.readv(source, [<char[:COPY_BYTES]> (<char *> header + FRAME_HEADER_SIZE)])
        if size:
            self.stamp(header, now_ns)
            self.send(header, FRAME_COPY, size, now_ns)
            self.copied += size
        return size

    def tell_copied(self, now_ns: int) -> bool:
        """That was all of the copy. False where there is no room to say so."""
        cdef FrameHeader *header = self.claim(0)
        if header == NULL:
            return False
        self.stamp(header, now_ns)
        header.position = self.copied
        self.send(header, FRAME_COPIED, 0, now_ns)
        return True

    def tell_kept(self, now_ns: int) -> None:
        """What it was told to take out is on this node's disk."""
        self.voids = None
        self.tell(FRAME_KEPT, b"", now_ns)

    cdef int check_role(self) except -1:
        """LinkError where this node is not what the peer takes it for: a primary, or a secondary that has a tail.

        A primary that still repeats its journal has been allowed to lead. It takes its secondary at once: where commits
        wait for that one, events would wait for them, fill the rings, and keep it from leading.
        """
        cdef uint64_t end = self.log_end()
        if self.follows and not self.is_for_tail:
            raise LinkError(Refusal.NOT_LEADING, f"node {self.own.node} does not lead", self.own.epoch, end)
        if self.is_for_tail and not self.follows:
            raise LinkError(Refusal.NOT_READY, f"node {self.own.node} is no secondary", self.own.epoch, end)
        return 0

    cdef uint64_t log_end(self):
        """Return how far this node's log goes (LOG-21): while it repeats its journal, the ring has only a part."""
        return max(self.log.ring.published, self.board.load(WORD_DURABLE_SEQ))

    cdef uint64_t chain_of(self, uint64_t seq) except? 0:
        """The chained hash up to `seq`: from the journal, and on through the ring. LinkError where it is in neither."""
        cdef char record[RECORD_SIZE]
        cdef uint64_t durable, each, chain
        cdef Observed outcome = OBSERVED_RECORD
        if seq + 1 < min(segment_seqs(self.journal), default=1):
            reason = f"the primary's journal no longer has what follows sequence {seq}"
            raise LinkError(Refusal.SEGMENTS_GONE, f"{reason}: stop the secondary, give lockstep join there, start it")
        for _ in range(OVERTAKINGS):  # what the ring loses meanwhile is in the journal
            durable = self.board.load(WORD_DURABLE_SEQ)
            chain = chain_at(self.journal, min(seq, durable))
            for each in range(durable + 1, seq + 1):
                outcome = self.log.copy(each, record)
                if outcome != OBSERVED_RECORD:
                    break
                chain = mix(chain, each, (<CommandRecord *> record).crc)
            else:
                return chain
            if outcome == OBSERVED_NOTHING_YET:
                reason = f"the secondary has sequence {seq}, and this node's log ends at {each - 1}"
                raise LinkError(Refusal.AHEAD, reason, self.epoch(), each - 1)
        raise LinkError(Refusal.NOT_READY, f"sequence {seq} is on its way from the ring to the journal: ask again")

    cdef uint64_t ship(self, int64_t now_ns) except? 0:
        """A batch of what is published: from the ring, or from the journal what the ring no longer has."""
        cdef FrameHeader *header = self.claim(self.max_records * RECORD_SIZE)
        cdef char *records
        cdef uint64_t count = 0
        cdef Observed outcome
        if header == NULL:
            return 0
        records = <char *> header + FRAME_HEADER_SIZE
        while count < self.max_records:
            outcome = self.log.copy(self.next + count, records + count * RECORD_SIZE)
            if outcome == OBSERVED_NOTHING_YET and self.board.load(WORD_FENCED):
                outcome = OBSERVED_OVERRUN  # a core that repeats the journal stands still once nothing is released
            if outcome == OBSERVED_OVERRUN and not self.read(self.next + count, records + count * RECORD_SIZE):
                break
            if outcome == OBSERVED_NOTHING_YET:
                break
            self.chain = mix(self.chain, self.next + count, (<CommandRecord *> (records + count * RECORD_SIZE)).crc)
            count += 1
        if count == 0:
            return 0
        self.stamp(header, now_ns)
        header.first_seq = self.next
        header.count = <uint32_t> count
        self.next += count
        self.send(header, FRAME_BATCH, count * RECORD_SIZE, now_ns)
        return count

    cdef void allow(self, int64_t now_ns) noexcept:
        """What may be read from the journal since the last time, up to a burst."""
        cdef int64_t passed_ns = min(now_ns - self.allowed_ns, <int64_t> SECOND_NS // BURSTS)
        self.allowed = min(self.allowed + passed_ns * (self.catch_up // 1000) // 1_000_000, self.catch_up // BURSTS)
        self.allowed_ns = now_ns

    cdef bint read(self, uint64_t seq, char *out) except -1:
        """Copy record `seq` from the journal; False where it is not durable, and so the ring had it a moment ago, or
        where this second's share is used up.
        """
        cdef uint64_t durable = self.board.load(WORD_DURABLE_SEQ)
        cdef const char *record
        if seq > durable or (self.catch_up and self.allowed < RECORD_SIZE):
            return False
        if self.reader is None or self.reader.next_seq != seq:
            if self.reader is not None:
                self.reader.close()
            self.reader = JournalReader(self.journal, seq, durable)
        self.reader.limit = durable
        record = self.reader.peek()
        if record == NULL:
            return False
        memcpy(out, record, RECORD_SIZE)
        self.reader.advance()
        self.caught_up += 1
        self.allowed -= RECORD_SIZE
        return True

    def tell_digests(self, seq: int, digests: bytes, now_ns: int) -> bool:
        """Have the secondary compare its state at the mark `seq` with these. False: there is no room for them now."""
        cdef FrameHeader *header = self.claim(len(digests)) if self.is_up else NULL
        if header == NULL:
            return False
        self.stamp(header, now_ns)
        header.position = self.told_mark = seq
        memcpy(<char *> header + FRAME_HEADER_SIZE, <const char *> digests, len(digests))
        self.send(header, FRAME_DIGESTS, len(digests), now_ns)
        return True

    cdef int tell_fenced(self, int64_t now_ns) except -1:
        """All that this node's log will ever have has been shipped: say where it ends."""
        cdef FrameHeader *header = self.claim(0)
        if header != NULL:
            self.stamp(header, now_ns)
            header.position = self.next - 1
            self.send(header, FRAME_FENCED, 0, now_ns)
            self.is_told = True
        return 0

    def tell_left(self, now_ns: int) -> None:
        """Commits wait for the secondary no more, and will not before it connects again. It is told that once."""
        cdef FrameHeader *header = NULL if self.has_left else self.claim(0)
        if header != NULL:
            self.stamp(header, now_ns)
            self.send(header, FRAME_LEFT, 0, now_ns)
            self.has_left = True

    cdef uint32_t epoch(self) noexcept:
        """The last epoch that this node leads or led; a core that starts again begins another."""
        return max(self.leading, <uint32_t> self.board.load(WORD_EPOCH))

    cdef int stamp(self, FrameHeader *header, int64_t now_ns) except -1:
        self.leading = self.epoch()
        if self.anchor_ns:
            header.time_ns = now_ns + self.anchor_ns
        header.waits = self.board.load(WORD_COMMIT_BY) == WORD_ACKED_SEQ
        header.chain = self.chain
        header.epoch = self.leading
        header.position = self.board.commit_seq()
        header.log_end = max(self.next - 1, self.board.load(WORD_LOG_END))
        return 0

    def attach(self, Ring ring) -> None:
        """Go on with the log ring of the core's next generation, where its router publishes the same records again."""
        self.ring = ring
        self.log = ring.observer()

    def close(self) -> None:
        """Let go of the journal."""
        if self.reader is not None:
            self.reader.close()
            self.reader = None
