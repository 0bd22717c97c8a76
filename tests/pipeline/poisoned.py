"""A venue with a poison in it, for tests: an order whose client id is POISON kills the matcher, each time.

    python -m tests.pipeline.poisoned run CONFIG

Hosts and the careful replay are the real ones but for that; nothing of a venue that is not started here can be reached
from it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lockstep import config
from lockstep.cli.run import Terminal
from lockstep.core.host import __main__ as host
from lockstep.core.recovery import poison_probe
from lockstep.core.recovery.replay import ReplayedCore
from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import NewOrder
from lockstep.core.venue import first_journal, voided_commands
from lockstep.core.venue.topology import Host
from lockstep.core.venue.venue import Manifest, Venue
from lockstep.procs.batcher import database
from lockstep.procs.supervisor import poison, supervisor
from lockstep.procs.supervisor.supervisor import Supervisor
from lockstep.shm.ring import Ring

POISON = b"POISON"
COMMAND_OF = poison.command_of
BEAT_S = 0.01
RUNNING, STOPPING = 2, 3


def dies_of(ring: Ring, seq: int, data: Path) -> bool:
    """Whether the log ring's record `seq` is the poison, and not voided."""
    record = ring.observer().read(seq)
    if record is None:
        return False
    command = unpack_command(record)
    return (
        isinstance(command, NewOrder) and command.cl_ord_id == POISON and seq not in voided_commands.load(data).commands
    )


class PoisonedLoop:
    """The loop of carried stages, in Python, that dies where a matcher's next commands have the poison."""

    venue: Venue

    def __init__(self, agents: Sequence[Any], slots: Sequence[int], *_: Any) -> None:
        self._agents = agents
        self._slots = slots
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True

    def run(self) -> None:
        started_ns, beat_s, work = time.monotonic_ns(), 0.0, 1
        while not self._stopped:
            if not work:
                time.sleep(0.002)  # a stage without work gives the processor to others
            work = 0
            for agent in self._agents:
                if agent.name.startswith("matcher"):
                    self._taste(agent.name)
                work += agent.step(time.time_ns())
            if time.monotonic() - beat_s > BEAT_S:
                beat_s = time.monotonic()
                self._beat(started_ns, RUNNING)
        self._beat(started_ns, STOPPING)

    def _taste(self, name: str) -> None:
        ring = self.venue.ring("log")
        for seq in range(ring.cursors()[name] + 1, ring.published + 1):
            if dies_of(ring, seq, self.venue.data):
                os.kill(os.getpid(), signal.SIGKILL)

    def _beat(self, started_ns: int, state: int) -> None:
        for slot in self._slots:
            health = {"heartbeat_ns": time.monotonic_ns(), "pid": os.getpid(), "state": state, "started_ns": started_ns}
            self.venue.board.show_health(slot, health | dict.fromkeys(("work", "rounds", "blocked"), 0))


class PoisonedCore(ReplayedCore):
    """A replay that dies as the stages do."""

    def step(self) -> int:
        log = self.venue.ring("log")
        before = log.published
        work = super().step()
        for seq in range(before + 1, log.published + 1):
            if dies_of(log, seq, self.venue.data):
                os.kill(os.getpid(), signal.SIGKILL)
        return work


def be_host() -> None:
    attach = Venue.attach

    def attached(manifest: Manifest) -> Venue:
        PoisonedLoop.venue = attach(manifest)
        return PoisonedLoop.venue

    vars(host)["Venue"] = type("PoisonedVenue", (Venue,), {"attach": staticmethod(attached)})
    vars(host)["Loop"] = PoisonedLoop
    host.main()


def be_careful() -> None:
    vars(poison_probe)["ReplayedCore"] = PoisonedCore
    poison_probe.main()


def careful_command(manifest: Path, note: Path) -> Sequence[str]:
    """A careful replay that dies as the stages do."""
    return _as("careful", COMMAND_OF(manifest, note))


def run(path: Path) -> int:
    """As `lockstep run`, perhaps for the first time."""
    loaded = config.load(path)
    first_journal.ensure(loaded)
    postgres = database.server(loaded, Path(loaded.venue.data))

    def host_command(manifest: Path, wanted: Host) -> Sequence[str]:
        return _as("host", supervisor.command_of(manifest, wanted))

    venue = Supervisor(loaded, Terminal(path), postgres.stop, host_command, careful_command=careful_command)
    return asyncio.run(venue.run())


def _as(role: str, command: Sequence[str]) -> Sequence[str]:
    """The same command, by this module."""
    return (command[0], "-m", "tests.pipeline.poisoned", role, *command[3:])


if __name__ == "__main__":
    roles: dict[str, Callable[[], object]] = {"host": be_host, "careful": be_careful}
    what = sys.argv.pop(1)
    if what == "run":
        sys.exit(run(Path(sys.argv[1])))
    roles[what]()
