"""The file beside a segment of the message store that says what all sessions were when it began.

With it a start needs no segment before: those may be removed. It never looks into a row.

Layout of `<position, 20 digits>.start`::

    │ "LSFIXAT1" 8 │ position of the segment 8 │ rows of sessions 4 │ crc32 of all but this field 4 │ watermarks 72 │
    │ session 4 │ next out 4 │ last in 4 │ generation 4 │ version 1 │ reserved ahead 3 │ last logged 4 │ last out 8 │
    │ last in app 8 │ …
    │ refused client order ids, the oldest first: account 4 │ ClOrdID 36, zero-padded │ … to the end

A rename publishes the file: it is whole, or not there.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import NamedTuple

from lockstep.core.files import atomic_file
from lockstep.procs.gateway.store_reader import StoreCorrupt

MAGIC = b"LSFIXAT1"
HEAD = struct.Struct("<8sQII")
WATERMARKS_SIZE = 72
ROW_SIZE = 40

assert HEAD.size == 24


class Started(NamedTuple):
    """What a start file says, as bytes that the store packs and unpacks."""

    watermarks: bytes
    rows: bytes
    refused: bytes


def path_of(folder: Path, base: int) -> Path:
    """The start file of the segment whose first byte has this position."""
    return folder / f"{base:020}.start"


def write(folder: Path, base: int, started: Started) -> None:
    """Have the disk keep it. OSError."""
    atomic_file.replace_durably(path_of(folder, base), _framed(base, started))


def read(folder: Path, base: int) -> Started | None:
    """What a segment's start file says; None if there is none. StoreCorrupt if it is damaged."""
    path = path_of(folder, base)
    if not path.exists():
        return None
    data = path.read_bytes()
    at = HEAD.size + WATERMARKS_SIZE
    rows = HEAD.unpack_from(data)[2] * ROW_SIZE if len(data) >= at else 0
    started = Started(data[HEAD.size : at], data[at : at + rows], data[at + rows :])
    if len(data) < at or _framed(base, started) != data:
        raise StoreCorrupt(f"{path} is damaged: put it back, since what was before its segment is known by it alone")
    return started


def remove_all(folder: Path) -> None:
    """Remove every start file: their segments are gone, and a new one must not seem to follow them. OSError."""
    for path in folder.glob("*.start"):
        path.unlink()
    atomic_file.sync(folder)


def _framed(base: int, started: Started) -> bytes:
    body = b"".join(started)
    count = len(started.rows) // ROW_SIZE
    head = HEAD.pack(MAGIC, base, count, 0)[:-4]
    return head + zlib.crc32(body, zlib.crc32(head)).to_bytes(4, "little") + body
