from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    FRAME_HEADER_SIZE = 96
    MAX_FRAME_RECORDS = 1024
    MAX_PAYLOAD = 245760    # the digests of 4,096 instruments; a batch has at most half of that
    MAX_REASON = 1024       # bytes of why a link ends
    WANTS_TAIL = 1          # in a greeting's count: a primary that starts again wants what only the secondary has
    TELLS_VOIDS = 2         # likewise: a node that leads has taken something out, and the secondary is to keep that too
    WANTS_COPY = 3          # likewise: the secondary begins anew, with a copy of the venue
    ASKS_ROLE = 4           # a primary asks who leads: the code of its refusal is the answer
    RULES_KNOWN = 1         # the version of the log's rules that this build's router knows; a test compares the two
    BUFFER_SIZE = 4 * FRAME_HEADER_SIZE + 2 * MAX_PAYLOAD

cdef enum:
    COPY_PATIENCE_NS = 60_000_000_000  # of both ends of a copy: nobody waits for it, and its disk or link may be slow

cdef enum FrameKind:
    FRAME_HELLO = 1
    FRAME_WELCOME = 2
    FRAME_REFUSED = 3
    FRAME_BATCH = 4
    FRAME_ACKNOWLEDGED = 5
    FRAME_HEARTBEAT = 6
    FRAME_FENCE = 7          # secondary: it is about to lead
    FRAME_HANDOVER = 8       # secondary: it wants to lead, once it has all that there will be
    FRAME_FENCED = 9         # primary: it releases nothing any more; the position is the end of its log
    FRAME_DIGESTS = 10       # primary: of its state at the mark of a snapshot, which is the position
    FRAME_VOIDS = 11         # who leads: all that is taken out of the venue from now on
    FRAME_KEPT = 12          # secondary: that is on its disk
    FRAME_EQUAL = 13         # secondary: its state at that mark, which is the position, is the same
    FRAME_LEAVE = 14         # secondary: it is about to be stopped; commits are to wait for it no more
    FRAME_LEFT = 15          # primary: they don't, until the next connection
    FRAME_COPY = 16          # primary: the next bytes of a copy
    FRAME_COPIED = 17        # primary: that was all of it; the position is how many bytes there were

cdef struct FrameHeader:
    uint64_t magic
    uint32_t crc
    uint16_t version
    uint16_t kind
    uint64_t nonce
    uint64_t number
    uint32_t size
    uint32_t payload_crc
    uint64_t first_seq
    uint64_t chain
    uint64_t position
    uint32_t epoch
    uint32_t count
    uint64_t log_end
    int64_t time_ns
    uint32_t waits
    char pad[4]

cdef class Link:
    cdef uint64_t nonce
    cdef uint64_t sent_frames
    cdef uint64_t received_frames
    cdef uint64_t checked_frame    # whose payload has been checked
    cdef int64_t heard_ns
    cdef int64_t told_ns
    cdef int64_t patience_ns       # for the peer to say something
    cdef readonly bint is_up
    cdef bytearray input
    cdef bytearray output
    cdef char *inbox
    cdef char *outbox
    cdef uint64_t in_begin
    cdef uint64_t in_end
    cdef uint64_t out_begin
    cdef uint64_t out_end
    cdef FrameHeader *next_frame(self) except? NULL
    cdef FrameHeader *claim(self, uint64_t payload) except? NULL
    cdef int send(self, FrameHeader *header, FrameKind kind, uint64_t payload, int64_t now_ns) except -1
    cdef int tell(self, FrameKind kind, bytes payload, int64_t now_ns) except -1
    cdef FrameHeader *whole_frame(self) except? NULL
    cdef int greet(self, own, int64_t now_ns, uint32_t wanted, FrameKind kind=*) except -1
    cdef int tend(self, int64_t now_ns, uint64_t received) except -1
