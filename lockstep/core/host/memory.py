"""Keeps a process in memory: what it has touched is never swapped out, nor read again from a file.

Nothing is touched for it: tables that are reserved and unused take no more than before.
"""

from __future__ import annotations

import ctypes
import os
import resource
from pathlib import Path

from lockstep.core.diagnostics.refusal import FinalError

MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4
CAP_IPC_LOCK = 14

_libc = ctypes.CDLL(None, use_errno=True)


def lock() -> None:
    """Lock what is mapped now and later, page by page as it is used. FinalError where this user may not.

    Within a limit a mapping would fail later, in the middle of trade: that is refused now.
    """
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    reason = f"this user may lock {limit} bytes"
    if limit == resource.RLIM_INFINITY or _is_privileged():
        if _libc.mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0:
            return
        reason = os.strerror(ctypes.get_errno())
    raise FinalError(
        f"processes.lock_memory is true, and {reason}: let it lock any amount (LimitMEMLOCK=infinity in the unit, "
        "ulimit -l unlimited in a shell), or set it to false"
    )


def _is_privileged() -> bool:
    rows = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return bool(int(rows["CapEff"], 16) >> CAP_IPC_LOCK & 1)
