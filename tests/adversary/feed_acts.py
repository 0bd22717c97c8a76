"""What a reader of market data that means harm does, as bytes: spoilt handshakes and frames, and reading nothing."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable
from random import Random

from tests.adversary.peer import OWN_ADDRESS, READ_SIZE, VENUE

TIMEOUT_S = 0.5
KEY = "AAAAAAAAAAAAAAAAAAAAAA=="
SLOW = 8  # readers that read nothing, of one act
STREAMS = tuple(f"{symbol}@{kind}" for symbol in ("btcusdt", "ethusdt", "solusdt")
                for kind in ("trade", "bookTicker", "depth", "depth20"))  # fmt: skip
OPCODES = {"text": 1, "binary": 2, "close": 8, "ping": 9, "pong": 10}


class Reader:
    """A client of the feed, which holds on to the readers that read nothing."""

    def __init__(self, port: int, draw: Random) -> None:
        self.port = port
        self.draw = draw
        self.slow: list[socket.socket] = []

    def connect(self, path: str = "/ws") -> socket.socket:
        """A connection whose handshake is done."""
        made = self.bare()
        made.sendall(handshake(path))
        answer = b""
        while b"\r\n\r\n" not in answer:
            data = made.recv(READ_SIZE)
            if not data:
                raise ConnectionError("no handshake")
            answer += data
        return made

    def bare(self) -> socket.socket:
        return socket.create_connection((VENUE, self.port), timeout=TIMEOUT_S, source_address=(OWN_ADDRESS, 0))

    def close(self) -> None:
        for reader in self.slow:
            reader.close()
        self.slow.clear()


def handshake(path: str, *more: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: venue", "Upgrade: websocket", "Connection: Upgrade",
             f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13", *more]  # fmt: skip
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def frame(opcode: int, payload: bytes, *, first: int = 0x80, masked: bool = True, length: int | None = None) -> bytes:
    """A client's frame; `length` is the one in its header."""
    size = len(payload) if length is None else length
    mask = 0x80 if masked else 0
    if size < 126:
        head = bytes([first | opcode, mask | size])
    elif size < 1 << 16:
        head = bytes([first | opcode, mask | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([first | opcode, mask | 127]) + size.to_bytes(8, "big")
    return head + (bytes(4) + payload if masked else payload)


def subscription(draw: Random) -> bytes:
    """Requests of a subscriber, allowed and not."""
    wrong: object = draw.choice((["x" * 1000], ["btcusdt@trade"] * 500, [1, None, {}], "all", [""] * 1000))
    streams = draw.choice((list(STREAMS), wrong))
    said = {"method": draw.choice(("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "x", 7)), "params": streams}
    text = json.dumps(said | {"id": draw.choice((1, -1, 2**70, "x", None, [1]))}).encode()
    return draw.choice((text, text, text[: draw.randrange(len(text))], b"[" * 2000, b"\xff\xfe", b"{}", b"null", b""))


def spoilt_handshakes(reader: Reader) -> None:
    draw = reader.draw
    for _ in range(draw.randint(1, 10)):
        data = bytearray(draw.choice((
            handshake("/ws/" + "/".join(STREAMS)), handshake("/" + "x" * 20_000),
            handshake("/stream?streams=" + "a/" * 999),
            handshake("/ws", "X: " + "y" * 50_000), handshake("/ws", *["A: b"] * 2000), b"GET / HTTP/1.1\r\n",
            b"POST /ws HTTP/1.1\r\n\r\n", draw.randbytes(500), b"\0" * 100_000,
        )))  # fmt: skip
        if draw.random() < 0.5:
            at = draw.randrange(len(data))
            data[at : at + draw.randint(0, 20)] = draw.randbytes(draw.randint(0, 20))
        with reader.bare() as made:
            made.sendall(data)
            if draw.random() < 0.5:
                _read(made)


def spoilt_frames(reader: Reader) -> None:
    draw = reader.draw
    with reader.connect() as made:
        for _ in range(draw.randint(1, 50)):
            payload = draw.choice((subscription(draw), draw.randbytes(draw.choice((0, 1, 125, 126, 5000, 70_000)))))
            made.sendall(frame(
                draw.randrange(16), payload, first=draw.choice((0x80, 0x80, 0, 0xC0, 0xF0)),
                masked=draw.random() < 0.8, length=draw.choice((None, None, None, 0, 2**31, 2**63 - 1)),
            ))  # fmt: skip


def floods(reader: Reader) -> None:
    draw = reader.draw
    one = draw.choice((frame(OPCODES["ping"], b"x" * 125), frame(OPCODES["text"], subscription(draw)),
                       frame(OPCODES["text"], b"", first=0), frame(OPCODES["close"], b"\x03\xe8")))  # fmt: skip
    with reader.connect("/ws/btcusdt@trade") as made:
        for _ in range(draw.randint(1, 50)):
            made.sendall(one * 100)


def slow_readers(reader: Reader) -> None:
    """Subscribers to everything that read nothing: they stay until their number is reached again."""
    if len(reader.slow) >= 4 * SLOW:
        reader.close()
    for _ in range(SLOW):
        made = reader.connect()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        text = json.dumps({"method": "SUBSCRIBE", "params": list(STREAMS), "id": 1}).encode()
        made.sendall(frame(OPCODES["text"], text))
        reader.slow.append(made)


def half_open(reader: Reader) -> None:
    made = reader.connect("/stream?streams=" + "/".join(STREAMS))
    made.shutdown(socket.SHUT_WR)
    _read(made)
    made.close()


def _read(made: socket.socket) -> None:
    with contextlib.suppress(TimeoutError):
        made.recv(READ_SIZE)


ACTS: tuple[Callable[[Reader], None], ...] = (spoilt_handshakes, spoilt_frames, floods, slow_readers, half_open)
