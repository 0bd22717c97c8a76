"""A message store restored from a backup: its sessions may have been sent more since than it knows of.

It looks into no message: the store lacks what a loss of power would have taken (decision 0016).
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from lockstep.procs.gateway import segments, seq_num_file
from lockstep.procs.gateway.store_reader import PATTERN

ROW = struct.Struct("<5I")  # as `gateway.seq_num_file` draws it
OTHER_BOOT = b"restored"  # of no host: the gateway goes on behind all that is reserved
HIGHEST = 2**31 - 1 - 4 * seq_num_file.BLOCK  # FIX libraries hold a MsgSeqNum in 31 bits


def begin_anew(folder: Path) -> None:
    """Have the gateway go on in a new segment: entries are named by their place in one. OSError."""
    newest = max(folder.glob(PATTERN), default=None)
    if newest is not None:
        fd = os.open(newest, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.pwrite(fd, OTHER_BOOT.ljust(segments.BOOT.stop - segments.BOOT.start, b"\0"), segments.BOOT.start)
            os.fsync(fd)
        finally:
            os.close(fd)


def leap(folder: Path, count: int) -> int:
    """Have each session go on `count` numbers after those it had reserved; returns how many sessions there are.

    StoreCorrupt if the file is damaged, OSError.
    """
    _, rows = seq_num_file.read(folder)
    leapt = []
    for session, generation, floor, reserved, version in ROW.iter_unpack(rows):
        last = min(max(floor, reserved) + count, HIGHEST)
        leapt.append(ROW.pack(session, generation, floor, max(last, floor, reserved), version))
    if leapt:
        seq_num_file.write(folder, OTHER_BOOT, b"".join(leapt))
    return len(leapt)
