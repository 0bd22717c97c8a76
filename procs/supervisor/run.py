"""One run of the venue: its shared memory, its manifest and its host processes, from creation to the last one reaped.

It is started once and ended once, in order or at once; whether another run follows is the supervisor's decision.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from config.schema import Config
from procs import venue as ground
from procs.supervisor import health
from procs.supervisor.child import Child
from procs.supervisor.children import Children, replace_file
from procs.supervisor.log import Log
from procs.supervisor.topology import Host, Topology, role_of
from procs.venue import Manifest, Venue
from shm import segment
from shm.bell import Bells
from shm.board import Word

FIRST_HEARTBEAT_S = 60.0  # an interpreter starts, and imports, well within it even on a crowded machine
LOGOUT_S = 10.0  # for gateways to log their sessions out
DRAIN_S = 10.0  # for the core to finish what the gateways had taken
FLUSH_S = 10.0  # for the batcher to bring its last rows to PostgreSQL: what it can't stays in its spool
HOST_STOP_S = 10.0
POLL_S = 0.02

HostCommand = Callable[[Path, Host], Sequence[str]]


class Run:
    """The hosts of one boot. `report` gets a line for whatever a person should know; `died` is called at each death."""

    venue: Venue

    def __init__(
        self,
        config: Config,
        topology: Topology,
        listed: Children,
        command: HostCommand,
        report: Callable[[str], None],
        died: Callable[[], None],
    ) -> None:
        self.boot_id = uuid.uuid4().hex
        self.topology = topology
        self.children: dict[str, Child] = {}
        self._config = config
        self._data = Path(config.venue.data)
        self._listed = listed
        self._command = command
        self._report = report
        self._died = died
        self._started_s = time.monotonic()
        self._manifest: Manifest | None = None

    def start(self) -> None:
        """Create shared memory and start every host. SegmentError where memory is short."""
        folder = self._data / "run"
        # Written first: whoever cleans up after us finds the names of our memory and queues by it.
        replace_file(folder / "boot_id", self.boot_id.encode())
        self._manifest = ground.create(self.topology, self._config, self._data, self.boot_id)
        replace_file(folder / "manifest.json", msgspec.json.encode(self._manifest))
        self.venue = Venue.attach(self._manifest)
        for host in self.topology.hosts:
            log = Log(self._data / "log" / f"{host.name}.log")
            command = self._command(folder / "manifest.json", host)
            child = Child(host.name, command, log, self._report, self._died)
            self.children[host.name] = child
            self._listed.add(child.pid, command)

    @property
    def is_ready(self) -> bool:
        """Whether orders are taken and every stage runs."""
        return all(health.is_ready(self.venue, host, self.children[host.name].pid) for host in self.topology.hosts)

    @property
    def pids(self) -> dict[str, int]:
        return {name: child.pid for name, child in self.children.items()}

    def failure(self) -> Failure | None:
        """Why the run can't go on: a host has ended, or its heartbeat has stopped. None while all is well."""
        for child in self.children.values():
            if not child.alive:
                return Failure(child, _obituary(child))
        for host in self.topology.hosts:
            silent_s = self._silence_s(host)
            if silent_s is not None:
                reason = f"{host.name} has shown no heartbeat for {silent_s:.1f} s"
                return Failure(self.children[host.name], reason)
        return None

    async def kill(self) -> None:
        """End every host at once and reap it, then remove the shared memory."""
        await asyncio.gather(*(child.kill() for child in self.children.values()))
        if self._manifest is not None:
            ground.destroy(self._manifest)
        forget(self._data, self._listed)

    async def stop(self, *, ready: bool) -> None:
        """End in order, so that nothing is left to do at the next start: what was taken is matched, synced and told.

        Gateways first (they log their sessions out), then the core once it has finished, then publisher and batcher.
        Whoever overstays its time is killed: the next start replays, and nothing is lost.
        """
        gateways = self._hosts_of("gateway")
        await self._end(gateways, LOGOUT_S)
        if ready:
            gone = {agent for host in gateways for agent in host.agents}
            await self._wait(
                lambda: health.is_drained(self.venue, gone), DRAIN_S, "matchers and journal are still busy"
            )
        # The journaler was started first and goes last.
        for host in reversed(self.topology.hosts):
            if host.kind == "carried":
                await self._end((host,), HOST_STOP_S)
        await self._end(self._hosts_of("publisher"), HOST_STOP_S)
        if ready:
            await self._wait(
                lambda: not self.venue.board.get(Word.SPOOLED), FLUSH_S, "PostgreSQL lags behind the spool"
            )
        await self._end(self._hosts_of("batcher"), HOST_STOP_S)
        await self.kill()

    def _hosts_of(self, role: str) -> list[Host]:
        return [host for host in self.topology.hosts if any(role_of(agent) == role for agent in host.agents)]

    async def _end(self, hosts: Sequence[Host], timeout_s: float) -> None:
        """SIGTERM those of `hosts` that live; SIGKILL where that does not end them in time."""
        children = [child for host in hosts if (child := self.children[host.name]).alive]
        for child in children:
            child.terminate()
        for child in children:
            if not await child.wait(timeout_s):
                self._report(f"{child.name} did not stop within {timeout_s:g} s and is killed")
                await child.kill()
            elif child.exit_code:
                self._report(f"{_obituary(child)} (while the venue stopped)")

    async def _wait(self, done: Callable[[], bool], timeout_s: float, lack: str) -> None:
        """Wait until `done` has been seen twice in a row: a last record may just have been on its way."""
        deadline_s = time.monotonic() + timeout_s
        seen = 0
        while seen < 2:
            if time.monotonic() > deadline_s:
                self._report(f"after {timeout_s:g} s {lack}: the next start goes on from there")
                return
            await asyncio.sleep(POLL_S)
            seen = seen + 1 if done() else 0

    def _silence_s(self, host: Host) -> float | None:
        """For how long a host has been silent, where that is too long."""
        beat_ns = health.heartbeat_ns(self.venue, host, self.children[host.name].pid)
        now_s = time.monotonic()
        if beat_ns is None:
            silent_s, allowed_s = now_s - self._started_s, FIRST_HEARTBEAT_S
        else:
            silent_s, allowed_s = now_s - beat_ns / 1e9, self._config.processes.heartbeat_timeout_s
        return silent_s if silent_s > allowed_s else None


class Failure(NamedTuple):
    """Why a run ended, and the host to blame."""

    child: Child
    reason: str


def _obituary(child: Child) -> str:
    """How a host ended, and what it said last where it has not been told already."""
    words = "" if child.complained else child.last_words()
    return f"{child.name} {child.fate}" + (f": {words}" if words else "")


def remove_leftovers(data: Path, listed: Children) -> list[str]:
    """Remove what a dead supervisor of the venue in `data` left: processes, memory, queues. Returns what there was.

    The caller holds the venue's lock.
    """
    found = [f"process {entry.pid} ({entry.command})" for entry in listed.end_leftovers()]
    boot_file = data / "run" / "boot_id"
    if boot_file.exists():
        Bells.remove(ground.prefix_of(data) + boot_file.read_text()[:8])
    segments = segment.remove_leftovers(ground.prefix_of(data))
    if segments:
        found.append(f"{len(segments)} segments of shared memory")
    forget(data, listed)
    return found


def forget(data: Path, listed: Children) -> None:
    """Remove what the data folder says of a run that is over."""
    for name in ("manifest.json", "boot_id"):
        (data / "run" / name).unlink(missing_ok=True)
    listed.clear()
