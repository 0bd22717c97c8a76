"""`lockstep stop`: asks a running venue to stop in order, and waits until it has.

It only asks, as Ctrl-C does: the supervisor, found by the venue's lock, stops the processes.
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
from lockstep.cli.running import attach, node_of, not_running
from lockstep.cli.terminal import DEFAULT_CONFIG, EXIT_OK, ConfigPath, Json, console, fail, load, print_json, say
from lockstep.config.schema import Config
from lockstep.core.cluster import release
from lockstep.core.cluster.steps import Refused, Steps
from lockstep.core.venue import node
from lockstep.core.venue.node import RoleError
from lockstep.procs.replicator.handshake import LINKED, Fence
from lockstep.shm.board import Word
from lockstep.shm.segment import RoleLock

LOOK_S = 0.02


class Stopped(Struct, frozen=True):
    """A venue that has stopped: its name, the supervisor's process, and how long it took."""

    venue: str
    pid: int
    took_s: float


def stop(
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    leave: Annotated[
        bool | None,
        Parameter(
            help="First have the primary continue without this node, its secondary. Default: if commits wait for it."
        ),
    ] = None,
    json: Json = False,
    timeout_s: Annotated[float, Parameter(help="How long to wait for it, in seconds.")] = 120.0,
) -> int:
    """Stop a running venue cleanly: what is accepted is matched, reported and stored before the processes end.

    With `replicated` and `both` the primary waits for its secondary's acknowledgements. So a secondary that is stopped
    leaves first, also when a signal stops it: the primary continues without it. When it starts again it catches up, and
    commits wait for it as before. With --no-leave it stops at once, and the primary acknowledges nothing until it is
    back.

    Exit codes: 0 it has stopped; 1 it does not run, has not stopped in time, or can't leave; 2 the configuration is
    wrong, or it is another user's venue.
    """
    loaded = load(config, secrets=False)
    name, data = loaded.venue.name, Path(loaded.venue.data)
    lock = data / "venue.lock"
    pid = RoleLock.holder(lock)
    if pid is None:
        return fail(not_running(loaded), json=json)
    began_s = time.monotonic()
    try:
        if leave or (leave is None and _is_awaited(loaded, data)):
            if not node.load(data).is_secondary:
                raise Refused("it is no secondary that a primary could wait for: stop it without --leave")
            release.leave(node_of(loaded), Steps((lambda _: None) if json else say))
        elif leave is False and (venue := attach(data)) is not None and node.load(data).is_secondary:
            venue.board.set(Word.HANDOVER, Fence.STAYS)
    except (Refused, RoleError) as error:
        hint = "" if leave else ". To stop it all the same, and have the primary wait for it: --no-leave"
        return fail(f"venue {name} was not stopped: {error}{hint}", json=json)
    try:
        os.kill(pid, signal.SIGTERM)
    except PermissionError:
        raise UsageError(f"venue {name} is another user's: stop it as that user") from None
    while RoleLock.holder(lock) == pid:
        if time.monotonic() - began_s > timeout_s:
            return fail(f"venue {name} (process {pid}) has not stopped after {timeout_s:g} s", json=json)
        time.sleep(LOOK_S)  # it is no child of this process
    done = Stopped(name, pid, round(time.monotonic() - began_s, 3))
    print_json(done) if json else console().print(f"venue {name} has stopped, after {done.took_s:.1f} s")
    return EXIT_OK


def _is_awaited(config: Config, data: Path) -> bool:
    """Return whether the node in `data` is a secondary whose primary may wait for its acknowledgements. RoleError."""
    if config.venue.durability not in ("replicated", "both") or not node.load(data).is_secondary:
        return False
    venue = attach(data)
    return venue is not None and venue.board.get(Word.LINK) in LINKED
