"""Keeps a venue running: takes its folder, starts it, watches it, starts again what died, and stops it in order.

A stage at the edge starts again alone, router and matchers together, and everything where that doesn't help (LOG-15
and LOG-16). It never looks at orders, and nothing on the order path waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from lockstep.config.errors import ConfigError, Problem
from lockstep.config.schema import Config
from lockstep.core.cluster.roles import Roles
from lockstep.core.files import space
from lockstep.core.host import health
from lockstep.core.host.health import RUNNING, STARTING, STOPPING
from lockstep.core.rules.credentials import without_password, without_passwords
from lockstep.core.venue import clock, topology
from lockstep.core.venue.topology import Host, Topology
from lockstep.procs.supervisor import poison
from lockstep.procs.supervisor.alerts import Alerts
from lockstep.procs.supervisor.backoff import Backoff
from lockstep.procs.supervisor.children import Children
from lockstep.procs.supervisor.commits import CommitWatch
from lockstep.procs.supervisor.conditions import Conditions
from lockstep.procs.supervisor.confirmation import Confirmation, Confirming, asking
from lockstep.procs.supervisor.console import Console, LoggedConsole
from lockstep.procs.supervisor.disk import DiskWatch
from lockstep.procs.supervisor.monitoring import Monitoring
from lockstep.procs.supervisor.notify import Notifier
from lockstep.procs.supervisor.poison import CarefulCommand
from lockstep.procs.supervisor.pulse import Pulse
from lockstep.procs.supervisor.recovery import Recovery
from lockstep.procs.supervisor.run import Failure, HostCommand, Run, remove_leftovers
from lockstep.procs.supervisor.watch import TICK_S, Watch
from lockstep.shm.segment import RoleLock, SegmentError

FULL_DELAY_S = 5.0  # between two starts on a full disk

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_MUST_NOT = 2  # another start would end the same way: don't retry before it is fixed


class Outcome(NamedTuple):
    """How watching a run ended: how many seconds it was ready (None: never), and what failed.

    Nothing failed where it was asked to stop, or is `fenced`: another node is to lead.
    """

    ready_s: float | None
    failure: Failure | None
    fenced: bool = False


class Supervisor:
    """The venue of one configuration. `stop_database` ends the embedded PostgreSQL, if there is one.

    ConfigError if this machine can't meet the configuration's wishes about processes.
    """

    def __init__(
        self,
        config: Config,
        console: Console,
        stop_database: Callable[[], None],
        host_command: HostCommand | None = None,
        backoff: Backoff | None = None,
        *,
        careful_command: CarefulCommand = poison.command_of,
        accepts_clock: bool = False,
    ) -> None:
        self._config = without_passwords(config)  # from here on it is written to files
        database_password = without_password(config.database.url)[1]
        if database_password:
            os.environ["PGPASSWORD"] = database_password  # the hosts have it from here, and libpq from there
        self._data = Path(config.venue.data)
        self._topology = topology.derive(config)
        _check_cpus(self._topology)
        self._console = LoggedConsole(console, self._data)
        self._stop_database = stop_database
        self._command = host_command or command_of
        self._backoff = backoff or Backoff()
        self._listed = Children(self._data / "run" / "children.json")
        self._disk = DiskWatch(self._data, self._console.warning)
        self._notifier = Notifier()
        self._pulse = Pulse(self._notifier, config.processes.heartbeat_timeout_s)
        self._alerts = Alerts(config.alerts, config.venue.name, self._data / "alerts.json", self._console.warning)
        self._conditions = Conditions(config.alerts, self._data, self._alerts)
        self._commits = CommitWatch(self._data, self._console.warning, self._alerts)
        self._monitoring = Monitoring(config.metrics, self._data, self._console.warning)
        self._accepts_clock = accepts_clock
        self._clock = clock.RunClock()
        self._asked = 0
        self._careful_command = careful_command
        self._poison_sought = False
        self._is_snapshot_wanted = False
        self._roles = Roles(config, self._console.line, self._alerts.tell, lambda: self._asked > 0, self._pulse.allow)
        self._wake = asyncio.Event()

    async def run(self) -> int:
        """Keep the venue running until SIGINT, SIGTERM or SIGHUP asks it to stop (exit code 0), or it can't run (1).

        2 if it must not start again before what it has reported is fixed.

        RoleTakenError where another supervisor holds the data folder, ConfigError if its disk has no room.
        """
        self._roles.load()
        lock = RoleLock(self._data / "venue.lock")
        if lock.holder(lock.path) is None and (lacking := space.problems(self._config, self._topology.gateways)):
            raise ConfigError(lacking)
        (self._data / "run").mkdir(parents=True, exist_ok=True, mode=0o700)
        # Whoever asks finds us by the lock: from then on the signal must not end us.
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._ask_snapshot)
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, self._ask_role)
        lock.acquire()
        self._console.open()
        try:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                # nohup has SIGHUP ignored: the venue is to outlive its terminal then.
                if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                    asyncio.get_running_loop().add_signal_handler(number, self._ask)
            for found in remove_leftovers(self._data, self._listed):
                self._console.line(f"removed what the last run left: {found}")
            telling, beating = asyncio.create_task(self._alerts.run()), asyncio.create_task(self._pulse.run())
            monitoring = asyncio.create_task(self._monitoring.run())
            try:
                code = await self._keep_running()
            finally:
                beating.cancel()
                await self._monitoring.close(monitoring)
                await self._alerts.close(telling)
            await asyncio.to_thread(self._stop_database)
            return code
        finally:
            self._console.close()
            lock.release()

    def _ask(self) -> None:
        self._asked += 1
        self._wake.set()

    def _ask_role(self) -> None:
        self._roles.look()
        self._wake.set()

    def _ask_snapshot(self) -> None:
        self._is_snapshot_wanted = True
        self._wake.set()

    def _anchor_ns(self) -> int:
        """Return the anchor of the next run's clock. Warn where the machine's clock was set since the first one."""
        anchor_ns, set_ns = self._clock.anchor_ns()
        if set_ns:
            way = "forward" if set_ns > 0 else "back"
            self._console.warning(
                f"the machine's clock was set {way} by {clock.span(set_ns)} while the venue ran: it keeps its own time "
                "until it is stopped and started"
            )
        return anchor_ns

    async def _keep_running(self) -> int:
        if said := clock.begin(self._data, time.time_ns(), accept=self._accepts_clock):
            self._console.warning(f"the venue can't start: {said}")
            self._alerts.tell("venue_failed", f"the venue can't start: {said}")
            return EXIT_MUST_NOT
        if said := clock.long_rest(clock.journal_end_ns(self._data), time.time_ns()):
            self._console.warning(said)
        while not self._asked:
            self._pulse.allow()
            node = self._roles.load()
            if not await self._roles.may_run(node):
                return EXIT_OK if self._asked else EXIT_MUST_NOT
            wanted = topology.derive(self._config, follows=node.is_secondary)
            run = Run(self._config, wanted, self._listed, self._command, self._console.warning, self._wake.set, node)
            run.anchor_ns = self._anchor_ns()
            outcome, confirming = Outcome(None, None), None
            try:
                await run.start()
                confirming = self._confirm(run)
                outcome = await self._watch(run)
                if outcome.fenced:
                    if self._roles.is_over(run):
                        return EXIT_MUST_NOT
                    continue
                if outcome.failure is None:
                    await self._stop_in_order(run, ready=outcome.ready_s is not None)
                    return EXIT_OK
            except SegmentError as error:
                self._console.warning(str(error))
                return EXIT_FAILED
            except OSError as error:
                if not space.is_full(error):
                    raise
            finally:
                await run.kill()
                if confirming is not None:
                    confirming.close()
            if outcome.failure is not None and outcome.ready_s is None and outcome.failure.refusal:
                self._console.warning(f"the venue can't start: {outcome.failure.refusal}")
                self._alerts.tell("venue_failed", f"the venue can't start: {outcome.failure.refusal}")
                return EXIT_MUST_NOT
            if outcome.failure is None or self._disk.is_full:
                await self._await_space(outcome.failure)
                continue
            delay_s = self._backoff.failed(outcome.ready_s)
            if delay_s is None:
                self._give_up(outcome.failure)
                return EXIT_FAILED
            self._console.warning(f"{outcome.failure.reason}; the venue starts again in {delay_s:g} s")
            self._notifier.status(f"starting again: {outcome.failure.reason}")
            self._alerts.tell("process_restarted", f"{outcome.failure.reason}; the venue starts again")
            if outcome.ready_s is not None:
                self._poison_sought = False
            elif outcome.failure.host in self._topology.core and not self._poison_sought:
                await self._name_poison()
            await self._pause(delay_s)
        return EXIT_OK

    async def _await_space(self, failure: Failure | None) -> None:
        """On a full disk an end is no failure: the venue is started again and again until there is space."""
        reason = failure.reason if failure else "no file of the run could be written"
        self._console.warning(
            f"{reason}; the disk of {self._data} is full: the venue starts again in {FULL_DELAY_S:g} s"
        )
        self._notifier.status("waiting for space on the disk")
        await self._pause(FULL_DELAY_S)

    async def _name_poison(self) -> None:
        """The core died before it led: where one command is what it dies of, say which, and what takes it out."""
        self._poison_sought = True
        seeking = asyncio.ensure_future(poison.find(self._config, self._topology, self._data, self._careful_command))
        while not seeking.done() and not self._asked:
            await asyncio.wait({seeking}, timeout=TICK_S)
            self._pulse.allow()
        if not seeking.done():
            seeking.cancel()
            await asyncio.wait({seeking})
            return
        seq = seeking.result()
        if seq is not None:
            self._console.warning(
                f"the core dies of record {seq} of the log each time. Stop the venue and look at it: "
                f"lockstep void {seq} takes it out, and says what that comes to before it does"
            )

    async def _watch(self, run: Run) -> Outcome:
        """Watch the run until it can't go on, or is asked to stop."""
        recovery = Recovery(self._topology, self._backoff.longest_delay_s)
        watch = Watch(run, self._config, self._console, self._notifier, self._pulse, recovery, self._disk, self._alerts)
        try:
            while not self._asked:
                if self._is_snapshot_wanted and watch.ask_snapshot():
                    self._is_snapshot_wanted = False
                failure = await watch.turn()
                if failure is not None:
                    return Outcome(watch.ready_s, failure)
                if await self._roles.change(run):
                    return Outcome(watch.ready_s, None, fenced=True)
                self._commits.look(run.venue.board, time.monotonic_ns())
                self._conditions.tick(run.venue.board, time.monotonic())
                health.show_supervisor(run.venue.board, RUNNING if watch.is_ready else STARTING)
                if watch.is_ready:
                    self._monitoring.begin()
                await self._pause(watch.pause_s)
            return Outcome(watch.ready_s, None)
        finally:
            self._conditions.end(run.venue.board)
            self._commits.end()
            await watch.close()

    def _confirm(self, run: Run) -> Confirming | None:
        """Have one of two nodes, without a witness, release only while it is sure to lead."""
        if self._config.replication.node is None or "witness" in run.topology.agents:
            return None
        confirmation = Confirmation(run.venue.board, asking(self._config, self._data))
        return Confirming(confirmation, lambda: not run.follows)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond a death or a signal."""
        self._wake.clear()
        if self._asked:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)

    async def _stop_in_order(self, run: Run, *, ready: bool) -> None:
        """Stop the run; a second signal ends the patience."""
        self._notifier.stopping()
        self._pulse.allow()
        self._console.line("stopping in order; Ctrl-C again stops at once")
        stopping = asyncio.ensure_future(run.stop(ready=ready))
        while not stopping.done() and self._asked < 2:
            health.show_supervisor(run.venue.board, STOPPING)
            await asyncio.wait({stopping}, timeout=TICK_S)
        if stopping.done():
            stopping.result()
            self._console.line("stopped")
        else:
            stopping.cancel()
            await asyncio.wait({stopping})
            self._console.line("stopped at once")

    def _give_up(self, failure: Failure) -> None:
        self._alerts.tell("venue_failed", f"{failure.reason}; the venue failed to start too often and gives up")
        lines = [f"{failure.reason}; the venue failed to start too often and gives up", *failure.child.log.tail]
        for line in lines:
            self._console.warning(line)


def command_of(manifest: Path, host: Host) -> Sequence[str]:
    """How a host of the venue is started."""
    return (
        sys.executable,
        "-m",
        "lockstep.core.host",
        "--manifest",
        str(manifest),
        "--name",
        host.name,
        "--supervisor",
        str(os.getpid()),
    )


def _check_cpus(wanted: Topology) -> None:
    usable = os.sched_getaffinity(0)
    problems = [
        Problem(f"processes.cpus.{host.name}", f"core {host.cpu} can't be used here; allowed are {sorted(usable)}")
        for host in wanted.hosts
        if host.cpu is not None and host.cpu not in usable
    ]
    if problems:
        raise ConfigError(problems)
