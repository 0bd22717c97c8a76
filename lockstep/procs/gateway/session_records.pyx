"""What the log is told of the gateway's sessions: which are up, and what numbers their messages of ours may have.

It claims records in the ingress ring, while there is room; who calls publishes them. It waits for nothing.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.procs.gateway.client cimport Client
from lockstep.procs.gateway.reservations cimport Reservations
from lockstep.procs.gateway.sessions cimport SessionState


cdef class SessionRecords:
    """Of all sessions of `reporter`."""

    def __init__(self, Store store, IngressWriter ingress, object reporter):
        self.store = store
        self.ingress = ingress
        self.reporter = reporter
        self.gone = set()
        self.asked = {}

    cdef bint covers(self, FixSession session) noexcept:
        """Whether the log has reserved all numbers that the session's messages have; None has no numbers."""
        return session is None or self.store.reservations.covers(
            session.number, self.store.sessions[session.number].next_out
        )

    cdef int down(self, FixSession session) except -1:
        """The session has no connection any more. If the log knows that it had one, `write` tells it."""
        if not session.record_due:
            self.gone.add(session.number)
        return 0

    cdef int up(self, FixSession session, int64_t now_ns) except -1:
        """Tell the log that a connected session is up, or was reset: there is room."""
        cdef Client client = session.client
        self.ingress.session(session.number, client.connection.next_in, True, session.was_reset, client.rights, now_ns)
        session.record_due = session.was_reset = False
        return 0

    cdef bint is_due(self) noexcept:
        """Whether there is something for `write`."""
        return len(self.gone) > 0 or len(self.store.reservations.short) > 0

    cdef int write(self, int64_t now_ns) except -1:
        """Tell what is due, as far as the ring has room. The store keeps what the log is asked for."""
        cdef Reservations reservations = self.store.reservations
        cdef FixSession session
        cdef const SessionState *state
        cdef uint32_t end
        for number in tuple(self.gone):
            if not self.ingress.has_room():
                return 0
            session = self.reporter.sessions[number]
            if session.client is None:
                self.ingress.session(number, session.next_in, False, False, 0, now_ns)
            self.gone.discard(number)
        for number in tuple(reservations.short):
            session = self.reporter.sessions[number]
            if session.record_due and session.client is None:
                continue  # the log does not know of its reset
            if not self.ingress.has_room():
                return 0
            if session.record_due:
                self.up(session, now_ns)
            state = &self.store.sessions[<uint32_t> number]
            end = reservations.ask(number, state.next_out)
            self.store.note_reserved(number, end)
            self.ingress.reservation(number, state.generation, state.next_out, end, state.version, now_ns)
            self.asked[number] = end, self.ingress.ingress.next + self.ingress.claimed - 1, None
        return 0

    cdef int look(self, uint64_t log_end, uint64_t reported) except -1:
        """Now and then: ask again for numbers that the log has refused, or lost with a voided record.

        The log ends at `log_end`, and everything up to `reported` has been reported here. What the router has taken is
        in the log by then; once all of that is reported, no answer is on its way any more.
        """
        cdef FixSession session
        cdef uint32_t number
        for number, (end, place, due) in tuple(self.asked.items()):
            if end <= self.store.reservations.rows[number].released:
                del self.asked[number]
            elif due is None:
                if self.ingress.taken() >= place:
                    self.asked[number] = end, place, log_end
            elif reported >= due:
                del self.asked[number]
                session = self.reporter.sessions[number]
                session.record_due = session.record_due or session.client is not None
                self.store.reservations.short.add(number)
        return 0
