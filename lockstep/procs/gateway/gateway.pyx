"""The gateway's engine between connections and rings: bytes of clients in, commands out; events in, reports out.

It holds the FIX sessions and everything they share; it opens no socket, checks no password and reads no clock.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memmove, strlen

from lockstep.core.intake.readiness cimport BUSY_AFTER_NS
from lockstep.procs.gateway.client cimport RECEIVE_SIZE, Client
from lockstep.procs.gateway.clients cimport Clients
from lockstep.procs.gateway.fix.connection cimport (
    PHASE_ACTIVE,
    REASON_ELSEWHERE,
    STEP_APPLICATION,
    STEP_DISCONNECT,
    STEP_LOGON,
    STEP_NEED_MORE,
    STEP_RESEND,
    Connection,
)
from lockstep.procs.gateway.fix.message cimport Message
from lockstep.procs.gateway.fix_session cimport WINDOW_NS, FixSession, within
from lockstep.procs.gateway.logons cimport Logons
from lockstep.procs.gateway.order_entry cimport OrderEntry
from lockstep.procs.gateway.order_message cimport Text, field_of
from lockstep.procs.gateway.store_reader cimport KIND_IN_ADMIN, KIND_IN_ANSWERED
from lockstep.shm.board cimport WORD_LOG_END, WORD_READY_EVENT, Counts

from lockstep.core.diagnostics.log_lines import log
from lockstep.shm.bell import Reason

cdef enum:
    TICK_NS = 20_000_000                 # between two looks at the sessions' deadlines
    TEND_NS = 100_000_000                # between two looks at the disk's space
    RETAIN_NS = 10_000_000_000           # between two looks at what the store need not keep
    CLOSE_NS = 5_000_000_000             # for a client to read what was written to it before the close
    LOOK_NS = 500_000_000                # between two looks at what clients have not read
    ASK_AGAIN_NS = 500_000_000           # between two looks for numbers that the log was asked for, and did not give
    RESET_NS = 100_000_000               # that a Logon with ResetSeqNumFlag counts for: all wait for the disk then
    MAX_HELD_BACK = 65536                # of answers whose numbers the log does not cover: then no more is read
    UNIT_BYTES = 512                     # a message counts once more for each of these: the rate bounds bytes too
    OTHER = 0                            # BusinessRejectReason (380)
    UNSUPPORTED_TYPE = 3                 # BusinessRejectReason (380)
    TAG_PASSWORD = 554
    TAG_USERNAME = 553

cdef const char *WRONG_LOGON = b"SenderCompID, Username or Password is wrong"
cdef const char *TOO_LONG_TEXT = b"the message is longer than this venue takes"
cdef const char *ENDED_TEXT = b"SESSION_ENDED: the account's password, role or lock has changed; log on again"
cdef const char *NOT_TAKEN_TEXT = b"this venue takes the messages D, E, F, G, H and q"


cdef class Gateway:
    """The engine. `logon(client, sender, username, password)` is called for a Logon; `accept` or `refuse` answers.

    `fix` is the configuration's section; `watch` is told of logons and ends.
    """

    def __init__(
        self, EventReporter reporter not None, OrderEntry order_entry not None, object fix, object logon, object watch
    ):
        self.reporter = reporter
        self.order_entry = order_entry
        self.store, self.orders, self.listings = reporter.store, reporter.orders, reporter.listings
        self.ingress = order_entry.ingress
        self.readiness = order_entry.readiness
        self.max_message_bytes = fix.max_message_bytes
        self.logon = logon
        self.watch = watch
        self.message_ns = 1_000_000_000 // fix.max_messages_per_second if fix.max_messages_per_second else 0
        self.rate_text = (
            b"MESSAGE_RATE: more than %d messages in a second from this session; wait, then send it again"
            % fix.max_messages_per_second
        )
        self.clients = Clients(reporter, self.ingress, self.readiness, watch, fix.unread_timeout_s * 1_000_000_000)
        self.records = self.clients.records
        self.repeats = Repeats(self.store)
        self.logons = Logons(self.clients, fix.target_comp_id.encode())

    def attach(self, dict consumers, Board board not None) -> None:
        """Begin with these event rings, or go on with them after a restart of the core, unnoticed by clients.

        RuntimeError if they begin after what comes next.
        """
        self.reporter.attach(consumers, board)
        self.reporter.join()
        self.board = self.readiness.board = self.order_entry.validator.board = board
        self.led_from = 0
        self.show_counts()

    def connected(self, Client client) -> None:
        self.clients.all[client] = None

    def received(self, Client client, size_t size, int64_t now_ns) -> None:
        """`size` more bytes lie in the client's space."""
        client.end += size
        self.clients.now_ns = now_ns
        self.advance(client)
        self.clients.finish()

    def poll(self, int64_t now_ns) -> int:
        """One duty cycle: report what is released, go on with waiting clients, keep the sessions' deadlines."""
        cdef Client client
        cdef int64_t work
        if self.store.is_full and not self.finds_space(now_ns):
            return 0
        self.clients.now_ns = now_ns
        if now_ns - self.tended_ns >= TEND_NS:
            self.tend(now_ns)
        elif self.readiness.is_held_up:  # orders are taken again with the first commit
            self.readiness.look(now_ns, self.store.segment.is_short)
        work = self.reporter.report(now_ns)
        if self.reporter.ended:
            self.end_sessions()
        if self.store.follows and self.is_to_lead():
            self.lead()
        if self.clients.waiting and self.readiness.leads():
            for client, number in tuple(self.clients.waiting.items()):
                self.accept(client, number, now_ns)
        for client in tuple(self.clients.all) if self.clients.all else ():
            if (client.blocked_ns or client.stalled) and not client.slow and not client.closed:
                self.advance(client)
        if self.repeats:
            work += self.repeat_some()
        if now_ns - self.ticked_ns >= TICK_NS:
            self.ticked_ns = now_ns
            self.tick()
            self.show_counts()
        if now_ns - self.looked_ns >= LOOK_NS:
            self.looked_ns = now_ns
            self.clients.end_the_unread()
        self.clients.finish()
        self.reporter.show_released()
        return work

    cdef bint finds_space(self, int64_t now_ns) except -1:
        """Whether a full disk has room again for what is not stored yet; until then no client is read or written to."""
        if now_ns - self.ticked_ns < TICK_NS:
            return False
        self.ticked_ns = now_ns
        self.store.flush()
        return not self.store.is_full

    cdef int tend(self, int64_t now_ns) except -1:
        """See whether there is space for orders, and reserve again what a full disk has used up."""
        self.tended_ns = now_ns
        if self.store.segment.is_short:
            self.store.segment.tend()
        self.readiness.look(now_ns, self.store.segment.is_short)
        if now_ns - self.asked_ns >= ASK_AGAIN_NS and self.readiness.leads():
            self.asked_ns = now_ns
            self.records.look(self.board.load(WORD_LOG_END), 0 if self.reporter.is_behind else self.reporter.released)
        return 0

    def wants(self) -> Reason:
        """What to wake up for: with uncommitted events in sight, more events are of no use."""
        return Reason(self.reporter.reasons())

    def is_ready(self) -> bool:
        """Whether the venue leads, and gateway and router know all that came before: the port may open.

        What an earlier gateway showed the router must be in the log by then: what its sessions sent last follows
        from that. One that follows another node's gateway goes on in its place first.
        """
        return not self.store.follows and self.readiness.is_level(self.reporter.handled[0], self.reporter.is_behind)

    @property
    def may_tell(self) -> bool:
        """Whether anything may leave this node. A client that connects while nothing may would wait for its Logon's
        answer: it should try the other node."""
        return not self.board.is_shut()

    cdef bint is_to_lead(self) noexcept:
        """Whether this node's router leads, and all up to where it began is committed and has been followed here.

        The epoch too: until it is committed, another node may lead in this one's place.
        """
        if not self.readiness.leads():
            return False
        self.led_from = self.led_from or self.board.load(WORD_LOG_END)
        return (
            self.reporter.released >= self.led_from and not self.reporter.is_behind
            and self.reporter.handled[0] >= self.board.load(WORD_READY_EVENT)
        )

    cdef int lead(self) except -1:
        """Go on in the place of the gateway that was followed: behind its numbers, with what it may not have told."""
        self.reporter.lead()
        log.info("goes on in place", seq=self.led_from)
        return 0

    def tick(self) -> None:
        """Heartbeats and timeouts of all sessions, and now and then a look at what the store keeps."""
        cdef Client client
        cdef Step step
        if self.clients.now_ns - self.retained_ns >= RETAIN_NS:
            self.retained_ns = self.clients.now_ns
            self.store.retain(self.clients.now_ns)
        for client in tuple(self.clients.all):
            if client.parting is not None and self.clients.now_ns - client.parted_ns >= CLOSE_NS:
                self.clients.end(client, client.parting)
            if client.closed and client.closed_ns and self.clients.now_ns - client.closed_ns >= CLOSE_NS:
                client.closed_ns = 0
                client.transport.abort()
            if client.closed or client.parting is not None or client.repeat is not None:
                continue
            if client in self.clients.waiting:
                continue
            if client.stalled and client.connection.phase == PHASE_ACTIVE:
                continue
            step = client.connection.tick(self.clients.now_ns)
            self.handle(client, step, client.connection.next_in)
            self.clients.send(client)

    cdef int show_counts(self) except -1:
        """Show on the board how much there is to do here, for whoever watches the venue."""
        cdef Client client
        cdef Counts counts
        counts.is_open = self.is_open
        counts.connections = <uint64_t> len(self.clients.all)
        counts.sessions = 0
        for client in self.clients.all:
            counts.sessions += client.session is not None
        counts.open_orders = self.orders.open_count()
        counts.refused[0] = self.order_entry.refused + self.too_often
        counts.refused[1] = self.reporter.refused[0]
        counts.refused[2] = self.reporter.refused[1]
        self.board.show_counts(self.order_entry.number - 1, &counts)
        return 0

    cdef int end_sessions(self) except -1:
        """End the connections of accounts whose password or role has changed, or that an operator has blocked."""
        cdef FixSession session
        cdef Client client
        ended, self.reporter.ended = self.reporter.ended, []
        for number in ended:
            session = self.reporter.sessions[number]
            client = session.client
            if client is None or client.closed or client.rights >= self.reporter.accounts.rights_of(number):
                continue
            if client.repeat is None and client.connection.phase == PHASE_ACTIVE:
                client.connection.logout(ENDED_TEXT, strlen(ENDED_TEXT), self.clients.now_ns)
                self.clients.send(client)
            self.clients.end(client, "the rights that it logged on with have ended")
        return 0

    cdef int advance(self, Client client) except -1:
        """Take every whole message of the client's buffer, until one has to wait."""
        cdef Connection connection = client.connection
        cdef Step step = STEP_NEED_MORE
        cdef uint32_t expected
        while not client.closed and not client.waiting and self.repeats.takes_next(client) and self.may_go_on(client):
            expected = connection.next_in
            step = connection.receive(client.buffer + client.begin, client.end - client.begin, self.clients.now_ns)
            client.begin += connection.consumed
            if step == STEP_NEED_MORE:
                break
            if client.session is not None:
                client.session.heard_ns = max(client.session.heard_ns, self.clients.now_ns) + self.share_of(client)
            self.handle(client, step, expected)
        if client.begin and not client.waiting:
            memmove(client.buffer, client.buffer + client.begin, client.end - client.begin)
            client.end -= client.begin
            client.begin = 0
        if client.session is not None:
            client.session.collect(connection.outbox)
        if client.end == RECEIVE_SIZE:  # behind a repeat
            client.pause()
        client.resume()
        return 0

    cdef int64_t share_of(self, Client client) noexcept:
        """A message's share of its session's time: half a share, to leave room for others beside as many orders."""
        cdef Connection connection = client.connection
        if connection.consumed and connection.message.msg_type == c"A":
            return RESET_NS
        return <int64_t> (1 + connection.consumed // UNIT_BYTES) * self.message_ns // 2

    cdef bint may_go_on(self, Client client) except -1:
        """Whether the next message can be carried out: while the ring is full its sender waits, within limits.

        A client that reads too slowly or sends too fast waits too, and is not counted as silent meanwhile.
        """
        cdef FixSession session = client.session
        if (
            client.slow or (session is not None and session.heard_ns - self.clients.now_ns > WINDOW_NS)
            or (client.connection.outbox.used > MAX_HELD_BACK and not self.records.covers(session))
        ):
            client.stalled = True
            client.pause()
            return False
        if client.stalled:
            client.stalled = False
            client.connection.received_ns = self.clients.now_ns
        if session is not None and session.record_due and self.ingress.has_room():
            self.records.up(session, self.clients.now_ns)
        if self.store.is_full:
            client.blocked_ns = client.blocked_ns or self.clients.now_ns
            client.held = True
            client.pause()
            return False
        if self.ingress.has_room():
            client.blocked_ns = 0
            client.held = False
            return True
        self.clients.show_commands()
        if client.blocked_ns == 0:
            client.blocked_ns = self.clients.now_ns
        client.held = self.clients.now_ns - client.blocked_ns < BUSY_AFTER_NS
        if client.held:  # no longer than that: a client that is not read seems dead
            client.pause()
        return not client.held

    cdef int handle(self, Client client, Step step, uint32_t expected) except -1:
        """Do what a step of the session asks for. `expected` is the number that it waited for before the step."""
        cdef Connection connection = client.connection
        if step == STEP_APPLICATION:
            return self.application(client)
        if step == STEP_LOGON:
            client.waiting = True
            client.pause()
            self.logon(
                client, connection.peer[:connection.peer_size].decode("latin-1"),
                text_of(connection.message, TAG_USERNAME),
                text_of(connection.message, TAG_PASSWORD),
            )
            return 0
        if client.session is not None:
            client.session.collect(connection.outbox)
            self.store_admin(client, expected)
        if step == STEP_RESEND:
            self.repeats.begin(client)
        elif step == STEP_DISCONNECT:
            client.parting = connection.reason
            client.parted_ns = self.clients.now_ns
            client.waiting = True
            self.clients.send(client)
            self.clients.part(client)
        return 0

    cdef int store_admin(self, Client client, uint32_t expected) except -1:
        """Keep a session message of the client; a gap that it skipped counts as seen."""
        cdef Connection connection = client.connection
        if connection.next_in > expected:
            if connection.consumed:
                return self.store.append_received(
                    KIND_IN_ADMIN, client.session.number, connection.next_in - 1, connection.message, 0
                )
            return self.store.append(KIND_IN_ADMIN, client.session.number, connection.next_in - 1, b"", 0, 0)
        return 0

    cdef int application(self, Client client) except -1:
        cdef Connection connection = client.connection
        cdef Message message = connection.message
        if message.size > self.max_message_bytes:
            self.store.append_received(KIND_IN_ANSWERED, client.session.number, message.msg_seq_num, message, 0)
            return connection.logout(TOO_LONG_TEXT, 43, self.clients.now_ns)
        if client.session.answered and message.msg_seq_num in client.session.answered:
            return self.store.append_received(KIND_IN_ANSWERED, client.session.number, message.msg_seq_num, message, 0)
        if self.message_ns and message.msg_type != c"F" and message.msg_type != c"q" and not within(
            &client.session.ordered_ns, self.clients.now_ns, self.message_ns
        ):
            return self.too_many(client)
        if client.session.record_due:  # it must come before what the session sends, and the ring has no room for it yet
            return self.order_entry.busy(connection, client.session.number, field_of(message, 11))
        if self.order_entry.takes(message.msg_type):
            return self.order_entry.take(connection, client.session.number, self.clients.now_ns)
        self.store.append_received(KIND_IN_ANSWERED, client.session.number, message.msg_seq_num, message, 0)
        return connection.business_reject(UNSUPPORTED_TYPE, b"", 0, NOT_TAKEN_TEXT, strlen(NOT_TAKEN_TEXT))

    cdef int too_many(self, Client client) except -1:
        """Refuse an order above its session's rate. Cancels pass until the session itself has to wait."""
        cdef Connection connection = client.connection
        cdef Message message = connection.message
        cdef Text ref_id = field_of(message, 66 if message.msg_type == c"E" else 11)
        self.too_often += 1
        self.store.append_received(KIND_IN_ANSWERED, client.session.number, message.msg_seq_num, message, 0)
        return connection.business_reject(OTHER, ref_id.at, ref_id.size, self.rate_text, len(self.rate_text))

    def accept(self, Client client, uint32_t number, int64_t now_ns) -> None:
        """The Logon's password is right."""
        cdef Connection connection = client.connection
        cdef FixSession session
        cdef Step step
        self.clients.waiting.pop(client, None)
        if client.closed:
            return
        if client.rights < self.reporter.accounts.rights_of(number):  # they have ended since the password was checked
            self.refuse(client, now_ns)
            return
        if not self.logons.admit(client, number, now_ns):
            return
        session = client.session
        if connection.reset:
            session.heard_ns = max(session.heard_ns, now_ns) + RESET_NS
        step = connection.accept(session.next_in, self.store.sessions[number].next_out, now_ns)
        self.watch.logged_on(client)
        self.handle(client, step, session.next_in if not connection.reset else 1)
        self.advance(client)
        self.clients.finish()

    def refuse(self, Client client, int64_t now_ns) -> None:
        """Refuse the Logon; unknown user and wrong password get the same answer."""
        if client.closed:
            return
        client.waiting = False
        self.handle(client, client.connection.refuse(WRONG_LOGON, 43, now_ns), 0)

    def send_on(self, Client client, bytes text, int64_t now_ns) -> None:
        """The Logon's password is right, and its session another gateway's: refuse it with a text that says which."""
        cdef Step step
        if client.closed:
            return
        client.waiting = False
        step = client.connection.refuse(text, len(text), now_ns)
        client.connection.reason = REASON_ELSEWHERE
        self.handle(client, step, 0)

    cdef int repeat_some(self) except -1:
        """Give clients with a repeat their turns, until one has done some work; other work comes before the next."""
        cdef Client client
        cdef int work = 0
        self.store.flush()
        if self.store.is_full:
            return 0
        for _ in range(len(self.repeats)):
            client = self.repeats.next()
            if client is None:
                break
            if not self.records.covers(client.session):
                self.repeats.settle(client)
                continue
            work = self.repeats.step(client, self.clients.now_ns)
            self.clients.send(client)
            if client.repeat is None:  # the client was too far behind
                break
            if self.repeats.settle(client):
                self.advance(client)  # what followed the request is still in the buffer
                client.left = None
            if work:
                break
        return work


cdef str text_of(Message message, uint32_t tag):
    """A field's text, empty if it is absent."""
    cdef int index = message.find(tag)
    if index < 0:
        return ""
    return message.value(index)[:message.fields[index].length].decode("utf-8", "surrogateescape")
