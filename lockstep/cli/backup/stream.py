"""A copy of a venue as one stream of bytes: its files, one after another, and then the point that names them.

Layout: parts of a kind (1 byte), a size (4, little-endian) and so many bytes. N: a file's path; D: bytes of it; S: that
was all of it, its SHA-256. P: the point as JSON, the last part. A file without S was given up.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
from msgspec import Meta

from lockstep.cli.backup import pace
from lockstep.cli.backup.repository import PLACE, Point

PART = struct.Struct("<cI")
NAME, DATA, SUM, POINT = b"N", b"D", b"S", b"P"
Place = Annotated[str, Meta(pattern=PLACE)]


class StreamError(Exception):
    """What has come is not what was sent; the message says what."""


class _GivenUp(Exception):  # noqa: N818
    """A file that was not sent to its end."""


class Writer:
    """Writes a copy to `out`."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def file(self, path: str, content: Iterator[bytes]) -> tuple[int, str]:
        """Write a file; its size and SHA-256. What `content` raises, OSError."""
        sha, size = hashlib.sha256(), 0
        self._put(NAME, path.encode())
        for data in content:
            self._put(DATA, data)
            sha.update(data)
            size += len(data)
        self._put(SUM, sha.hexdigest().encode())
        return size, sha.hexdigest()

    def point(self, point: Point) -> None:
        """Write what the files are, the last of all. OSError."""
        self._put(POINT, msgspec.json.encode(point))
        self._out.flush()

    def _put(self, kind: bytes, payload: bytes) -> None:
        self._out.write(PART.pack(kind, len(payload)))
        self._out.write(payload)


def unpack(chunks: Iterator[bytes], into: Path) -> Point:
    """Put the files of a stream below `into`, synced, and none else; the point that names them.

    StreamError, OSError, and what `chunks` raises: what is there then is good for nothing.
    """
    parts, found = _Parts(chunks), dict[str, tuple[int, str]]()
    while (part := parts.take())[0] == NAME:
        path = _decoded(part[1], Place)
        target = into / path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.unlink(missing_ok=True)  # the journal's last segment may come again, when it is full
        found.pop(path, None)
        try:
            size, sha256 = pace.write(target, parts.content())
        except _GivenUp:
            continue
        if sha256 != parts.sum:
            raise StreamError(f"{path} has changed on its way")
        found[path] = size, sha256
    if part[0] != POINT:
        raise StreamError(f"a part of kind {part[0]!r} came where a file belongs")
    try:
        point = msgspec.json.decode(part[1], type=Point)
    except msgspec.DecodeError as error:
        raise StreamError(f"what it says of its files can't be read: {error}") from error
    for file in point.files:
        if found.pop(file.path, None) != (file.size, file.sha256):
            raise StreamError(f"{file.path} is not there, or not the one that the copy names")
    for path in found:
        (into / path).unlink()
    return point


class _Parts:
    """The parts of a stream. `sum` is the checksum of the file whose `content` ended last."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.sum = ""
        self._chunks = chunks
        self._held = bytearray()
        self._kept: tuple[bytes, bytes] | None = None

    def take(self) -> tuple[bytes, bytes]:
        """The next part. StreamError where there is none."""
        if self._kept is not None:
            part, self._kept = self._kept, None
            return part
        kind, size = PART.unpack(self._bytes(PART.size))
        return kind, self._bytes(size)

    def content(self) -> Iterator[bytes]:
        """The bytes of the file whose name was taken last."""
        while (part := self.take())[0] == DATA:
            yield part[1]
        if part[0] != SUM:
            self._kept = part
            raise _GivenUp
        self.sum = part[1].decode()

    def _bytes(self, size: int) -> bytes:
        while len(self._held) < size:
            data = next(self._chunks, b"")
            if not data:
                raise StreamError("it ends before its end")
            self._held += data
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken


def _decoded(payload: bytes, kind: type[str]) -> str:
    try:
        return msgspec.convert(payload.decode(), kind)
    except (UnicodeDecodeError, msgspec.ValidationError) as error:
        raise StreamError(f"it names what no copy has: {error}") from None
