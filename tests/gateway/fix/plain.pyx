"""A FIX connection for Python: bytes in, tuples and bytes out, so that tests can drive it.

It adds nothing but a buffer for what is not a whole message yet.
"""

from libc.stdint cimport int64_t, uint32_t

from lockstep.procs.gateway.fix.connection cimport (
    PHASE_LOGON,
    STEP_APPLICATION,
    STEP_DISCONNECT,
    STEP_HANDLED,
    STEP_LOGON,
    STEP_RESEND,
    Connection,
    Step,
)

from lockstep.procs.gateway.fix.encode import packed

REASONS = (
    "NONE", "LOGOUT", "NOT_LOGON", "LOGON_TIMEOUT", "REFUSED", "IDENTITY", "SECOND_LOGON", "TOO_LOW", "SENDING_TIME",
    "NO_ANSWER", "LOGOUT_TIMEOUT", "TOO_LONG", "GAP", "NO_SEQ_NUM", "BAD_LOGON",
)


cdef class PlainSession(Connection):
    """A session whose events are tuples.

    ("application", MsgType, MsgSeqNum, fields), ("logon", fields), ("resend", begin, end) and ("disconnect", reason);
    fields are (tag, value) pairs.
    """

    cdef bytes pending

    def __init__(self, *args, **limits):
        super().__init__(*args, **limits)
        self.pending = b""

    def feed(self, bytes data) -> None:
        """Append received bytes. Bounded by what `next_event` leaves: less than one message."""
        self.pending += data

    def next_event(self, int64_t now_ns) -> tuple | None:
        """The next event in what was fed; None where there is none yet. Handle it before you ask for the next."""
        cdef Step step = STEP_HANDLED
        cdef bytes held = self.pending
        cdef const char *start = held
        cdef size_t at = 0
        cdef size_t size = len(held)
        while step == STEP_HANDLED:
            step = self.receive(start + at, size - at, now_ns)
            at += self.consumed
        event = self._event(step)
        self.pending = held[at:]
        return event

    def receive_bytes(self, bytes data, int64_t now_ns) -> list[tuple]:
        """`feed`, and all events of it. Nothing comes after a logon before it is accepted, or after a disconnect."""
        events = []
        self.feed(data)
        while True:
            event = self.next_event(now_ns)
            if event is None:
                return events
            events.append(event)
            if event[0] == "disconnect":
                return events

    cdef object _event(self, Step step):
        if step == STEP_APPLICATION:
            pairs = self.message.pairs()
            return ("application", pairs[2][1].decode("latin-1"), self.message.msg_seq_num, pairs)
        if step == STEP_LOGON:
            return ("logon", self.message.pairs())
        if step == STEP_RESEND:
            return ("resend", self.resend_begin, self.resend_end)
        if step == STEP_DISCONNECT:
            return ("disconnect", REASONS[self.reason])
        return None

    def accept_logon(self, uint32_t next_in, uint32_t next_out, int64_t now_ns) -> tuple | None:
        """`accept`; returns the event that it caused, if any."""
        self._expect_logon()
        return self._event(self.accept(next_in, next_out, now_ns))

    def refuse_logon(self, bytes text, int64_t now_ns) -> tuple:
        """`refuse`; returns the disconnect."""
        self._expect_logon()
        return self._event(self.refuse(text, len(text), now_ns))

    def _expect_logon(self) -> None:
        if self.phase != PHASE_LOGON:
            raise ValueError("no Logon waits for an answer")

    def pass_time(self, int64_t now_ns) -> tuple | None:
        """`tick`; returns the disconnect, if it came to that."""
        return self._event(self.tick(now_ns))

    def deadline_ns(self) -> int:
        """`next_deadline_ns`."""
        return self.next_deadline_ns()

    def send(self, str msg_type, list fields, int64_t now_ns, bint reply=False) -> None:
        """Append an application message with these (tag, value bytes); as a `reply`, routing tags are reversed."""
        if reply:
            self.begin_reply(packed(msg_type), now_ns)
        else:
            self.begin_message(packed(msg_type), now_ns)
        for tag, value in fields:
            self.outbox.add_bytes(tag, value, len(value))
        self.end_message()

    def repeat_message(self, uint32_t msg_seq_num, bytes stored, int64_t now_ns) -> None:
        """`repeat`."""
        self.repeat(msg_seq_num, stored, len(stored), now_ns)

    def finish_repeat(self, int64_t now_ns) -> None:
        """`end_repeat`."""
        self.end_repeat(now_ns)

    def log_out(self, bytes text, int64_t now_ns) -> None:
        """`logout`."""
        self.logout(text, len(text), now_ns)

    def take_outgoing(self) -> bytes:
        """All bytes for the peer."""
        return self.outbox.take()

    def queued_bytes(self) -> int:
        """How many bytes of messages above a gap are kept."""
        return self.queue.used
