"""Watches one run: starts again what dies of it, says when it is ready, and has snapshots taken while it is.

It ends nothing but hosts that it starts again: when a death needs more than that, its caller ends the run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lockstep.config.schema import Config
from lockstep.core.files import space
from lockstep.core.host import health
from lockstep.core.venue.topology import Host
from lockstep.procs.supervisor.alerts import Alerts
from lockstep.procs.supervisor.console import LoggedConsole
from lockstep.procs.supervisor.database import DatabaseWatch
from lockstep.procs.supervisor.disk import RETRY_S, DiskWatch
from lockstep.procs.supervisor.gate import LOOK_S, Gate
from lockstep.procs.supervisor.lease import LeaseWatch
from lockstep.procs.supervisor.notify import Notifier
from lockstep.procs.supervisor.pulse import Pulse
from lockstep.procs.supervisor.recovery import Recovery, Way
from lockstep.procs.supervisor.run import Failure, Run
from lockstep.procs.supervisor.snapshots import Coordinator
from lockstep.shm.board import Word
from lockstep.shm.segment import SegmentError

TICK_S = 0.1
STARTING_TICK_S = 0.01  # while something starts: clients that wait for it should not wait for us
PROGRESS_S = 5.0  # how often a start that takes long says how far it is


class Death(NamedTuple):
    """Hosts that are down, and when (monotonic) they start again."""

    hosts: Sequence[Host]
    due_s: float
    failure: Failure


class Watch:
    """The life of one run, in turns."""

    def __init__(
        self,
        run: Run,
        config: Config,
        console: LoggedConsole,
        notifier: Notifier,
        pulse: Pulse,
        recovery: Recovery,
        disk: DiskWatch,
        alerts: Alerts,
    ) -> None:
        self._run = run
        self._disk = disk
        self._database = DatabaseWatch(Path(config.venue.data), console.warning)
        self._lease = LeaseWatch(Path(config.venue.data), console.warning, alerts)
        self._config = config
        self._console = console
        self._notifier = notifier
        self._pulse = pulse
        self._recovery = recovery
        self._alerts = alerts
        self._coordinator: Coordinator | None = None
        self._deaths: list[Death] = []
        self._gate = Gate(run.topology)
        self._keeper: asyncio.Task[None] | None = None
        self._began_s = self._told_s = time.monotonic()
        self._first_ready_s: float | None = None
        self._is_ready = False
        self._follows = run.follows

    @property
    def ready_s(self) -> float | None:
        """For how long the run has been ready, counted from the first time; None if it never was."""
        return None if self._first_ready_s is None else time.monotonic() - self._first_ready_s

    @property
    def is_ready(self) -> bool:
        """Whether orders are taken and every stage runs, as of the last turn."""
        return self._is_ready

    @property
    def pause_s(self) -> float:
        """How long to wait until the next turn, unless a death or a signal comes first."""
        return TICK_S if self._is_ready else STARTING_TICK_S

    def ask_snapshot(self) -> bool:
        """Take a snapshot as soon as the run is ready; False if it never was, so that none could be taken."""
        if self._coordinator is None:
            return False
        self._coordinator.ask()
        return True

    async def turn(self) -> Failure | None:
        """Look once, and do what is due; returns a failure after which the run can't go on."""
        if self._keeper is not None and self._keeper.done():
            self._keeper.result()
        failure = await self._take_down() or await self._start_again()
        if failure is not None:
            return failure
        self._tell()
        self._disk.tick(self._run.venue.board)
        self._database.tick()
        self._lease.tick()
        self._run.tidy()
        self._pulse.look(self._run.venue, leads=self._run.leads, is_full=self._disk.is_full)
        if self._is_ready and self._coordinator is not None:
            self._coordinator.tick(time.monotonic())
        return None

    async def close(self) -> None:
        """Wait for what can't be left half-way."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        if self._coordinator is not None:
            await self._coordinator.close()

    async def _keep_gate(self) -> None:
        """Keep the core from waiting for downstream hosts; beside the turns, since these may take long.

        While the core replays it may wait: nothing trades, and hosts that have just started take all of the replay.
        """
        while True:
            await asyncio.sleep(LOOK_S)
            if self._run.venue.board.get(Word.EPOCH):
                for stall in self._gate.look(self._run.venue, time.monotonic()):
                    await self._run.take_out(stall.host, stall.ring)

    async def _take_down(self) -> Failure | None:
        """End what failed, with all that must start again with it."""
        for failure in self._run.failures():
            now_s = time.monotonic()
            way, delay_s = self._recovery.after(failure.host, now_s, led=self._run.leads, full=self._disk.is_full)
            if self._first_ready_s is None or way is Way.WHOLE:
                return failure
            if self._is_ready:
                self._is_ready = False
                self._began_s = self._told_s = now_s
            self._pulse.allow()
            hosts = self._run.topology.core if way is Way.CORE else (failure.host,)
            self._console.warning(f"{failure.reason}; {way.value} starts again in {delay_s:g} s")
            self._notifier.status(f"starting again: {failure.reason}")
            self._alerts.tell("process_restarted", f"{failure.reason}; {way.value} starts again")
            await self._run.take_down(hosts)
            if failure.host.is_downstream and self._coordinator is not None:
                self._coordinator.lost(failure.host.agents, now_s)
            self._deaths.append(Death(hosts, now_s + delay_s, failure))
            if way is Way.CORE:
                return None  # others of the core may be among the failures: they are down now
        return None

    async def _start_again(self) -> Failure | None:
        for death in [death for death in self._deaths if death.due_s <= time.monotonic()]:
            self._deaths.remove(death)
            if death.hosts != self._run.topology.core:
                for host in death.hosts:
                    self._run.restart_host(host)
                continue
            self._pulse.allow()
            if self._coordinator is not None:
                # Else the snapshot that is chosen could be removed as too old, and the journal behind it (LOG-17).
                await self._coordinator.close()
                self._coordinator.reset()
            try:
                await self._run.restart_core()
            except SegmentError as error:
                self._console.warning(str(error))
                return death.failure
            except OSError as error:
                if not space.is_full(error):
                    raise
                self._deaths.append(death._replace(due_s=time.monotonic() + RETRY_S))
        return None

    def _tell_of_snapshot(self, trouble: str) -> None:
        self._console.warning(trouble)
        self._alerts.tell("snapshot_failed", trouble)

    def _tell(self) -> None:
        now_s = time.monotonic()
        is_promoted = self._follows and not self._run.follows
        if is_promoted and self._is_ready:
            self._is_ready = False
            self._began_s = self._told_s = now_s
        if self._is_ready:
            return
        if not self._run.is_ready:
            if now_s - self._told_s >= PROGRESS_S:
                self._told_s = now_s
                self._console.line(health.progress(self._run.venue))
            return
        self._is_ready = True
        took_s = now_s - self._began_s
        if self._first_ready_s is None:
            self._first_ready_s = now_s
            venue, topology = self._run.venue, self._run.topology
            self._coordinator = Coordinator(
                venue.board, venue.data, self._config, topology, self._tell_of_snapshot, now_s
            )
            self._keeper = asyncio.create_task(self._keep_gate())
            self._console.ready(self._run, took_s)
        elif is_promoted:
            self._console.ready(self._run, took_s)
        else:
            self._console.line(f"venue ready again after {took_s:.1f} s")
        self._follows = self._run.follows
        self._notifier.ready("ready")
