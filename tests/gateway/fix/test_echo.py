"""The session under streams cut anywhere and under garbage, with a plain echo application on top of it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.fix.client import Client, brief, decode, order


class Echo:
    """Answers each order with a report that repeats its ClOrdID, and keeps what it sent for resends."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.stored: dict[int, bytes] = {}
        self.sent = b""
        self.end: Any = None

    def receive(self, data: bytes) -> None:
        session, now = self.client.session, self.client.now_ns
        session.feed(data)
        while self.end is None and (event := session.next_event(now)) is not None:
            if event[0] == "logon":
                session.accept_logon(1, 1, now)
            elif event[0] == "application":
                session.send("8", [(11, dict(event[3])[11])], now)
            elif event[0] == "resend":
                for seq in sorted(self.stored):
                    session.repeat_message(seq, self.stored[seq], now)
                session.finish_repeat(now)
            else:
                self.end = event
            self.store()
        self.store()

    def store(self) -> None:
        """Stored first, then sent."""
        outbox = self.client.session.outbox
        self.stored |= {seq: data for kind, seq, data in outbox.listed() if kind == 2}
        self.sent += outbox.take()


def stream() -> bytes:
    client = Client()
    parts = [
        client.message("A", [(98, 0), (108, 30)]),
        client.message("D", order("a")),
        client.message("D", [(11, "bad")]),
        client.message("1", [(112, "t1")]),
        b"8=FIX.4.4\x019=9\x0135=D\x01x=y\x0110=000\x01",
        client.message("D", order("late"), seq=7),
        client.message("4", [(123, "Y"), (36, 6)], seq=5, poss_dup=True),
        client.message("D", order("b"), seq=6),
        client.message("2", [(7, 1), (16, 0)], seq=8),
        client.message("R", [(131, "q")], seq=9),
        client.message("5", seq=10),
    ]
    return b"".join(parts)


def test_echo_answers_in_order() -> None:
    echo = Echo(Client())
    echo.receive(stream())
    assert brief(decode(echo.sent), 35, 34, 11, 112, 7, 36, 380) == [
        ("A", "1", "", "", "", "", ""),
        ("8", "2", "a", "", "", "", ""),
        ("3", "3", "", "", "", "", ""),
        ("0", "4", "", "t1", "", "", ""),
        ("2", "5", "", "", "5", "", ""),
        ("8", "6", "b", "", "", "", ""),
        ("8", "7", "late", "", "", "", ""),
        ("4", "1", "", "", "", "2", ""),
        ("8", "2", "a", "", "", "", ""),
        ("4", "3", "", "", "", "6", ""),
        ("8", "6", "b", "", "", "", ""),
        ("8", "7", "late", "", "", "", ""),
        ("j", "8", "", "", "", "", "3"),
        ("5", "9", "", "", "", "", ""),
    ]


@given(st.lists(st.integers(1, 200), max_size=60))
def test_how_a_stream_is_cut_makes_no_difference(sizes: list[int]) -> None:
    data = stream()
    whole, cut = Echo(Client()), Echo(Client())
    whole.receive(data)
    for size in [*sizes, len(data)]:
        cut.receive(data[:size])
        data = data[size:]
    assert cut.sent == whole.sent
    assert cut.end == whole.end


PIECES = st.sampled_from(
    [b"8=FIX.4.4\x01", b"9=20\x01", b"35=D\x01", b"35=2\x01", b"34=2\x01", b"10=", b"123\x01", b"\x01", b"=", b"8=FIX"]
)


@given(st.lists(st.binary(max_size=60) | PIECES, max_size=60))
def test_garbage_never_breaks_a_session(noise: list[bytes]) -> None:
    echo = Echo(Client())
    echo.receive(echo.client.message("A", [(98, 0), (108, 30)]))
    for piece in noise:
        echo.receive(piece)
    assert echo.client.session.next_in == 2
    assert echo.end is None or echo.end == ("disconnect", "TOO_LONG")


FIELD_TAGS = st.sampled_from([7, 11, 16, 34, 36, 38, 43, 44, 52, 54, 112, 122, 123, 141, 354, 355, 453, 448, 789, 9999])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list("0123456789ADFGRj")),
            st.integers(0, 12),
            st.lists(
                st.tuples(FIELD_TAGS, st.sampled_from(["", "Y", "0", "1", "5", "-3", "1e5", "x", "9" * 30])), max_size=6
            ),
            st.booleans(),
        ),
        max_size=25,
    )
)
def test_well_framed_nonsense_never_breaks_a_session(
    messages: list[tuple[str, int, list[tuple[int, str]], bool]],
) -> None:
    echo = Echo(Client())
    echo.receive(echo.client.message("A", [(98, 0), (108, 30)]))
    for msg_type, seq, fields, poss_dup in messages:
        echo.receive(echo.client.message(msg_type, fields, seq=seq, poss_dup=poss_dup))
    decode(echo.sent)
    assert echo.client.session.queued_bytes() <= 262_144
