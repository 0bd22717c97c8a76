"""One connection of the gateway: its buffer, whether its messages are taken, what it has not read, signs of life.

The engine decides what becomes of it; it knows no ring and no other connection.
"""

from cpython.buffer cimport PyBUF_WRITE
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc

from lockstep.procs.gateway.fix.connection cimport PHASE_ACTIVE, Connection

cdef enum:
    CHALLENGE_NS = 2_000_000_000         # for a client to answer when another connection claims its session


cdef class Client:
    """One connection: its buffer, its session layer and, once it has logged on, its session."""

    def __init__(self, Connection connection, object transport, str address):
        self.connection = connection
        self.transport = transport
        self.address = address
        self.buffer = <char *> malloc(RECEIVE_SIZE)
        if self.buffer == NULL:
            raise MemoryError("no memory for a connection's buffer")

    def __dealloc__(self):
        free(self.buffer)

    def space(self) -> memoryview:
        """Where the transport may write: the free part of the buffer, never empty while reading is on."""
        return PyMemoryView_FromMemory(self.buffer + self.end, RECEIVE_SIZE - self.end, PyBUF_WRITE)

    cdef int pause(self) except -1:
        if not self.paused and not self.closed:
            self.paused = True
            self.transport.pause_reading()
        return 0

    cdef int resume(self) except -1:
        if not self.paused or self.closed or self.waiting or self.held or self.stalled or self.repeat is not None:
            return 0
        self.paused = False
        self.transport.resume_reading()
        return 0

    @property
    def name(self) -> str:
        """The session that it has logged on to; empty before that."""
        return "" if self.session is None else self.session.name.decode()

    @property
    def claimed(self) -> str:
        """The session that its Logon named, accepted or not; empty before it."""
        return self.connection.peer[:self.connection.peer_size].decode("ascii", "backslashreplace")

    cdef int look(self, int64_t now_ns) except -1:
        """Note how much its transport has passed on."""
        cdef uint64_t unsent = self.transport.get_write_buffer_size()
        if unsent == 0 or self.taken != self.given - unsent:
            self.taken, self.taken_ns = self.given - unsent, now_ns
        return 0

    cdef Claim challenge(self, int64_t now_ns) except CLAIM_ERROR:
        """What becomes of another connection that claims its session: this one must now show that it is alive.

        It does so by answering a TestRequest or, while its messages are not taken, by reading.
        """
        cdef bint is_heard = self.repeat is None and not self.stalled
        if self.challenged_ns == 0:
            self.look(now_ns)
            self.challenged_ns, self.challenged_at = now_ns, self.taken
            if self.connection.phase == PHASE_ACTIVE and is_heard:
                self.connection.probe(now_ns)
        if self.connection.received_ns <= self.challenged_ns:
            if now_ns - self.challenged_ns < CHALLENGE_NS:
                return CLAIM_WAITS
            self.look(now_ns)
            if is_heard or self.taken == self.challenged_at:
                return CLAIM_GRANTED
        self.challenged_ns = 0
        return CLAIM_REFUSED
