"""The tests' FIX client without a wire: it drives a session by bytes, under a clock of its own.

simplefix parses the session's messages: a parser by others finds faults that our own would forgive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import simplefix

from lockstep.client.fix.message import Field, encoded, utc_text
from lockstep.procs.gateway.fix.encode import Outbox
from lockstep.procs.gateway.fix.rules import Rules
from lockstep.procs.gateway.fix.timing import Timing
from tests.gateway.fix.plain import PlainSession

SECOND = 1_000_000_000
START_UTC_NS = 1_795_261_920_000_000_000
RULES = Rules(["D", "F", "G"])

Fields = list[Field]


def decode(data: bytes) -> list[simplefix.FixMessage]:
    """Every message in the bytes, as simplefix reads them; their BodyLength and CheckSum are checked here."""
    parser = simplefix.FixParser()
    parser.append_buffer(data)
    found = []
    while (message := parser.get_message()) is not None:
        found.append(message)
    assert b"".join(message.encode(raw=True) for message in found) == data
    for message in found:
        raw = message.encode(raw=True)
        body = raw.index(b"\x01", raw.index(b"\x019=") + 1) + 1
        trailer = raw.rindex(b"10=")
        assert int(message.get(9)) == trailer - body
        assert int(message.get(10)) == sum(raw[:trailer]) % 256
    return found


def order(cl_ord_id: str = "a1") -> Fields:
    return [
        (11, cl_ord_id),
        (21, "1"),
        (55, "BTCUSDT"),
        (54, "1"),
        (60, "20261121-11:52:00.000"),
        (38, "1.5"),
        (40, "2"),
    ]


class Client:
    """One connection to a session; `sent` is the peer's MsgSeqNum of its last message."""

    def __init__(self, version: int = 44, **limits: Any) -> None:
        self.version = version
        self.now_ns = START_UTC_NS
        self.sent = 0
        self.session = PlainSession("LOCKSTEP", RULES, Outbox(), self.now_ns, Timing(**limits))
        self.events: list[Any] = []

    def message(self, msg_type: str, fields: Sequence[Field] = (), **header: Any) -> bytes:
        """The bytes of the next message; keyword arguments (seq, sender, time, begin …) replace header fields."""
        self.sent = header.get("seq", self.sent + 1)
        now = utc_text(self.now_ns)
        head: Fields = [(35, msg_type), (49, header.get("sender", "TRADER1")), (56, header.get("target", "LOCKSTEP"))]
        if self.sent is not None:
            head.append((34, self.sent))
        head.append((52, header.get("time", now)))
        if header.get("poss_dup"):
            head.append((43, "Y"))
            if header.get("original", True):
                head.append((122, header.get("original", now)))
        begin = header.get("begin", f"FIX.4.{self.version % 10}")
        return encoded(begin, [*head, *header.get("more", []), *fields])

    def give(self, data: bytes) -> list[Any]:
        """Hand bytes to the session; returns its events."""
        events = self.session.receive_bytes(data, self.now_ns)
        self.events += events
        return events

    def say(self, msg_type: str, fields: Sequence[Field] = (), **header: Any) -> list[Any]:
        return self.give(self.message(msg_type, fields, **header))

    def hear(self) -> list[simplefix.FixMessage]:
        return decode(self.session.take_outgoing())

    def pass_time(self, seconds: float) -> Any:
        self.now_ns += int(seconds * SECOND)
        return self.session.pass_time(self.now_ns)

    def log_on(self, next_in: int = 1, next_out: int = 1, fields: Sequence[Field] = (), **header: Any) -> Any:
        """Log on with interval 30 s, accepted with these numbers; returns the event of the acceptance."""
        events = self.say("A", [(98, 0), (108, 30), *fields], **header)
        assert [event[0] for event in events] == ["logon"]
        return self.session.accept_logon(next_in, next_out, self.now_ns)


def logged_on(version: int = 44, **limits: Any) -> Client:
    client = Client(version, **limits)
    client.log_on()
    assert [types(message) for message in client.hear()] == ["A"]
    return client


def types(message: simplefix.FixMessage) -> str:
    return text(message, 35)


def text(message: simplefix.FixMessage, tag: int) -> str:
    value = message.get(tag)
    return "" if value is None else value.decode()


def brief(messages: list[simplefix.FixMessage], *tags: int) -> list[tuple[str, ...]]:
    """Each message as the values of these tags, empty if it has none."""
    return [tuple(text(message, tag) for tag in tags) for message in messages]
