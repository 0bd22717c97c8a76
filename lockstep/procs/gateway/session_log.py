"""What became of connections: a line in the log for each logon, refusal and end, and what `status --sessions` shows.

It is told by the server; it decides nothing, and a flood neither fills the log nor its memory.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.operations.status import SessionStatus
from lockstep.procs.gateway.client import Client
from lockstep.procs.gateway.event_reporter import EventReporter
from lockstep.procs.gateway.fix_session import FixSession

LINES_PER_S = 10  # of each kind: of sessions, and of those who have not logged on
MAX_LINES_AT_ONCE = 100
LOGOUT = 1  # REASON_LOGOUT
# Why the session layer ends a connection, by its REASON_….
REASONS = (
    "",
    "it logged out",
    "its first message was no Logon",
    "it sent no Logon in time",
    "SenderCompID, Username or Password is wrong",
    "BeginString, SenderCompID or TargetCompID is wrong",
    "it sent a second Logon",
    "MsgSeqNum too low",
    "SendingTime outside the window",
    "it did not answer a TestRequest",
    "it did not answer our Logout",
    "a message was too long",
    "it did not fill a gap",
    "a message without MsgSeqNum",
    "its Logon could not be accepted",
    "its session logs on at another gateway",
)


class Watch(Protocol):
    """Who is told of what becomes of connections. A reason is words, or a number of REASONS."""

    def logged_on(self, client: Client) -> None: ...
    def ended(self, client: Client, reason: str | int) -> None: ...


class Moment(NamedTuple):
    """Something that happened to a session."""

    at_ns: int
    address: str
    reason: str

    def __str__(self) -> str:
        return f"{_time(self.at_ns)} {self.address}: {self.reason}"


class Lines:
    """Lines of one kind, so many a second; what is left out is counted, and said with the next one."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._left = float(MAX_LINES_AT_ONCE)
        self._at_ns = clock()
        self._left_out = 0

    def write(self, event: str, **fields: object) -> None:
        now_ns = self._clock()
        self._left = min(MAX_LINES_AT_ONCE, self._left + (now_ns - self._at_ns) / 1e9 * LINES_PER_S)
        self._at_ns = now_ns
        if self._left < 1:
            self._left_out += 1
            return
        self._left -= 1
        if self._left_out:
            fields["lines_left_out"], self._left_out = self._left_out, 0
        log.info(event, **fields)


class SessionLog:
    """Of gateway `gateway`, whose accounts `reporter` knows; `clock` gives the wall clock's ns."""

    def __init__(self, gateway: str, reporter: EventReporter, clock: Callable[[], int]) -> None:
        self._gateway = gateway
        self._reporter = reporter
        self._clock = clock
        self._of_sessions = Lines(clock)
        self._of_others = Lines(clock)
        self._since: dict[str, int] = {}
        # By session, and only of sessions that there are.
        self._ends: dict[str, Moment] = {}
        self._refusals: dict[str, Moment] = {}

    def logged_on(self, client: Client) -> None:
        """A Logon was accepted."""
        self._since[client.name] = self._clock()
        version = client.connection.version
        self._of_sessions.write("logon", session=client.name, address=client.address, version=version)

    def ended(self, client: Client, reason: str | int) -> None:
        """A connection ends: a session's, or one that never had one."""
        words = REASONS[reason] if isinstance(reason, int) else reason
        moment = Moment(self._clock(), client.address, words)
        if client.name:
            self._since.pop(client.name, None)
            self._ends[client.name] = moment
            event = "logout" if reason == LOGOUT else "disconnect"
            self._of_sessions.write(event, session=client.name, address=client.address, reason=words)
            return
        name = client.claimed
        if self._reporter.accounts.find(name) is not None:
            self._refusals[name] = moment
        event = "logon_refused" if name else "connection_ended"
        self._of_others.write(event, session=name, address=client.address, reason=words)

    def turned_away(self, address: str, reason: str) -> None:
        """A connection was not let in."""
        self._of_others.write("connection_refused", session="", address=address, reason=reason)

    def disconnected(self, session: str, operator: str, reason: str) -> None:
        """An operator has ended a session: always in the log."""
        log.warning("operator_disconnect", session=session, operator=operator, reason=reason)

    def statuses(self, first: int, count: int) -> tuple[list[SessionStatus], int]:
        """The sessions from number `first` on, `count` numbers at most, and the number to go on with (0: no more)."""
        sessions = self._reporter.sessions
        behind = min(first + count, len(sessions))
        own = (each for each in sessions[first:behind] if each is not None and self._reporter.has(each.number))
        found = [self._status(session) for session in own]
        return found, behind if behind < len(sessions) else 0

    def _status(self, session: FixSession) -> SessionStatus:
        name, client = session.name.decode(), session.client
        next_in, next_out = session.numbers
        connection: dict[str, Any] = {}
        if client is not None:
            connection = {
                "address": client.address,
                "since": _time(self._since[name]),
                "version": f"FIX.4.{client.connection.version % 10}",
                "unsent_bytes": client.transport.get_write_buffer_size(),
            }
        ended, refused = (str(moments.get(name, "")) for moments in (self._ends, self._refusals))
        return SessionStatus(
            name, self._gateway, next_in=next_in, next_out=next_out, ended=ended, refused=refused, **connection
        )


def _time(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns / 1e9, UTC):%Y-%m-%d %H:%M:%S}"
