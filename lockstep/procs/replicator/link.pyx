"""One connection between two nodes: frames in two buffers, checked on the way in, without a socket.

It knows nothing of rings and journals, and reads no clock. `docs/protocols/replication.md` has the protocol.
"""

# A frame, little-endian. crc: of the header behind it. number: of the frame, from 1 in each direction.
#
#   0       8     12        14     16      24       32     36            40
#   +-------+-----+---------+------+-------+--------+------+-------------+
#   | magic | crc | version | kind | nonce | number | size | payload crc |
#   +-------+-----+---------+------+-------+--------+------+-------------+
#   40          48      56         64      68      72        80     88      92  96
#   +-----------+-------+----------+-------+-------+---------+------+-------+---+
#   | first seq | chain | position | epoch | count | log end | time | waits | 0 |
#   +-----------+-------+----------+-------+-------+---------+------+-------+---+
#   payload: `size` bytes; of a batch, `count` records of 120 bytes

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove, memset

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.journal.format cimport mix
from lockstep.core.schema.records cimport RECORD_SIZE

from lockstep.procs.replicator.handshake import Hello, LinkError, Refusal

cdef extern from *:
    """
    #define REPLICATION_MAGIC 0x31304C5045524C53ULL /* "SLREPL01" */
    """
    uint64_t MAGIC "REPLICATION_MAGIC"

cdef enum:
    VERSION = 1
    CRC_BEGIN = 12
    HEARTBEAT_NS = 200_000_000
    SILENCE_NS = 2_000_000_000  # a half-open connection ends
    SECOND_NS = 1_000_000_000

assert sizeof(FrameHeader) == FRAME_HEADER_SIZE
assert <int> MAX_PAYLOAD == 2 * <int> MAX_FRAME_RECORDS * <int> RECORD_SIZE


RULES = int(RULES_KNOWN)  # what this build says of itself in a greeting


def session_nonce(secondary: int, primary: int) -> int:
    """The number that all frames behind the greetings carry: of this connection and no other."""
    return mix(secondary, primary, 0)


cdef class Link:
    """Whoever owns the socket reads into `room()` and says `received`, writes `unsent()` and says `sent`."""

    def __init__(self, nonce: int, now_ns: int) -> None:
        self.nonce = nonce
        self.heard_ns = self.told_ns = now_ns
        self.patience_ns = SILENCE_NS
        self.input = bytearray(BUFFER_SIZE)
        self.output = bytearray(BUFFER_SIZE)
        self.inbox = self.input
        self.outbox = self.output

    def room(self) -> memoryview:
        """Where bytes from the socket go; empty while what came before waits for room further on."""
        if self.in_begin:
            memmove(self.inbox, self.inbox + self.in_begin, self.in_end - self.in_begin)
            self.in_end -= self.in_begin
            self.in_begin = 0
        return memoryview(self.input)[self.in_end:]

    def received(self, size: int) -> None:
        """The socket has put `size` bytes into `room()`."""
        self.in_end += size

    def unsent(self) -> memoryview:
        """What the socket is to take."""
        return memoryview(self.output)[self.out_begin:self.out_end]

    def sent(self, size: int) -> None:
        """The socket has taken `size` bytes of `unsent()`."""
        self.out_begin += size
        if self.out_begin == self.out_end:
            self.out_begin = self.out_end = 0

    def refuse(self, error: LinkError, now_ns: int) -> None:
        """Tell the peer why this end hangs up; it hears it where the connection still carries anything."""
        cdef bytes reason = error.reason.encode()[:MAX_REASON]
        cdef FrameHeader *header = self.claim(len(reason))
        if header != NULL:
            header.count = error.code
            header.epoch = error.epoch
            header.position = error.position
            memcpy(<char *> header + FRAME_HEADER_SIZE, <const char *> reason, len(reason))
            self.send(header, FRAME_REFUSED, len(reason), now_ns)

    cdef FrameHeader *next_frame(self) except? NULL:
        """The next frame, whole and of this connection, valid until `room`; NULL while there is none. LinkError."""
        cdef FrameHeader *header = self.whole_frame()
        if header != NULL and header.kind == FRAME_REFUSED:
            reason = (<const char *> header + FRAME_HEADER_SIZE)[:min(header.size, <uint32_t> MAX_REASON)].decode(
                errors="replace"
            )
            known = header.count in Refusal.__members__.values()
            code = Refusal(header.count) if known else Refusal.DAMAGED
            raise LinkError(code, f"said by the peer: {reason}", header.epoch, header.position)
        return header

    cdef FrameHeader *whole_frame(self) except? NULL:
        """Likewise, a refusal too."""
        cdef FrameHeader *header = <FrameHeader *> (self.inbox + self.in_begin)
        cdef uint64_t held = self.in_end - self.in_begin
        if held < FRAME_HEADER_SIZE:
            return NULL
        if header.magic == MAGIC and header.version != VERSION:
            reason = f"the other node's software has version {header.version} of the link, this node's {VERSION}"
            raise LinkError(Refusal.WRONG_VERSION, f"{reason}: upgrade the earlier one")
        if header.magic != MAGIC or header.size > MAX_PAYLOAD:
            raise LinkError(Refusal.DAMAGED, f"frame {self.received_frames + 1} does not begin as a frame does")
        if header.crc != crc32c(0, <const char *> header + CRC_BEGIN, FRAME_HEADER_SIZE - CRC_BEGIN):
            raise LinkError(Refusal.DAMAGED, f"the header of frame {self.received_frames + 1} fails its checksum")
        if self.nonce and header.nonce != self.nonce:
            raise LinkError(Refusal.STALE, f"frame {self.received_frames + 1} is of another connection")
        if header.number != self.received_frames + 1:
            reason = f"frame {header.number} came where {self.received_frames + 1} belongs"
            raise LinkError(Refusal.OUT_OF_ORDER, reason)
        if held < FRAME_HEADER_SIZE + header.size:
            return NULL
        if self.checked_frame == header.number:
            return header
        if header.payload_crc != crc32c(0, <const char *> header + FRAME_HEADER_SIZE, header.size):
            raise LinkError(Refusal.DAMAGED, f"frame {header.number} fails its checksum")
        self.checked_frame = header.number
        return header

    cdef FrameHeader *claim(self, uint64_t payload) except? NULL:
        """Room for a frame at the end of what is unsent; NULL while there is none."""
        cdef FrameHeader *header
        if self.out_end + FRAME_HEADER_SIZE + payload > BUFFER_SIZE:
            return NULL
        header = <FrameHeader *> (self.outbox + self.out_end)
        memset(header, 0, FRAME_HEADER_SIZE)
        return header

    cdef int send(self, FrameHeader *header, FrameKind kind, uint64_t payload, int64_t now_ns) except -1:
        """Seal the frame that was claimed; it is unsent from here on."""
        self.sent_frames += 1
        header.magic = MAGIC
        header.version = VERSION
        header.kind = kind
        header.nonce = self.nonce
        header.number = self.sent_frames
        header.size = <uint32_t> payload
        header.payload_crc = crc32c(0, <const char *> header + FRAME_HEADER_SIZE, payload)
        header.crc = crc32c(0, <const char *> header + CRC_BEGIN, FRAME_HEADER_SIZE - CRC_BEGIN)
        self.out_end += FRAME_HEADER_SIZE + payload
        self.told_ns = now_ns
        return 0

    cdef int tell(self, FrameKind kind, bytes payload, int64_t now_ns) except -1:
        """A frame of few bytes; nothing where there is no room, since then the peer has much to read."""
        cdef FrameHeader *header = self.claim(len(payload))
        if header != NULL:
            memcpy(<char *> header + FRAME_HEADER_SIZE, <const char *> payload, len(payload))
            self.send(header, kind, len(payload), now_ns)
        return 0

    cdef int greet(self, own, int64_t now_ns, uint32_t wanted, FrameKind kind=FRAME_HELLO) except -1:
        """The first frame of an end: who this node is, and what it wants."""
        cdef bytes hello = own.pack()
        cdef FrameHeader *header = self.claim(len(hello))
        header.count = wanted
        memcpy(<char *> header + FRAME_HEADER_SIZE, <const char *> hello, len(hello))
        return self.send(header, kind, len(hello), now_ns)

    cdef int tend(self, int64_t now_ns, uint64_t received) except -1:
        """LinkError where the peer has said nothing for too long; 1 where it is time to say something."""
        if received:
            self.heard_ns = now_ns
        elif now_ns - self.heard_ns > self.patience_ns:
            raise LinkError(Refusal.SILENT, f"the peer has said nothing for {self.patience_ns // SECOND_NS} s")
        return now_ns - self.told_ns >= HEARTBEAT_NS


cdef class Asking(Link):
    """A link that only greets, with `own`, to hear what the peer is: by its refusal, where only its `role` is asked."""

    def __init__(self, own: Hello, now_ns: int, role: bool = False) -> None:
        super().__init__(own.nonce, now_ns)
        self.greet(own, now_ns, ASKS_ROLE if role else 0)

    def answered(self) -> int | None:
        """The epoch that the peer leads, if it has greeted back; None before it has. LinkError where it refuses."""
        cdef FrameHeader *header = self.next_frame()
        if header == NULL:
            return None
        if header.kind != FRAME_WELCOME:
            raise LinkError(Refusal.OUT_OF_ORDER, "the peer did not answer the greeting")
        return Hello.unpack((<const char *> header + FRAME_HEADER_SIZE)[:header.size]).epoch


cdef class Telling(Link):
    """A link that has a secondary keep `voids`: bytes that stand for all that is taken out of the venue of `own`."""

    cdef object own
    cdef bytes voids

    def __init__(self, own: Hello, voids: bytes, now_ns: int) -> None:
        super().__init__(own.nonce, now_ns)
        self.own = own
        self.voids = voids
        self.greet(own, now_ns, TELLS_VOIDS)

    def poll(self, now_ns: int) -> bool:
        """Whether the secondary has said that it has them on its disk. LinkError."""
        cdef FrameHeader *header = self.next_frame()
        self.tend(now_ns, header != NULL)
        if header == NULL:
            return False
        self.received_frames += 1
        self.in_begin += FRAME_HEADER_SIZE + header.size
        if self.is_up and header.kind == FRAME_KEPT:
            return True
        if self.is_up or header.kind != FRAME_WELCOME:
            raise LinkError(Refusal.OUT_OF_ORDER, f"a frame of kind {header.kind} is no answer to what is taken out")
        peer = Hello.unpack((<const char *> header + FRAME_HEADER_SIZE)[:header.size])
        self.nonce = session_nonce(self.own.nonce, peer.nonce)
        self.is_up = True
        self.tell(FRAME_VOIDS, self.voids, now_ns)
        return False


cdef class Fetching(Link):
    """A link by which the node that leads sends the secondary of `own` a copy of the venue.

    `is_whole` once all of it has been taken from `poll`.
    """

    cdef object own
    cdef uint64_t taken
    cdef readonly bint is_whole

    def __init__(self, own: Hello, now_ns: int) -> None:
        super().__init__(own.nonce, now_ns)
        self.own = own
        self.patience_ns = COPY_PATIENCE_NS
        self.greet(own, now_ns, WANTS_COPY)

    def poll(self, now_ns: int) -> bytes | None:
        """The next bytes of the copy, or none of a frame that has others; None while no frame has come. LinkError."""
        cdef FrameHeader *header = self.next_frame()
        cdef bytes data = b""
        cdef bint is_time = self.tend(now_ns, header != NULL)
        if self.is_up and (is_time or (header != NULL and header.kind == FRAME_COPY)):
            self.tell(FRAME_ACKNOWLEDGED, b"", now_ns)  # which has the primary look for room again
        if header == NULL:
            return None
        self.received_frames += 1
        self.in_begin += FRAME_HEADER_SIZE + header.size
        if not self.is_up and header.kind == FRAME_WELCOME:
            peer = Hello.unpack((<const char *> header + FRAME_HEADER_SIZE)[:header.size])
            self.nonce = session_nonce(self.own.nonce, peer.nonce)
            self.is_up = True
        elif header.kind == FRAME_COPY:
            data = (<const char *> header + FRAME_HEADER_SIZE)[:header.size]
            self.taken += header.size
        elif header.kind == FRAME_COPIED and header.position == self.taken:
            self.is_whole = True
        elif header.kind != FRAME_HEARTBEAT:
            raise LinkError(Refusal.OUT_OF_ORDER, f"a frame of kind {header.kind} came where a copy belongs")
        return data
