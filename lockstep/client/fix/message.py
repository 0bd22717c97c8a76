"""FIX messages as a client writes and reads them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from lockstep.client.errors import GARBLED, VenueError

Field = tuple[int, object]
Message = dict[int, str]  # the last value of each tag

SOH = b"\x01"
TRAILER = 7  # 10=nnn and its separator
MAX_BYTES = 1 << 20  # of a message
MAX_DIGITS = 18  # of a number
MAX_SHOWN = 200  # bytes of what is garbled, in an error


def encoded(version: str, fields: Iterable[Field], *, length: int | None = None, checksum: int | None = None) -> bytes:
    """Return a message with BodyLength and CheckSum, the right ones where none are given."""
    body = b"".join(b"%d=%b\x01" % (tag, _bytes(value)) for tag, value in fields)
    head = b"8=%b\x019=%d\x01" % (version.encode(), len(body) if length is None else length)
    total = sum(head + body) % 256 if checksum is None else checksum
    return head + body + b"10=%03d\x01" % total


def utc_text(utc_ns: int) -> str:
    """Return a moment as FIX has it, in milliseconds."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=utc_ns // 1000)
    return moment.strftime("%Y%m%d-%H:%M:%S.") + f"{moment.microsecond // 1000:03d}"


def now() -> str:
    """Return this moment as FIX has it."""
    return utc_text(time.time_ns())


class Reader:
    """Bytes in, whole messages out."""

    def __init__(self) -> None:
        self._rest = b""

    def add(self, data: bytes) -> None:
        """Take what came."""
        self._rest += data

    def next(self) -> Message | None:
        """Return the next message, None if none is whole yet. VenueError (GARBLED) where it is no FIX."""
        size = self._size()
        if not size or len(self._rest) < size:
            return None
        raw, self._rest = self._rest[:size], self._rest[size:]
        if raw[-TRAILER:] != b"10=%03d\x01" % (sum(raw[:-TRAILER]) % 256):
            raise VenueError(GARBLED, f"A message's checksum is wrong: {raw[:MAX_SHOWN]!r}.")
        try:
            fields = (part.partition("=") for part in raw[:-1].decode().split("\x01"))
            message = {int(tag): value for tag, _, value in fields}
        except ValueError as error:
            raise VenueError(GARBLED, f"A message has no tags, or no UTF-8: {raw[:MAX_SHOWN]!r}.") from error
        if 35 not in message:
            raise VenueError(GARBLED, f"A message has no MsgType: {raw[:MAX_SHOWN]!r}.")
        return message

    def all(self) -> Iterator[Message]:
        """Yield the messages that are whole."""
        while (message := self.next()) is not None:
            yield message

    def _size(self) -> int:
        """Of the first message; 0 while that can't be seen."""
        begin = self._rest.find(b"\x019=")
        if begin < 0 or (end := self._rest.find(SOH, begin + 3)) < 0:
            if not b"8=FIX.4.4\x01".startswith(self._rest[:6]) or len(self._rest) > MAX_BYTES:
                raise VenueError(GARBLED, f"No FIX message begins with {self._rest[:20]!r}.")
            return 0
        length = self._rest[begin + 3 : end]
        is_number = length.isdigit() and len(length) <= MAX_DIGITS
        if not self._rest.startswith(b"8=FIX.") or not is_number or int(length) > MAX_BYTES:
            raise VenueError(GARBLED, f"No FIX message begins with {self._rest[:20]!r}.")
        return end + 1 + int(length) + TRAILER


def integer(message: Message, tag: int) -> int:
    """Return a whole number that a message must have. VenueError (GARBLED) where it has none."""
    text = message.get(tag, "")
    if not text.isdecimal() or len(text) > MAX_DIGITS:
        raise VenueError(GARBLED, f"Tag {tag} is no number in {message}.")
    return int(text)


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
