"""The clients that are connected to a gateway: what is sent to them, and how their connections end.

All that is sent is in the store before, and its numbers in the log. It takes no message of theirs.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport strlen

from lockstep.core.intake.readiness cimport Readiness
from lockstep.procs.gateway.client cimport Client
from lockstep.procs.gateway.event_reporter cimport EventReporter
from lockstep.procs.gateway.fix.connection cimport PHASE_ACTIVE
from lockstep.procs.gateway.fix.encode cimport Outbox
from lockstep.procs.gateway.fix_session cimport FixSession

cdef enum:
    MAX_UNSENT = 16 * 1024 * 1024        # of one client, in the transport: a slower reader is logged out
    FOLLOWED_NS = 20_000_000             # between two writes of what is followed

cdef const char *STOPPING_TEXT = b"the venue is stopping"
cdef const char *TOO_SLOW_TEXT = b"too far behind in reading: log on and ask for what is missing"


cdef class Clients:
    """The clients of a gateway. A time that is not given is `now_ns`, which the gateway sets.

    One that leaves bytes unread for `unread_ns` is cut off.
    """

    def __init__(
        self, EventReporter reporter not None, IngressWriter ingress not None, Readiness readiness not None,
        object watch, int64_t unread_ns
    ):
        self.all = {}
        self.waiting = {}
        self.store = reporter.store
        self.reporter = reporter
        self.ingress = ingress
        self.readiness = readiness
        self.records = SessionRecords(reporter.store, ingress, reporter)
        self.watch = watch
        self.unread_ns = unread_ns

    def __iter__(self):
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)

    def end(self, Client client, object why, bint at_once=False) -> None:
        """Close a connection, at once or when it has read what was written, in bounded time; free its session."""
        if client.closed:
            return
        self.watch.ended(client, why)
        client.closed = True
        client.closed_ns = self.now_ns
        self.release(client)
        if at_once:
            client.transport.abort()
        else:
            client.transport.close()

    def lost(self, Client client, str why) -> None:
        """The connection is gone."""
        if not client.closed:
            self.watch.ended(client, why)
        client.closed = True
        self.all.pop(client, None)
        self.release(client)

    cdef int release(self, Client client) except -1:
        """Take the session from its connection: from now on its messages are only stored."""
        self.waiting.pop(client, None)
        if client.session is not None:
            client.session.collect(client.connection.outbox)
            client.session.next_in = client.connection.next_in
            client.session.live = client.session.client = None
            self.records.down(client.session)
            client.session = None
        client.repeat = client.left = None
        return 0

    cdef int end_the_unread(self) except -1:
        """End connections that have left bytes unread for too long: the peer is gone, or does not read."""
        cdef Client client
        for client in tuple(self.all):
            if client.closed:
                continue
            client.look(self.now_ns)
            if self.now_ns - client.taken_ns >= self.unread_ns:
                self.end(client, "it read nothing of what was sent for too long", True)
        return 0

    cdef int send(self, Client client) except -1:
        """Store everything that the session has written, then hand it to the transport in one call.

        It waits until the log covers the session's numbers, as the next host would not know that they are given; and
        while this node may release nothing, as this process may have been stopped since it looked last. A client with
        too much waiting is disconnected: all is stored, for its next Logon.
        """
        cdef Outbox outbox = client.connection.outbox
        if client.session is not None:
            client.session.collect(outbox)
            client.session.dirty = False
        if outbox.used == 0 or client.closed:
            outbox.clear()
            return 0
        self.store.flush()
        if self.store.is_full or self.readiness.board.is_shut():
            return 0
        if not self.records.covers(client.session):
            if outbox.used > MAX_UNSENT:
                self.end(client, "what it is told waits for the log's word on its numbers, and is too much to keep")
            return 0
        client.transport.write(PyBytes_FromStringAndSize(outbox.data, outbox.used))
        client.given += outbox.used
        outbox.clear()
        if client.slow and client.connection.phase == PHASE_ACTIVE:
            if client.transport.get_write_buffer_size() > MAX_UNSENT:
                client.connection.logout(TOO_SLOW_TEXT, strlen(TOO_SLOW_TEXT), self.now_ns)
                self.send(client)
                self.end(client, "it reads too slowly")
        return 0

    cdef int part(self, Client client) except -1:
        """End a connection whose session layer has ended, unless something has still to be sent to it."""
        if client.parting is not None and (client.connection.outbox.used == 0 or self.records.covers(client.session)):
            self.end(client, client.parting)
        return 0

    cdef int show_commands(self) except -1:
        """The store first: after a restart the store shows what the log lacks, but not the other way round."""
        if self.store.follows:
            if self.now_ns - self.followed_ns >= FOLLOWED_NS:  # nobody waits for it, and it can be made again
                self.followed_ns = self.now_ns
                self.store.flush()
            return 0
        if self.records.is_due() and not self.store.is_full and self.readiness.leads():
            self.records.write(self.now_ns)
        self.store.flush()
        if not self.store.is_full:
            self.ingress.publish()
        return 0

    cdef int finish(self) except -1:
        """End of a batch: store everything, then show the router what came in, then send."""
        cdef Client client
        cdef list parting = []
        self.show_commands()
        for client in self.all:
            if client.connection.outbox.used:
                self.send(client)
            if client.parting is not None:
                parting.append(client)
        for client in parting:
            self.part(client)
        return 0

    def say_goodbye(self, int64_t now_ns) -> None:
        """Ask every client to log out."""
        cdef Client client
        self.now_ns = now_ns
        for client in tuple(self.all):
            if client.connection.phase == PHASE_ACTIVE and client.repeat is None:
                client.connection.logout(STOPPING_TEXT, 21, now_ns)
                if client.session is not None:
                    client.session.collect(client.connection.outbox)
            else:
                self.end(client, "the venue is stopping")
        self.finish()

    def log_out(self, uint32_t number, bytes text, int64_t now_ns) -> Client | None:
        """Ask a session's client to log out, or cut it off if it can't be asked now. None: it is not connected."""
        cdef FixSession session = self.reporter.sessions[number]
        cdef Client client = session.client
        self.now_ns = now_ns
        if client is None:
            return None
        if client.repeat is None and client.connection.phase == PHASE_ACTIVE:
            client.connection.logout(text, len(text), now_ns)
            session.collect(client.connection.outbox)
            self.finish()
        else:
            self.end(client, text.decode())
        return client
