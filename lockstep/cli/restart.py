"""`lockstep restart`: has one process of a running venue end in order and start again, with the code as it is now.

It only asks the process to end: the supervisor starts it again, as after any death.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec import Struct

from lockstep.cli.errors import UsageError
from lockstep.cli.running import attach
from lockstep.cli.terminal import DEFAULT_CONFIG, EXIT_OK, ConfigPath, Json, console, fail, load, print_json
from lockstep.core.venue.topology import Host
from lockstep.core.venue.venue import Venue
from lockstep.procs.supervisor.health import is_ready
from lockstep.procs.supervisor.procfs import identify
from lockstep.shm.segment import RoleLock

LOOK_S = 0.02


class Restarted(Struct, frozen=True):
    """A process that started again, and how long it took until it worked."""

    host: str
    old_pid: int
    new_pid: int
    took_s: float


class RestartError(Exception):
    """A process that has not started again; the message says which, and where to look."""


def restart(
    host: Annotated[
        str, Parameter(help="The process, as lockstep status names it: gateway, publisher, batcher, core…")
    ],
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    timeout_s: Annotated[float, Parameter(help="How long to wait until it works again, in seconds.")] = 60.0,
    json: Json = False,
) -> int:
    """Stop one process of a running venue cleanly, and wait until it has restarted and works.

    A gateway logs its sessions out; its clients reconnect. The core restarts router and matchers together, while
    clients stay connected. Everything else keeps running.

    Example: lockstep restart publisher

    Exit codes: 0 it works again; 1 it does not, or the venue does not run; 2 there is no such process, or the
    configuration is wrong.
    """
    loaded = load(config, secrets=False)
    data = Path(loaded.venue.data)
    venue = attach(data)
    if venue is None or RoleLock.holder(data / "venue.lock") is None:
        return fail(f"venue {loaded.venue.name} is not running (data: {data})", json=json)
    known = {each.name: each for each in venue.topology.hosts}
    if host not in known:
        raise UsageError(f"there is no process {host}; there are {', '.join(known)}")
    try:
        done = carry_out(data, known[host], timeout_s)
    except RestartError as error:
        return fail(str(error), json=json)
    if json:
        print_json(done)
    else:
        console().print(f"{host} works again after {done.took_s:.1f} s, as process {done.new_pid}")
    return EXIT_OK


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
