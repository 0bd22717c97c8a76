"""What a venue can't mean ends the session, or is not done: gaps that go back, ranges and lengths beyond all reason."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from lockstep import FixClient, VenueError, run
from lockstep.client.fix import client as fix_client
from lockstep.client.fix.message import Field, Reader, encoded
from lockstep.client.fix.orders import report_of
from lockstep.client.fix.session import Session, Writer

VENUE = Writer("LOCKSTEP", target="TRADER1")


class Recorded(Session):
    """A session whose wire is a list."""

    def __init__(self) -> None:
        super().__init__("TRADER1")
        self.written: list[dict[int, str]] = []

    def write(self, data: bytes) -> None:
        reader = Reader()
        reader.add(data)
        self.written += reader.all()

    def hears(self, kind: str, number: int, *fields: Field) -> bool:
        """Take a message of the venue's."""
        self.reader.add(VENUE.message(kind, *fields, number=number))
        return [self.take(message) for message in self.reader.all()][-1]


@pytest.mark.parametrize("end", [0, 3, 999_999, 10**17])
def test_resend_ends_with_what_was_sent(end: int) -> None:
    session = Recorded()
    session.send("A", (554, "secret"))
    session.send("D", (11, "one"))
    session.send("0")
    session.written.clear()
    session.hears("2", 1, (7, 1), (16, end))
    told = [(message[35], message[34], message.get(36), message.get(11)) for message in session.written]
    assert told == [("4", "1", "2", None), ("D", "2", None, "one"), ("4", "3", "4", None)]


def test_only_orders_are_kept_to_be_sent_again() -> None:
    session = Recorded()
    session.send("A", (554, "secret"))
    session.send("D", (11, "one"))
    assert [kind for kind, _, _ in session.sent.values()] == ["D"]


def test_gap_is_asked_for_once() -> None:
    session = Recorded()
    assert not any(session.hears("0", number) for number in (5, 6, 10**9))
    assert [(message[35], message[7], message[16]) for message in session.written] == [("2", "1", "0")]


@pytest.mark.parametrize(
    ("kind", "number", "fields", "code"),
    [
        ("4", 1, [(123, "Y"), (36, 1)], "TOO_LOW"),
        ("4", 1, [(123, "Y")], "GARBLED"),
        ("4", 1, [(123, "Y"), (36, "9" * 5000)], "GARBLED"),
        ("2", 1, [(7, "-1"), (16, 0)], "GARBLED"),
        ("0", 0, [], "TOO_LOW"),
    ],
)
def test_session_message_that_means_nothing_is_refused(
    kind: str, number: int, fields: Sequence[Field], code: str
) -> None:
    session = Recorded()
    with pytest.raises(VenueError, match=code):
        session.hears(kind, number, *fields)
    assert session.next_in == 1


@pytest.mark.parametrize(
    "data",
    [
        b"8=FIX.4.4\x019=" + b"9" * 5000 + b"\x01",
        b"8=FIX.4.4\x019=" + b"9" * (2 << 20),
        b"8=FIX.4.4\x019=-5\x01",
        encoded("FIX.4.4", [(35, "0"), (34, 1)], checksum=1000),
        encoded("FIX.4.4", [(34, 1)]),
        encoded("FIX.4.4", [(35, "0"), (58, b"\xff")]),
        encoded("FIX.4.4", [(35, b"0\x01no tag")]),
    ],
)
def test_bytes_that_are_no_message_are_garbled(data: bytes) -> None:
    reader = Reader()
    reader.add(data)
    with pytest.raises(VenueError, match="GARBLED"):
        reader.next()


@pytest.mark.parametrize("text", ["", "a lot", "NaN", "sNaN", "-Infinity", "1E+1000000"])
def test_amount_that_is_no_number_is_garbled(text: str) -> None:
    with pytest.raises(VenueError, match="GARBLED"):
        report_of({35: "8", 44: text})


def client_of(talk: Callable[[socket.socket], None]) -> FixClient:
    """Return a client of a venue that answers its Logon, talks, and then only reads until the connection ends."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with listener, listener.accept()[0] as wire, contextlib.suppress(OSError):
            wire.recv(4096)
            wire.sendall(VENUE.message("A", (98, 0), (108, 1), number=1))
            talk(wire)
            while wire.recv(4096):
                pass

    threading.Thread(target=answer, daemon=True).start()
    return FixClient("TRADER1", "demo", port=listener.getsockname()[1], heartbeat_s=1)


def every_moment(*messages: bytes) -> Iterator[bytes]:
    """Yield these, several in each interval of heartbeats."""
    for message in messages:
        time.sleep(0.2)  # the pace of a venue that seems to live
        yield message


def ends_because(client: FixClient, why: str) -> None:
    """Check what a connection has ended by."""
    with contextlib.suppress(VenueError):  # it may end while it begins
        run(client.connect(reset=True))
    with pytest.raises(VenueError, match=why):
        run(client.report())
    assert client.ended.is_set()


def test_connection_ends_where_the_venue_is_silent() -> None:
    ends_because(client_of(lambda _: None), "silent")


@pytest.mark.parametrize(
    "messages",
    [
        [VENUE.message("0", number=number) for number in range(3, 103)],  # the second never comes
        [VENUE.message("0", (43, "Y"), number=1)] * 100,
        [b"8=FIX.4.4\x019=1000\x01", *[b"5"] * 100],
    ],
)
def test_connection_ends_where_nothing_new_comes(messages: Sequence[bytes]) -> None:
    def talk(wire: socket.socket) -> None:
        for message in every_moment(*messages):
            wire.sendall(message)

    ends_because(client_of(talk), "silent")


def test_connection_ends_where_the_venue_does_not_read() -> None:
    def talk(wire: socket.socket) -> None:
        for message in every_moment(*(VENUE.message("0", number=number) for number in range(2, 102))):
            wire.sendall(message)

    async def order() -> None:
        while not client.ended.is_set():
            await client.place("BTCUSDT", "buy", "1", "1.00")

    client = client_of(talk)
    run(client.connect(reset=True))
    run(order())
    assert client.why == "the venue does not read"


def test_bytes_that_wait_for_the_venue_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fix_client, "MAX_UNREAD", 1 << 20)
    asks = b"".join(VENUE.message("2", (7, 1), (16, 0), number=number) for number in range(2, 10_000))

    def talk(wire: socket.socket) -> None:
        wire.recv(1)  # the first order
        wire.sendall(asks)
        over.wait()

    client, over = client_of(talk), threading.Event()
    run(client.connect(reset=True))
    for _ in range(100):
        run(client.place("BTCUSDT", "buy", "1", "1.00"))
    with pytest.raises(VenueError, match="does not read"):
        run(client.report())
    over.set()


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (VENUE.message("8", (44, "a lot"), number=2), "Tag 44 is not an amount"),
        (VENUE.message("8", number=1), "waits for 2"),
        (b"8=FIX.4.4\x019=9999999\x01", "No FIX message"),
        (encoded("FIX.4.4", [(35, "0"), (34, 2)], length=3), "checksum"),
    ],
    ids=["amount", "number given again", "length", "checksum"],
)
def test_connection_ends_where_the_venue_lies(message: bytes, why: str) -> None:
    ends_because(client_of(lambda wire: wire.sendall(message)), why)


def test_report_is_not_waited_for_where_connecting_was_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # it answers nothing
        client = FixClient("TRADER1", "demo", port=listener.getsockname()[1])
        with pytest.raises(TimeoutError):
            run(asyncio.wait_for(client.connect(), 0.1))
        with pytest.raises(VenueError, match="NO_ANSWER"):
            run(client.report())
