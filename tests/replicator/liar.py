"""A peer that speaks the link's protocol without a fault in its bytes, and lies: it shares no code with the link's.

It draws what it says: frames that are sealed as they must be, with any kind, numbers and payload.
"""

from __future__ import annotations

import random
import socket
import struct
from contextlib import suppress

from lockstep.procs.replicator.handshake import HELLO_SIZE, Hello
from lockstep.procs.replicator.link import session_nonce
from tests.models.journal import crc32c

HEADER = struct.Struct("<8sIHHQQIIQQQIIQ16x")
MAGIC = b"SLREPL01"
HELLO, WELCOME, REFUSED, BATCH, ACKNOWLEDGED = 1, 2, 3, 4, 5
FENCE, HANDOVER, DIGESTS, VOIDS, EQUAL = 7, 8, 10, 11, 13
KINDS = range(20)
PAYLOADS = (
    b"", b"{}", b"[]", b'{"commands": {"1": 1}}', b'{"router": {"orders": 1}}', b'{"router": {"\xff": 1}}',
    b"\xff" * 40, b"[" * 3000, b"x" * 5000,
)  # fmt: skip
EDGES = (0, 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)


class Liar:
    """One connection: `say` puts a frame on it."""

    def __init__(self, connected: socket.socket, seed: int) -> None:
        self._socket = connected
        self._socket.setblocking(False)
        self.draw = random.Random(seed)
        self.nonce = 0
        self.number = 0
        self.said: list[int] = []

    def say(self, kind: int, payload: bytes = b"", size: int | None = None, **fields: int) -> None:
        """A frame, sealed; `size` is what it says of its payload, if that is another one."""
        self.number += 1
        self.said.append(kind)
        size = len(payload) if size is None else size
        numbers = [fields.get(name, 0) for name in ("first_seq", "chain", "position", "epoch", "count", "log_end")]
        behind = HEADER.pack(MAGIC, 0, 1, kind, self.nonce, self.number, size, crc32c(payload), *numbers)
        frame = behind[:8] + crc32c(behind[12:]).to_bytes(4, "little") + behind[12:] + payload
        with suppress(OSError):  # it was hung up on
            self._socket.send(frame)

    def say_anything(self, last: int) -> None:
        """A drawn frame, about records up to `last` and others."""
        draw = self.draw

        def number(bits: int) -> int:
            drawn: int = draw.choice((last, last + 1, draw.randrange(last + 2), *EDGES))
            return drawn & (1 << bits) - 1

        self.say(
            draw.choice(KINDS), draw.choice(PAYLOADS), draw.choice((None, None, None, None, 0, 245_761, 2**32 - 1)),
            first_seq=number(64), chain=number(64), position=number(64), epoch=draw.choice((0, 1, 1, 1, number(32))),
            count=number(32), log_end=number(64),
        )  # fmt: skip

    def hear(self) -> list[tuple[int, bytes]]:
        """The kinds and payloads of the frames that have come."""
        try:
            data = self._socket.recv(1 << 20)
        except OSError:
            return []
        heard = []
        while len(data) >= HEADER.size:
            size = HEADER.unpack_from(data)[6]
            heard.append((HEADER.unpack_from(data)[3], data[HEADER.size : HEADER.size + size]))
            data = data[HEADER.size + size :]
        return heard

    def agree(self, secondary: Hello, primary: Hello) -> None:
        """Frames are of this connection from here on."""
        self.nonce = session_nonce(secondary.nonce, primary.nonce)

    def close(self) -> None:
        self._socket.close()


def greeting_in(payload: bytes) -> Hello:
    return Hello.unpack(payload[:HELLO_SIZE])
