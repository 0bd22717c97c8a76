"""FIX 4.4 messages as a client writes and reads them. It knows neither sockets nor sessions.

It shares no code with the gateway: both would be wrong in the same way, and agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

Field = tuple[int, object]
Message = dict[int, str]  # the last value of each tag

BEGIN_STRING = b"8=FIX.4.4\x01"
TRAILER = 7  # 10=nnn and its separator


class GarbledError(ValueError):
    """What was received is no FIX."""


def encoded(fields: Iterable[Field]) -> bytes:
    """A message, with its length and checksum."""
    body = "".join(f"{tag}={value}\x01" for tag, value in fields).encode()
    message = b"%b9=%d\x01%b" % (BEGIN_STRING, len(body), body)
    return b"%b10=%03d\x01" % (message, sum(message) % 256)


def utc_text(time_ns: int) -> str:
    """A moment as FIX has it, in milliseconds."""
    seconds, rest = divmod(time_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%d-%H:%M:%S}.{rest // 10**6:03d}"


class Reader:
    """Bytes in, whole messages out."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> Iterator[Message]:
        """The messages that are whole with these bytes. GarbledError."""
        self._rest += data
        while (size := self._size()) and len(self._rest) >= size:
            raw, self._rest = self._rest[: size - 1], self._rest[size:]
            pairs = (part.partition("=") for part in raw.decode().split("\x01"))
            yield {int(tag): value for tag, _, value in pairs}

    def _size(self) -> int:
        """Of the first message; 0 while that can't be seen."""
        head = len(BEGIN_STRING)
        if len(self._rest) < head + 2:
            return 0
        if not self._rest.startswith(BEGIN_STRING + b"9="):
            raise GarbledError(f"no FIX message begins with {self._rest[: head + 2]!r}")
        end = self._rest.find(b"\x01", head)
        return 0 if end < 0 else end + 1 + int(self._rest[head + 2 : end]) + TRAILER
