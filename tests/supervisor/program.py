"""A supervisor of stand-in hosts, as a process of its own.

python -m tests.supervisor.program CONFIG BEHAVIOUR
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import config
from procs.supervisor.backoff import Backoff
from procs.supervisor.run import Run
from procs.supervisor.supervisor import Supervisor
from procs.supervisor.topology import Host
from shm.segment import RoleTakenError


class Lines:
    """Tells its story in lines."""

    def line(self, text: str) -> None:
        print(text, flush=True)

    def ready(self, run: Run, took_s: float) -> None:
        pids = " ".join(f"{name}={pid}" for name, pid in run.pids.items())
        print(f"venue ready after {took_s:.1f} s {pids}", flush=True)


def main() -> None:
    path, behaviour = sys.argv[1:]

    def command(manifest: Path, host: Host) -> tuple[str, ...]:
        return (sys.executable, "-m", "tests.supervisor.stand_in", behaviour, str(manifest), host.name)

    def stop_database() -> None:
        print("database stopped", flush=True)

    try:
        sys.exit(asyncio.run(Supervisor(config.load(path), Lines(), stop_database, command, Backoff(0.2)).run()))
    except RoleTakenError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
