"""The file that says which MsgSeqNums a gateway's sessions may have given.

It never looks into a row: `gateway.reserved_seq_nums` decides what is reserved, and when.

Layout of `numbers`, in the folder of the message store::

    0       ┌──────────────────────────────────────────────────────────────────────────────────────┐
            │ "LSNUMBR1" 8 │ boot id 36 │ zero 16 │ crc32 of the 60 bytes before it and all rows 4   │
    64      ├──────────────────────────────────────────────────────────────────────────────────────┤
            │ session 4 │ generation 4 │ floor 4 │ reserved 4 │ FIX version 4 │ … a row a session  │
            └──────────────────────────────────────────────────────────────────────────────────────┘

The boot is the last one of the host in which the gateway opened. From a start that goes on behind all that was reserved
until the gateway has opened, it is `NO_BOOT`: starts that fail in between need no more numbers. A rename publishes the
file: it is whole, or it is the one before.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from lockstep.core.files.atomic_file import keep_spare, replace_durably
from lockstep.procs.gateway.store_reader import StoreCorrupt

# Numbers that a session has reserved ahead; where half of them are used, more are asked for. Half has to be more than
# default rings hold of one session's orders: the log's word comes behind those, and what it doesn't cover has to wait.
BLOCK = 131_072
NAME = "numbers"
NO_BOOT = b"none"  # numbers go on behind all that was reserved already, and none of them was sent to anybody
MAGIC = b"LSNUMBR1"
HEADER = struct.Struct("<8s36s16xI")

assert HEADER.size == 64


def read(folder: Path) -> tuple[bytes, bytes]:
    """The boot and the rows; both empty if there is no file. StoreCorrupt if it is damaged."""
    path = folder / NAME
    if not path.exists():
        return b"", b""
    data = path.read_bytes()
    boot = data[8:44].rstrip(b"\0")
    rows = data[HEADER.size :]
    if not data.startswith(MAGIC) or framed(boot, rows) != data:
        raise StoreCorrupt(f"{path} is damaged: put it back; without it, numbers go on behind those that the log has")
    return boot, rows


def write(folder: Path, boot: bytes, rows: bytes) -> None:
    """Have the file say this, safe when it returns. OSError: what the disk has then is not known."""
    replace_durably(folder / NAME, framed(boot, rows))
    keep_spare(folder / NAME)


def framed(boot: bytes, rows: bytes) -> bytes:
    """The whole file."""
    header = HEADER.pack(MAGIC, boot, 0)[:-4]
    return header + zlib.crc32(rows, zlib.crc32(header)).to_bytes(4, "little") + rows
