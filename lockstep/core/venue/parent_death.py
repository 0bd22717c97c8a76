"""Ties a process to the one that started it: if nothing is left to end or restart it, it ends too.

It asks the kernel to see to that, and never looks for itself.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def die_with(parent: int, by: int = signal.SIGKILL) -> bool:
    """Have this process get the signal `by` when its `parent` ends; False if that has ended already."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, by)
    return os.getppid() == parent


def tied(by: int = signal.SIGTERM) -> Callable[[], None]:
    """Return what a child that this process starts does first (`preexec_fn`), so that it gets `by` when this ends."""
    parent = os.getpid()
    return lambda: None if die_with(parent, by) else os._exit(1)
