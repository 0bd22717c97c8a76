"""The secondary's end of a link: it checks what the primary ships and publishes it into this node's log ring.

It is that ring's only producer, and publishes no batch of which a single record is not as it must be.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.journal.format cimport mix
from lockstep.core.journal.journal cimport JournalReader
from lockstep.core.schema.records cimport CMD_EPOCH, CMD_SNAPSHOT, RECORD_SIZE, CommandRecord, EpochRecord
from lockstep.procs.replicator.link cimport (
    FRAME_ACKNOWLEDGED,
    FRAME_BATCH,
    FRAME_DIGESTS,
    FRAME_EQUAL,
    FRAME_FENCE,
    FRAME_FENCED,
    FRAME_HANDOVER,
    FRAME_HEADER_SIZE,
    FRAME_HEARTBEAT,
    FRAME_HELLO,
    FRAME_LEAVE,
    FRAME_LEFT,
    FRAME_WELCOME,
    MAX_FRAME_RECORDS,
    RULES_KNOWN,
    WANTS_TAIL,
    FrameHeader,
    FrameKind,
    Link,
)
from lockstep.shm.board cimport (
    WORD_DURABLE_SEQ,
    WORD_PEER_ANCHOR_NS,
    WORD_PEER_SEQ,
    WORD_PRIMARY_COMMIT,
    WORD_SNAPSHOT_SEQ,
    WORD_WAITED_FOR,
    Board,
)
from lockstep.shm.ring cimport Producer

from msgspec.structs import replace

from lockstep.procs.replicator.handshake import Hello, LinkError, Refusal, check_same_venue
from lockstep.procs.replicator.link import session_nonce

cdef enum:
    FEED_BATCH = 1024


def feed(Producer log, JournalReader journal not None) -> int:
    """Publish the next of this node's own records again, as many as find room, up to a batch. How many that were."""
    cdef uint64_t count = min(log.free(FEED_BATCH), <uint64_t> FEED_BATCH), done = 0
    cdef const char *record
    while done < count:
        record = journal.peek()
        if record == NULL:
            break
        memcpy(log.claim(log.next + done), record, RECORD_SIZE)
        journal.advance()
        done += 1
    log.publish(log.next + done - 1)
    return done


cdef class Receiver(Link):
    """Greets with `own`, then takes batches. What it acknowledges is synced here, or only published: `synced` says.

    A batch waits in the buffer until the ring has room for all of it. LinkError ends the connection; `chain` and the
    ring say where the next one goes on. The mark of a snapshot is wanted on this node as well.
    """

    cdef Producer log
    cdef Board board
    cdef object own
    cdef bint synced
    cdef FrameKind asked                 # the frame by which it asked to lead last; a hello: it does not any more
    cdef bint has_asked
    cdef readonly uint32_t epoch
    cdef readonly uint64_t chain
    cdef readonly str peer               # the primary's name
    cdef readonly uint64_t acknowledged
    cdef readonly uint64_t mark          # of the snapshot that the primary told the digests of last
    cdef readonly bytes digests
    cdef readonly bint is_fenced         # the primary releases nothing any more
    cdef readonly uint64_t fenced_at     # the end of its log then
    cdef int64_t polled_ns
    cdef readonly bint is_stalled        # a batch waits for room in the ring
    cdef readonly bint leaves            # the primary was asked to wait for this node no more,
    cdef readonly bint has_left          # and does not

    def __init__(
        self, log: Producer, board: Board, own: Hello, synced: bool, now_ns: int, wants_tail: bool = False
    ) -> None:
        super().__init__(own.nonce, now_ns)
        own = replace(own, slots=log.ring.header.capacity)
        if log.next != own.last_seq + 1:
            raise ValueError(f"the log ring goes on at {log.next}, and the greeting says {own.last_seq}")
        self.log = log
        self.board = board
        self.own = own
        self.synced = synced
        self.epoch = own.epoch
        self.chain = own.chain
        self.asked = FRAME_HELLO
        self.greet(own, now_ns, WANTS_TAIL if wants_tail else 0)

    @property
    def last_seq(self) -> int:
        """The last record that it has published."""
        return self.log.next - 1

    def poll(self, now_ns: int) -> int:
        """Take what has come, and acknowledge; how many frames were taken. LinkError."""
        cdef FrameHeader *header
        cdef uint64_t taken = 0
        self.polled_ns = now_ns
        while True:
            header = self.next_frame()
            if header == NULL or not self.take(header):
                break
            self.received_frames += 1
            self.in_begin += FRAME_HEADER_SIZE + header.size
            taken += 1
        self.is_stalled = header != NULL
        cdef bint is_time = self.tend(now_ns, taken or self.is_stalled)
        if self.is_up:
            self.acknowledge(now_ns, is_time)
        return taken

    def ask_to_lead(self, now_ns: int, *, orderly: bool) -> None:
        """Have the primary release nothing any more: at once, or when all that it has taken is done and acknowledged.

        `is_fenced` says when it has answered. It is asked once in each way, until `ask_no_more`.
        """
        cdef FrameHeader *header
        cdef FrameKind kind = FRAME_HANDOVER if orderly else FRAME_FENCE
        if not self.is_up or self.asked == kind:
            return
        header = self.claim(0)
        if header != NULL:
            header.epoch = self.epoch
            header.position = self.log.next - 1
            self.send(header, kind, 0, now_ns)
            self.asked = kind
            self.has_asked = True

    def ask_no_more(self) -> None:
        """The operator has given up. An answer that comes late still counts; who asks again is heard again."""
        self.asked = FRAME_HELLO

    def ask_to_leave(self, now_ns: int) -> None:
        """Have the primary wait for acknowledgements of this connection no more; `has_left` says when it does not."""
        cdef FrameHeader *header
        if not self.is_up or self.leaves:
            return
        header = self.claim(0)
        if header != NULL:
            header.epoch = self.epoch
            header.position = self.log.next - 1
            self.send(header, FRAME_LEAVE, 0, now_ns)
            self.leaves = True

    def tell_equal(self, seq: int, now_ns: int) -> None:
        """Tell the primary that the two nodes have the same state at the mark `seq`."""
        cdef FrameHeader *header = self.claim(0) if self.is_up else NULL
        if header != NULL:
            header.epoch = self.epoch
            header.position = seq
            self.send(header, FRAME_EQUAL, 0, now_ns)

    cdef bint take(self, FrameHeader *header) except -1:
        """False where it has to wait for room in the ring."""
        if not self.is_up:
            if header.kind != FRAME_WELCOME:
                raise LinkError(Refusal.OUT_OF_ORDER, "records came before the primary's greeting")
            self.greeted(Hello.unpack((<const char *> header + FRAME_HEADER_SIZE)[:header.size]))
            return True
        if header.epoch < self.epoch:
            raise LinkError(Refusal.OLD_EPOCH, f"a frame is of epoch {header.epoch}, after epoch {self.epoch}")
        if header.kind == FRAME_BATCH:
            if header.count == 0 or header.count > min(<uint64_t> MAX_FRAME_RECORDS, self.log.ring.header.capacity):
                raise LinkError(Refusal.OUT_OF_ORDER, f"a batch has {header.count} records")
            if self.log.free(header.count) < header.count:
                return False
            self.publish(header)
        elif header.kind == FRAME_FENCED and self.has_asked:
            self.is_fenced = True
            self.fenced_at = header.position
        elif header.kind == FRAME_LEFT and self.leaves:
            self.has_left = True
        elif header.kind == FRAME_DIGESTS:
            self.mark = header.position
            self.digests = (<const char *> header + FRAME_HEADER_SIZE)[:header.size]
        elif header.kind != FRAME_HEARTBEAT:
            raise LinkError(Refusal.OUT_OF_ORDER, f"a frame of kind {header.kind} is none that a primary sends")
        self.epoch = header.epoch
        if header.kind == FRAME_BATCH or header.kind == FRAME_HEARTBEAT:
            self.note(header)
        return True

    cdef void note(self, const FrameHeader *header) noexcept:
        """Note the primary's commit, its log's end and its clock, and whether commits wait for this node."""
        self.board.store(WORD_WAITED_FOR, header.waits)
        if header.time_ns > 0:
            self.board.store(WORD_PEER_ANCHOR_NS, <uint64_t> max(0, header.time_ns - self.polled_ns))
        if header.position > self.board.load(WORD_PRIMARY_COMMIT):
            self.board.store(WORD_PRIMARY_COMMIT, header.position)
        self.board.store(WORD_PEER_SEQ, max(header.log_end, self.log.next - 1))

    cdef int greeted(self, peer) except -1:
        check_same_venue(self.own, peer)
        if peer.epoch < self.epoch:
            raise LinkError(Refusal.OLD_EPOCH, f"the primary leads epoch {peer.epoch}, and this log has {self.epoch}")
        self.peer = peer.node
        self.nonce = session_nonce(self.own.nonce, peer.nonce)
        self.is_up = True
        return 0

    cdef int publish(self, FrameHeader *header) except -1:
        """Check every record, then copy them all and publish them by one store."""
        cdef const char *records = <const char *> header + FRAME_HEADER_SIZE
        cdef const CommandRecord *record
        cdef uint64_t first = self.log.next, chain = self.chain, mark = 0, i
        if header.first_seq != first or header.size != <uint64_t> header.count * RECORD_SIZE:
            raise LinkError(Refusal.OUT_OF_ORDER, f"a batch begins at {header.first_seq} where {first} belongs")
        for i in range(header.count):
            record = <const CommandRecord *> (records + i * RECORD_SIZE)
            if record.seq != first + i or record.crc != crc32c(0, <const char *> record + 4, RECORD_SIZE - 4):
                raise LinkError(Refusal.DAMAGED, f"record {first + i} is not whole")
            chain = mix(chain, record.seq, record.crc)
            if record.type == CMD_SNAPSHOT:
                mark = record.seq
            elif record.type == CMD_EPOCH and (<const EpochRecord *> record).rules_version > RULES_KNOWN:
                self.refuse_rules(<const EpochRecord *> record)
        if chain != header.chain:
            raise LinkError(Refusal.DIVERGED, f"the logs differ at or before sequence {first + header.count - 1}")
        for i in range(header.count):
            memcpy(self.log.claim(first + i), records + i * RECORD_SIZE, RECORD_SIZE)
        if mark:
            self.board.store(WORD_SNAPSHOT_SEQ, mark)  # before anybody can see the mark
        self.log.publish(first + header.count - 1)
        self.chain = chain
        return 0

    cdef int refuse_rules(self, const EpochRecord *record) except -1:
        reason = f"from record {record.seq} on the log goes by rules version {record.rules_version}"
        knows = f"node {self.own.node}'s software knows version {RULES_KNOWN}"
        raise LinkError(Refusal.WRONG_RULES, f"{reason}, and {knows}: upgrade that node")

    cdef int acknowledge(self, int64_t now_ns, bint is_time) except -1:
        cdef uint64_t position = self.log.next - 1
        cdef FrameHeader *header
        if self.synced:
            position = min(position, self.board.load(WORD_DURABLE_SEQ))
        if position == self.acknowledged and not is_time:
            return 0
        header = self.claim(0)
        if header != NULL:
            header.position = self.acknowledged = position
            header.epoch = self.epoch
            self.send(header, FRAME_ACKNOWLEDGED, 0, now_ns)
        return 0
