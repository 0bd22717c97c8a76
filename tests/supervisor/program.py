"""A supervisor of stand-in hosts, as a process of its own.

python -m tests.supervisor.program CONFIG BEHAVIOUR [STEP]

With STEP it kills itself right after that step of a core's restart.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
from pathlib import Path
from typing import Any

from lockstep import config
from lockstep.core.host.health import LISTENING_ROLES
from lockstep.core.venue import first_journal
from lockstep.core.venue import venue as ground
from lockstep.core.venue.topology import Host, role_of
from lockstep.core.venue.venue import Manifest, Venue
from lockstep.procs.supervisor.backoff import Backoff
from lockstep.procs.supervisor.run import Run
from lockstep.procs.supervisor.supervisor import Supervisor
from lockstep.shm.segment import SHM, RoleTakenError

STAND_IN = str(Path(__file__).with_name("stand_in.py"))


class Lines:
    """Tells its story in lines."""

    def line(self, text: str) -> None:
        print(text, flush=True)

    def ready(self, run: Run, took_s: float) -> None:
        pids = " ".join(f"{name}={pid}" for name, pid in run.pids.items())
        print(f"venue ready after {took_s:.1f} s {pids}", flush=True)


# Of a core's restart: where the function is, and which call of it in the life of a supervisor belongs to the first one.
STEPS: dict[str, tuple[Any, int]] = {
    "take_down": (Run, 1),
    "restart_core": (Run, 1),
    "create_generation": (ground, 1),
    "set_back": (ground, 2),
    "_write_manifest": (Run, 2),
    "renew": (Venue, 1),
    "_start_host": (Run, 6),
    "remove_generation": (ground, 1),
}


def die_after(step: str) -> None:
    """Have this process killed right after a step, as if the kill had come from elsewhere."""
    place, wanted = STEPS[step]
    original, calls = getattr(place, step), itertools.count(1)

    def go_on() -> None:
        if next(calls) == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    def plain(*arguments: Any) -> Any:
        result = original(*arguments)
        go_on()
        return result

    async def awaited(*arguments: Any) -> Any:
        result = await original(*arguments)
        go_on()
        return result

    setattr(place, step, awaited if asyncio.iscoroutinefunction(original) else plain)


def main() -> None:
    path, behaviour, *steps = sys.argv[1:]
    for step in steps:
        die_after(step)

    def command(manifest: Path, host: Host) -> tuple[str, ...]:
        run = Manifest.load(manifest)
        listeners = sum(role_of(agent) in LISTENING_ROLES for agent in host.agents)
        slots = ",".join(str(run.topology.slot_of(agent)) for agent in host.agents)
        board = f"{SHM}{run.prefix}-board"
        told = (behaviour, board, str(os.getpid()), str(listeners), slots, host.name)
        return (sys.executable, "-I", "-S", STAND_IN, *told)

    def stop_database() -> None:
        print("database stopped", flush=True)

    loaded = config.load(path)
    first_journal.ensure(loaded)
    try:
        sys.exit(asyncio.run(Supervisor(loaded, Lines(), stop_database, command, Backoff(0.2)).run()))
    except RoleTakenError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
