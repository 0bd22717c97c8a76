"""The gateway's engine between connections and rings: bytes of clients in, commands out; events in, reports out.

It holds the FIX sessions and everything they share; it opens no socket, checks no password and reads no clock.
"""

from cpython.buffer cimport PyBUF_WRITE
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memmove, strlen

from procs.gateway.desk cimport Desk
from procs.gateway.fix.message cimport Message
from procs.gateway.fix.session cimport (
    PHASE_ACTIVE,
    PHASE_CLOSED,
    STEP_APPLICATION,
    STEP_DISCONNECT,
    STEP_LOGON,
    STEP_NEED_MORE,
    STEP_RESEND,
)
from procs.gateway.scan cimport (
    KIND_IN_ADMIN,
    KIND_IN_ANSWERED,
    KIND_OUT_APP,
    Entry as StoreEntry,
)
from procs.gateway.translate cimport field_of
from shm.bell cimport WAIT_COMMIT, WAIT_EVENTS
from shm.board cimport WORD_EPOCH, WORD_READY_EVENT

cdef enum:
    BUSY_AFTER_NS = 1_000_000_000        # a ring full for so long is answered instead of waited for
    TICK_NS = 20_000_000                 # between two looks at the sessions' deadlines
    MAX_UNSENT = 16 * 1024 * 1024        # of one client, in the transport: a reader further behind is cut off
    BATCH_BYTES = 262144                 # of a resend, between two looks at the transport
    UNSUPPORTED_TYPE = 3                 # BusinessRejectReason (380)
    TAG_PASSWORD = 554
    TAG_USERNAME = 553

cdef const char *WRONG_LOGON = b"SenderCompID, Username or Password is wrong"
cdef const char *TOO_LONG_TEXT = b"the message is longer than this venue takes"
cdef const char *STOPPING_TEXT = b"the venue is stopping"
cdef const char *NOT_TAKEN_TEXT = b"this venue takes the messages D, E, F, G, H and q"


cdef class Client:
    """One connection: its buffer, its session layer and, once it has logged on, its line."""

    def __init__(self, Session session, object transport, str address):
        self.session = session
        self.transport = transport
        self.address = address
        self.buffer = <char *> malloc(RECEIVE_SIZE)
        if self.buffer == NULL:
            raise MemoryError("no memory for a connection's buffer")

    def __dealloc__(self):
        free(self.buffer)

    def space(self) -> memoryview:
        """Where the transport may write: what is free of the buffer. It is never empty while reading is on."""
        return PyMemoryView_FromMemory(self.buffer + self.end, RECEIVE_SIZE - self.end, PyBUF_WRITE)

    def pause(self) -> None:
        if not self.paused and not self.closed:
            self.paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        if self.paused and not self.closed and not self.waiting and not self.held and self.resend is None:
            self.paused = False
            self.transport.resume_reading()

    def close(self) -> None:
        """Close the connection behind what was written to it."""
        if not self.closed:
            self.closed = True
            self.transport.close()

    @property
    def is_active(self) -> bool:
        return self.session.phase == PHASE_ACTIVE

    @property
    def has_left(self) -> bool:
        return self.closed or self.session.phase == PHASE_CLOSED


cdef class Gateway:
    """The engine. `logon(client, sender, username, password)` is called for a Logon; `accept` or `refuse` answers."""

    def __init__(
        self, Store store, Orders orders, Listing listing, EventPump pump, Entry entry, Desk desk, bytes comp_id,
        uint32_t max_message_bytes, object logon
    ):
        self.store = store
        self.orders = orders
        self.listing = listing
        self.pump = pump
        self.entry = entry
        self.desk = desk
        self.comp_id = comp_id
        self.max_message_bytes = max_message_bytes
        self.logon = logon
        self.clients = set()
        self.waiting = {}

    def attach(self, dict consumers, Board board not None) -> None:
        """Begin with these event rings, or go on with them where the core begins anew; no client need know.

        RuntimeError where they begin behind what is handled.
        """
        self.pump.attach(consumers, board)
        self.board = self.desk.checker.board = board

    def connected(self, Client client) -> None:
        self.clients.add(client)

    def received(self, Client client, size_t size, int64_t now_ns) -> None:
        """`size` more bytes lie in the client's space."""
        client.end += size
        self.now_ns = now_ns
        self.advance(client)
        self.finish()

    def lost(self, Client client) -> None:
        """The connection is gone. What its session is sent from now on is stored."""
        client.closed = True
        self.clients.discard(client)
        self.waiting.pop(client, None)
        if client.line is not None:
            client.line.collect(client.session.outbox)
            client.line.next_in = client.session.next_in
            client.line.live = client.line.client = None
            client.line = None
        client.resend = None

    def poll(self, int64_t now_ns) -> int:
        """One duty cycle: report what is released, go on with who had to wait, keep the sessions' deadlines."""
        cdef Client client
        cdef int64_t work
        self.now_ns = now_ns
        work = self.pump.drain(now_ns)
        if self.waiting and self.leads():
            for client, number in tuple(self.waiting.items()):
                self.accept(client, number, now_ns)
        for client in tuple(self.clients) if self.clients else ():
            if client.blocked_ns and not client.closed:
                self.advance(client)
            if client.resend is not None and not client.slow and not client.closed:
                self.repeat(client)
                if client.resend is None:
                    self.advance(client)  # what came with the request is in the buffer still
        if now_ns - self.ticked_ns >= TICK_NS:
            self.ticked_ns = now_ns
            self.tick()
        self.finish()
        self.pump.show_released()
        return work

    def wants(self) -> int:
        """What to be woken for: with events in sight that are not committed, more events are of no use."""
        return WAIT_COMMIT if self.pump.unreleased() else WAIT_EVENTS

    def is_ready(self) -> bool:
        """Whether the venue leads and everything from before is known here and there: the port may open.

        What a gateway before this one showed the router must be in the log by then: what its sessions sent last follows
        from that.
        """
        return (
            self.leads()
            and self.pump.position(0) >= <int64_t> self.board.load(WORD_READY_EVENT)
            and not self.pump.behind()
            and self.entry.is_taken()
        )

    cdef bint leads(self) noexcept nogil:
        return self.board.load(WORD_EPOCH) != 0

    def tick(self) -> None:
        """Heartbeats and timeouts of all sessions."""
        cdef Client client
        cdef Step step
        for client in tuple(self.clients):
            if client.closed or client.resend is not None:
                continue
            step = client.session.tick(self.now_ns, self.now_ns)
            self.handle(client, step, client.session.next_in)
            self.send(client)

    cdef int advance(self, Client client) except -1:
        """Take every whole message of the client's buffer, until one has to wait."""
        cdef Session session = client.session
        cdef Step step = STEP_NEED_MORE
        cdef uint32_t expected
        while not client.closed and not client.waiting and client.resend is None and self.may_go_on(client):
            expected = session.next_in
            step = session.receive(client.buffer + client.begin, client.end - client.begin, self.now_ns, self.now_ns)
            client.begin += session.consumed
            if step == STEP_NEED_MORE:
                break
            self.handle(client, step, expected)
        if client.begin and not client.waiting:
            memmove(client.buffer, client.buffer + client.begin, client.end - client.begin)
            client.end -= client.begin
            client.begin = 0
        if client.line is not None:
            client.line.collect(session.outbox)
        client.resume()
        return 0

    cdef bint may_go_on(self, Client client) except -1:
        """Whether the next message can be carried out: where the ring is full, its sender waits, but not for ever."""
        cdef Line line = client.line
        if line is not None and line.record_due and self.entry.has_room():
            self.entry.session(line.number, client.session.next_in, line.was_reset, self.now_ns)
            line.record_due = line.was_reset = False
        if self.entry.has_room():
            client.blocked_ns = 0
            client.held = False
            return True
        self.show_commands()
        if client.blocked_ns == 0:
            client.blocked_ns = self.now_ns
        client.held = self.now_ns - client.blocked_ns < BUSY_AFTER_NS
        if client.held:  # no longer than that: who is not read seems dead
            client.pause()
        return not client.held

    cdef int handle(self, Client client, Step step, uint32_t expected) except -1:
        """Do what a step of the session asks for. `expected` is the number that it waited for before."""
        cdef Session session = client.session
        if step == STEP_APPLICATION:
            return self.application(client)
        if step == STEP_LOGON:
            client.waiting = True
            client.pause()
            self.logon(
                client, session.peer[:session.peer_size].decode("latin-1"), text_of(session.message, TAG_USERNAME),
                text_of(session.message, TAG_PASSWORD),
            )
            return 0
        if client.line is not None:
            client.line.collect(session.outbox)
            self.store_admin(client, expected)
        if step == STEP_RESEND:
            client.resend = Resend(self.store, client.line.number, session.resend_begin, session.resend_end)
            client.catching_up = False
            self.repeat(client)
        elif step == STEP_DISCONNECT:
            self.send(client)
            client.close()
        return 0

    cdef int store_admin(self, Client client, uint32_t expected) except -1:
        """Keep a session message of the client; a gap that it skipped counts as seen."""
        cdef Session session = client.session
        if session.next_in > expected:
            self.store.append(
                KIND_IN_ADMIN, client.line.number, session.next_in - 1, session.message.data,
                session.message.size if session.consumed else 0, 0,
            )
        return 0

    cdef int application(self, Client client) except -1:
        cdef Session session = client.session
        cdef Message message = session.message
        if message.size > self.max_message_bytes:
            self.store.append(
                KIND_IN_ANSWERED, client.line.number, message.msg_seq_num, message.data, message.size, 0
            )
            return session.logout(TOO_LONG_TEXT, 43, self.now_ns, self.now_ns)
        if client.line.answered and message.msg_seq_num in client.line.answered:
            return self.store.append(
                KIND_IN_ANSWERED, client.line.number, message.msg_seq_num, message.data, message.size, 0
            )
        if client.line.record_due:  # for which the ring has no room, and the log has it before what the session sends
            return self.desk.busy(session, client.line.number, field_of(message, 11))
        if self.desk.takes(message.msg_type):
            return self.desk.take(session, client.line.number, self.now_ns)
        self.store.append(KIND_IN_ANSWERED, client.line.number, message.msg_seq_num, message.data, message.size, 0)
        return session.business_reject(UNSUPPORTED_TYPE, b"", 0, NOT_TAKEN_TEXT, strlen(NOT_TAKEN_TEXT))

    def accept(self, Client client, uint32_t number, int64_t now_ns) -> None:
        """The Logon's password is right. A second logon of a session that lives ends without a reply (FIX)."""
        cdef Line line = self.pump.lines[number]
        cdef Session session = client.session
        cdef uint64_t sequenced = self.board.session_in(number)
        cdef uint32_t expected
        cdef Step step
        self.waiting.pop(client, None)
        if client.closed:
            return
        if line.next_in == 0 and not self.leads():  # asked after the number was read: a replay shows old ones
            self.waiting[client] = number
            return
        self.now_ns = now_ns
        client.waiting = False
        if line.client is not None:
            client.close()
            return
        line.address(self.comp_id, session.version)
        if line.next_in == 0:  # a later connection goes on where this one ends: all that came is on its way to the log
            line.next_in, line.answered = self.store.expected_in(number, sequenced, session.logon_seq_num)
        expected = line.next_in
        client.line = line
        line.client = client
        line.live = session
        line.record_due = True
        step = session.accept(expected, self.store.sessions[number].next_out, now_ns, now_ns)
        self.handle(client, step, expected if not session.reset else 1)
        self.advance(client)
        self.finish()

    def refuse(self, Client client, int64_t now_ns) -> None:
        """The Logon is not to be accepted; unknown user and wrong password get the same answer."""
        if client.closed:
            return
        client.waiting = False
        self.handle(client, client.session.refuse(WRONG_LOGON, 43, now_ns, now_ns), 0)

    def say_goodbye(self, int64_t now_ns) -> None:
        """Ask every client to log out."""
        cdef Client client
        self.now_ns = now_ns
        for client in tuple(self.clients):
            if client.session.phase == PHASE_ACTIVE and client.resend is None:
                client.session.logout(STOPPING_TEXT, 21, now_ns, now_ns)
                if client.line is not None:
                    client.line.collect(client.session.outbox)
            elif not client.closed:
                client.close()
        self.finish()

    cdef int repeat(self, Client client) except -1:
        """Go on with a resend for as long as the client reads; meanwhile its new messages are only stored."""
        cdef Session session = client.session
        cdef const StoreEntry *entry
        if client.catching_up:
            return self.catch_up(client)
        while session.outbox.used < BATCH_BYTES:
            entry = client.resend.next()
            if entry == NULL:
                session.end_repeat(self.now_ns, self.now_ns)
                client.catching_up = True
                self.send(client)
                return self.catch_up(client)
            if entry.kind == KIND_OUT_APP:
                session.repeat(
                    entry.msg_seq_num, <const char *> entry + sizeof(StoreEntry), entry.length, self.now_ns, self.now_ns
                )
        client.line.live = None
        client.pause()
        return self.send(client)

    cdef int catch_up(self, Client client) except -1:
        """Send, as they are, the messages that were stored while the resend ran; then the session is live again."""
        cdef Session session = client.session
        cdef Line line = client.line
        cdef const StoreEntry *entry
        cdef Resend missed
        while session.outbox.next_out < self.store.sessions[line.number].next_out and not client.slow:
            missed = Resend(self.store, line.number, session.outbox.next_out, session.outbox.next_out + 999)
            parts = []
            while True:
                entry = missed.next()
                if entry == NULL:
                    break
                parts.append(PyBytes_FromStringAndSize(<const char *> entry + sizeof(StoreEntry), entry.length))
                session.outbox.next_out = entry.msg_seq_num + 1
            client.transport.write(b"".join(parts))
        if session.outbox.next_out >= self.store.sessions[line.number].next_out:
            line.live = session
            client.resend = None
            client.resume()
        return 0

    cdef int send(self, Client client) except -1:
        """Hand everything that the session has written to its transport with one call, after it is stored."""
        cdef Outbox outbox = client.session.outbox
        if client.line is not None:
            client.line.collect(outbox)
            client.line.dirty = False
        if outbox.used == 0 or client.closed:
            outbox.clear()
            return 0
        self.store.flush()
        client.transport.write(PyBytes_FromStringAndSize(outbox.data, outbox.used))
        outbox.clear()
        if client.slow and client.transport.get_write_buffer_size() > MAX_UNSENT:
            client.closed = True
            client.transport.abort()
        return 0

    cdef int show_commands(self) except -1:
        """The store first: of what it has, a restart knows what the log lacks; of what it lacks, it knows nothing."""
        self.store.flush()
        self.entry.publish()
        return 0

    cdef int finish(self) except -1:
        """End of a batch: store everything, then show the router what came in, then send."""
        cdef Client client
        self.show_commands()
        for client in self.clients:
            if client.session.outbox.used:
                self.send(client)
        return 0


cdef str text_of(Message message, uint32_t tag):
    """A field's text, empty where it is absent."""
    cdef int index = message.find(tag)
    if index < 0:
        return ""
    return message.value(index)[:message.fields[index].length].decode("utf-8", "surrogateescape")
