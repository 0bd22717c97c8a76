"""The secondary's end of a link: it checks what the primary ships and publishes it into this node's log ring.

It is that ring's only producer, and publishes no batch of which a single record is not as it must be.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from procs.replicator.link cimport (
    FRAME_ACKNOWLEDGED,
    FRAME_BATCH,
    FRAME_HEADER_SIZE,
    FRAME_HEARTBEAT,
    FRAME_HELLO,
    FRAME_WELCOME,
    FrameHeader,
    Link,
)
from shm.board cimport WORD_DURABLE_SEQ, WORD_PRIMARY_COMMIT, Board
from shm.crc32c cimport crc32c
from shm.journal_format cimport mix
from shm.records cimport RECORD_SIZE, CommandRecord
from shm.ring cimport Producer

from procs.replicator.handshake import Hello, LinkError, Refusal, check_same_venue
from procs.replicator.link import session_nonce


cdef class Receiver(Link):
    """Greets with `own`, then takes batches. What it acknowledges is synced here, or only published: `synced` says.

    A batch waits in the buffer until the ring has room for all of it. LinkError ends the connection; `chain` and the
    ring say where the next one goes on.
    """

    cdef Producer log
    cdef Board board
    cdef object own
    cdef bint synced
    cdef uint32_t epoch
    cdef readonly uint64_t chain
    cdef readonly uint64_t acknowledged

    def __init__(self, log: Producer, board: Board, own: Hello, synced: bool, now_ns: int) -> None:
        super().__init__(own.nonce, now_ns)
        if log.next != own.last_seq + 1:
            raise ValueError(f"the log ring goes on at {log.next}, and the greeting says {own.last_seq}")
        self.log = log
        self.board = board
        self.own = own
        self.synced = synced
        self.epoch = own.epoch
        self.chain = own.chain
        self.tell(FRAME_HELLO, own.pack(), now_ns)

    def poll(self, now_ns: int) -> int:
        """Take what has come, and acknowledge; how many frames were taken. LinkError."""
        cdef FrameHeader *header
        cdef uint64_t taken = 0
        while True:
            header = self.next_frame()
            if header == NULL or not self.take(header):
                break
            self.received_frames += 1
            self.in_begin += FRAME_HEADER_SIZE + header.size
            taken += 1
        cdef bint is_time = self.tend(now_ns, taken or header != NULL)
        if self.is_up:
            self.acknowledge(now_ns, is_time)
        return taken

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
            if self.log.free(header.count) < header.count:
                return False
            self.publish(header)
        elif header.kind != FRAME_HEARTBEAT:
            raise LinkError(Refusal.OUT_OF_ORDER, f"a frame of kind {header.kind} is none that a primary sends")
        self.epoch = header.epoch
        if header.position > self.board.load(WORD_PRIMARY_COMMIT):
            self.board.store(WORD_PRIMARY_COMMIT, header.position)
        return True

    cdef int greeted(self, peer) except -1:
        check_same_venue(self.own, peer)
        if peer.epoch < self.epoch:
            raise LinkError(Refusal.OLD_EPOCH, f"the primary leads epoch {peer.epoch}, and this log has {self.epoch}")
        self.nonce = session_nonce(self.own.nonce, peer.nonce)
        self.is_up = True
        return 0

    cdef int publish(self, FrameHeader *header) except -1:
        """Check every record, then copy them all and publish them by one store."""
        cdef const char *records = <const char *> header + FRAME_HEADER_SIZE
        cdef const CommandRecord *record
        cdef uint64_t first = self.log.next, chain = self.chain, i
        if header.first_seq != first or header.count == 0 or header.size != header.count * RECORD_SIZE:
            raise LinkError(Refusal.OUT_OF_ORDER, f"a batch begins at {header.first_seq} where {first} belongs")
        for i in range(header.count):
            record = <const CommandRecord *> (records + i * RECORD_SIZE)
            if record.seq != first + i or record.crc != crc32c(0, <const char *> record + 4, RECORD_SIZE - 4):
                raise LinkError(Refusal.DAMAGED, f"record {first + i} is not whole")
            chain = mix(chain, record.seq, record.crc)
        if chain != header.chain:
            raise LinkError(Refusal.DIVERGED, f"the logs differ at or before sequence {first + header.count - 1}")
        for i in range(header.count):
            memcpy(self.log.claim(first + i), records + i * RECORD_SIZE, RECORD_SIZE)
        self.log.publish(first + header.count - 1)
        self.chain = chain
        return 0

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
