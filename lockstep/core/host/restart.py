"""A process of a running venue that ends in order and starts again, with the code as it is now.

It only asks the process to end: the supervisor starts it again, as after any death.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from msgspec import Struct

from lockstep.core.host.health import is_ready
from lockstep.core.host.procfs import identify
from lockstep.core.venue.topology import Host
from lockstep.core.venue.venue import Venue, attach

LOOK_S = 0.02


class Restarted(Struct, frozen=True):
    """A process that started again, and how long it took until it worked."""

    host: str
    old_pid: int
    new_pid: int
    took_s: float


class RestartError(Exception):
    """A process that has not started again; the message says which, and where to look."""


def carry_out(data: Path, host: Host, timeout_s: float) -> Restarted:
    """Have the process `host` of the venue in `data` end, and wait until it works again. RestartError."""
    venue = attach(data)
    old = _pid(venue, host) if venue else 0
    if old == 0:
        raise RestartError(f"{host.name} does not run now")
    began_s = time.monotonic()
    os.kill(old, signal.SIGTERM)
    while not _works(data, host, old):
        if time.monotonic() - began_s > timeout_s:
            log = f"{data}/log/{host.name}.log"
            raise RestartError(f"{host.name} does not work again after {timeout_s:g} s: its log, {log}, says why")
        time.sleep(LOOK_S)  # its health is on the board, which has no bell
    running = attach(data)
    return Restarted(host.name, old, _pid(running, host) if running else 0, round(time.monotonic() - began_s, 3))


def _works(data: Path, host: Host, old: int) -> bool:
    """Whether a process other than `old` is the host, and works."""
    venue = attach(data)
    if venue is None:
        return False
    new = _pid(venue, host)
    return new not in (0, old) and is_ready(venue, host, new)


def _pid(venue: Venue, host: Host) -> int:
    """The host's process; 0 if there is none."""
    health = venue.board.health(venue.topology.slot_of(host.agents[0]))
    return health["pid"] if health and identify(health["pid"]) else 0
