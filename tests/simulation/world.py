"""A whole venue in one process: its stages, stepped in an order from a seed, and everything that can happen to them.

First faults strike, and what must never happen is looked for; then they end, and the venue has to go on.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from argon2 import PasswordHasher
from msgspec import structs

from config.schema import (
    AccountSection,
    AssetSection,
    Config,
    FixSection,
    InstrumentSection,
    JournalSection,
    ProcessesSection,
    RingsSection,
    SnapshotsSection,
    VenueSection,
)
from procs import catalogue
from procs.catalogue import Choice
from procs.gateway import store as store_module
from procs.gateway.gateway import Gateway
from procs.matcher.matcher import Matcher
from procs.router.router import Router
from procs.supervisor import snapshots
from procs.supervisor.recovery import Recovery, Way
from procs.supervisor.topology import Topology, derive, kind_of
from procs.venue import Venue
from shm.board import Word
from shm.disk import Disk
from shm.journal import JournalReader, segment_seqs
from shm.journal_format import file_name
from tests import invariants
from tests.invariants import BrokenError, require
from tests.simulation import stages
from tests.simulation.audit import NAME as AUDIT
from tests.simulation.audit import Audit, seq_of
from tests.simulation.bugs import Bug
from tests.simulation.database import Database
from tests.simulation.disk import GIB
from tests.simulation.ground import Attached, Ground, Parts
from tests.simulation.network import Wire
from tests.simulation.plan import PAGE, Fault, Plan
from tests.simulation.trader import PASSWORD, Trader
from tests.simulation.traffic import SYMBOLS, Operator, Requests

START_NS = 1_780_000_000_000_000_000
TRADERS = ("ALICE", "BOB", "CAROL")
OPERATOR_ACCOUNT = len(TRADERS) + 1
HOUR_NS = 3_600 * 10**9
HEAL_TURNS = 12_000  # within which everything must be well again: I10
HEAL_STEP_NS = 5_000_000  # on average, so that what goes by time (heartbeats, TestRequests) gets its turn
REST_TURNS = 150  # each stage has had several turns by then
SHM = Path("/dev/shm")
# Whether the stages can save, load and change rings, and so start again without the others.
PARTIAL = hasattr(Router, "save") and hasattr(Matcher, "save") and hasattr(Gateway, "attach")
OPERATOR_RING = "ingress.operator"


class Host:
    """One process: some stages that live and die together. `anchor_ns` is its wall clock less the monotonic one."""

    def __init__(self, name: str, agents: tuple[str, ...]) -> None:
        self.name = name
        self.agents = agents
        self.stages: dict[str, Any] = {}
        self.alive = False
        self.anchor_ns = 0
        self.stalled_until = 0
        self.venue: Attached
        self.parts: Parts

    @property
    def is_edge(self) -> bool:
        return kind_of(self.agents[0]) == "edge"

    def kill(self) -> None:
        self.stages.clear()
        self.alive = False


class Later:
    """What the snapshots' coordinator uses of asyncio: work that is done some turns later."""

    def __init__(self, world: World) -> None:
        self.world = world

    def to_thread(self, function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
        return partial(function, *arguments)

    def create_task(self, work: Callable[[], Any]) -> Deferred:
        return Deferred(self.world, work)


class Deferred:
    """One such piece of work."""

    def __init__(self, world: World, work: Callable[[], Any]) -> None:
        self._world = world
        self._work = work
        self._due = world.turn + world.steps.randint(0, 40)
        self._outcome: tuple[Any, Exception | None] | None = None

    def done(self) -> bool:
        if self._outcome is None and self._world.turn >= self._due:
            try:
                self._outcome = (self._work(), None)
            except Exception as error:
                self._outcome = (None, error)
        return self._outcome is not None

    def result(self) -> Any:
        assert self._outcome is not None
        if self._outcome[1] is not None:
            raise self._outcome[1]
        return self._outcome[0]


class World:
    """One run of one plan. `bug` is planted into it, if any; `seen` counts what happened."""

    def __init__(self, plan: Plan, bug: Bug | None = None) -> None:
        self.plan = plan
        self.bug = bug or Bug()
        self.seen: Counter[str] = Counter()
        self.draws: dict[str, Random] = {}
        self.steps = Random(f"steps {plan.seed}")
        self.mono_ns = 10**12
        self.wall_shift_ns = 0
        self.turn = 0
        self.boots = 1
        self.folder = Path(tempfile.mkdtemp(prefix="lockstep-simulation-", dir=SHM if SHM.is_dir() else None))
        self.boot_id = self.folder / "boot_id"
        self.disk = self.bug.disk(plan.seed)
        self.data = stages.Folder(self.folder / "data")
        self.data.disk = self.disk
        self.data.mkdir()
        self.config = config_of(plan)
        self.topology = watched(derive(self.config))
        self.audit = Audit()
        self.database = Database(self.draw("database"), self._committed)
        self.market = stages.MarketData(SYMBOLS)
        self.traders = [Trader(name, number, self.draw(name)) for number, name in enumerate(TRADERS, 1)]
        self.requests = [Requests(trader, self.draw(f"requests {trader.name}")) for trader in self.traders]
        self.operator = Operator(OPERATOR_ACCOUNT, len(TRADERS), self.draw("operator"))
        self.hosts: list[Host] = []
        self.deaths: list[tuple[int, Host]] = []  # and the turn at which the supervisor notices
        self.was_ready = False
        self.coordinator: snapshots.Coordinator | None = None
        self.snapshot_wanted = False
        self.later = Later(self)
        self.reports: list[str] = []
        self.healing = False
        self.asked_at: dict[str, int] = {}
        self._new_boot()

    def draw(self, name: str) -> Random:
        """A source of chance of its own, so that what one part draws doesn't change the others."""
        return self.draws.setdefault(name, Random(f"{name} {self.plan.seed}"))

    # The run

    def run(self) -> None:
        """Both phases. BrokenError, or what a stage raised, where the venue is not as it should be."""
        with self.bug.planted(self):
            self.start()
            faults = list(self.plan.faults)
            while self.turn < self.plan.turns:
                while faults and faults[0].turn <= self.turn:
                    self.strike(faults.pop(0))
                self.step()
            self.heal()
            self.check()

    def check(self) -> None:
        """Everything that must be true at the end, when all is at rest (I1 to I8)."""
        journal = list(JournalReader(self.disk))
        first = seq_of(journal[0])
        for seq, record in enumerate(journal, first):
            require(self.audit.log.get(seq) == record, f"I2: the journal's record {seq} is not what was committed")
        require(first + len(journal) - 1 == len(self.audit.log), "I2: the journal ends before what was committed")
        records = [self.audit.log[seq] for seq in range(1, len(self.audit.log) + 1)]
        commands = invariants.check_log(records)
        repeat = invariants.Repeat(self.config, records)
        for ring, known in self.audit.events.items():
            told = [known[number] for number in range(1, len(known) + 1)]
            require(told == repeat.events.get(ring, []), f"I6: ring {ring} was told otherwise than its repeat says")
        events = repeat.ordered()
        invariants.check_money(commands, repeat, events)
        invariants.check_once(commands, events)
        invariants.check_books(repeat, events)
        tables = {name: list(rows.values()) for name, rows in self.database.tables.items()}
        invariants.check_database(tables, self.database.numbers, events)
        for trader in self.traders:
            invariants.check_told(trader.number, trader.told, repeat, whole=not (trader.resets or trader.was_lost_ever))
        invariants.check_market(self.market.trades, repeat)
        matchers = {number: self.stage_of(f"matcher.{number}") for number in self.venue.matchers}
        invariants.check_state(self.stage_of("router"), matchers, repeat)
        for name in ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I10"):
            self.seen[f"checked {name}"] += 1

    def close(self) -> None:
        for host in self.hosts:
            host.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def step(self) -> None:
        """One turn: somebody does something."""
        self.turn += 1
        steps = self.steps
        mean_ns = max(self.plan.step_ns, HEAL_STEP_NS) if self.healing else self.plan.step_ns
        self.mono_ns += int(steps.expovariate(1 / mean_ns))
        self.supervise()
        choice = steps.random()
        if choice < 0.62:
            self._step_host(self.hosts[int(choice / 0.62 * len(self.hosts))])
        elif choice < 0.72:
            self.audit.step()
        elif choice < 0.94:
            index = int((choice - 0.72) / 0.22 * len(self.traders))
            self._step_trader(self.traders[index], self.requests[index])
        elif choice < 0.98:
            self._load()
        else:
            self._operate()

    def _step_host(self, host: Host) -> int:
        if not host.alive or host.stalled_until > self.turn:
            return 0
        now_ns = self.mono_ns + host.anchor_ns
        work = 0
        host.parts.turn = self.turn
        host.parts.reap()
        if host.is_edge and self.ground.board.get(Word.GENERATION) > host.venue.generation:
            host.venue.renew()
            self.seen["edge changed rings"] += 1
            for name, stage in host.stages.items():
                stage.attach(host.venue.events(name), host.venue.board)
        for name, stage in list(host.stages.items()):
            try:
                work += stage.step(now_ns)
            except OSError as error:
                self._failed(host, name, error)
                return work
        return work

    def _failed(self, host: Host, name: str, error: OSError) -> None:
        """A stage could not go on: by the disk's fault, or by ours."""
        if self.disk.off:
            self.lose_power("inside the disk")
            return
        require(name == "journaler" and self.disk_was_bad(), f"{name} failed: {error!r}")
        self.seen["end after a disk error"] += 1
        self.die(host)

    def disk_was_bad(self) -> bool:
        return bool(self.disk.seen["sync error"] + self.disk.seen["write error"] + self.disk.seen["short write"]) or (
            self.disk.others_bytes > 0
        )

    def _step_trader(self, trader: Trader, requests: Requests) -> None:
        utc_ns = self.utc_ns
        if trader.wire is not None:
            trader.wire.now_ns = self.mono_ns
        trader.poll(utc_ns)
        if trader.wire is None:
            door = self.door
            if door is not None and door.is_open and self.steps.random() < 0.2:
                wire = Wire(self.draw("network"), self.plan.delay_ns)
                wire.now_ns = self.mono_ns
                gateway = self.host_of("gateway.1")
                door.admit(wire, self.mono_ns + gateway.anchor_ns)
                trader.connect(wire)
                self.seen["connection"] += 1
        elif not self.healing and self.steps.random() < self.plan.pace:
            requests.send()

    def _load(self) -> None:
        batcher = self.stage_of("batcher")
        if batcher is not None and self.host_of("batcher").stalled_until <= self.turn:
            batcher.load()

    def _operate(self) -> None:
        if self.healing or self.steps.random() < 0.7 or not self.venue.board.get(Word.EPOCH):
            return
        self._command(self.operator.next(self._operator_ns()))

    def _operator_ns(self) -> int:
        return self.mono_ns + self.host_of("router").anchor_ns

    def _command(self, record: bytes) -> None:
        producer = self.venue.producer(OPERATOR_RING)
        if producer.room():
            producer.put(record)
            self.seen["operator's command"] += 1

    @property
    def utc_ns(self) -> int:
        return START_NS + self.mono_ns

    @property
    def door(self) -> Any:
        gateway = self.stage_of("gateway.1")
        return gateway.door if gateway is not None else None

    def host_of(self, agent: str) -> Host:
        return next(host for host in self.hosts if agent in host.agents)

    def stage_of(self, agent: str) -> Any:
        return self.host_of(agent).stages.get(agent)

    # Life and death

    def start(self) -> None:
        """The supervisor: a new run of the whole venue, behind the newest snapshot."""
        self.deaths.clear()
        self.audit_last()
        for host in self.hosts:
            host.kill()
        self._hang_up()
        if self.disk.off:
            self.disk.power_on()
        self.disk.kill()
        self.seen["whole start"] += 1
        self.bug.before_start(self)
        choice = self._choose(None)
        boot_id = f"{self.seen['whole start']:08x}".ljust(32, "0")
        self.ground = Ground(self.topology, self.config, self.data, boot_id, choice.start, choice.known_seq)
        self.recovery = Recovery(self.topology, whole_only=not PARTIAL)
        self.was_ready = False
        self.hosts = [Host(host.name, host.agents) for host in self.topology.hosts]
        self.venue = Attached(self.ground, self._parts("supervisor"), self.ground.board)
        self.audit.attach(self.venue)
        self.coordinator = None
        for host in self.steps.sample(self.hosts, len(self.hosts)):
            if not self.start_host(host):
                return

    def _choose(self, entering: int | None) -> Choice:
        """Where to begin: the venue's own choice among the snapshots that there are."""
        catalogue.drop_unfinished(self.data, entering)
        choice = catalogue.choose(self.data, self.topology.savers)
        self.seen["snapshot passed over"] += len(choice.passed_over)
        self.seen["start from a snapshot"] += choice.start.seq > 0
        return choice

    def _parts(self, name: str) -> Parts:
        return self.bug.parts(self.data, self.ground.manifest.start, self.draw(f"parts {name}"))

    def restart_core(self) -> None:
        """The supervisor: the core again, in rings of a new generation; the edges stay."""
        self.audit_last()
        entering = self.coordinator.entering if self.coordinator is not None else None
        if self.coordinator is not None:
            self.coordinator.reset()
        choice = self._choose(entering)
        self.ground.next_generation(choice.start, choice.known_seq)
        self.venue.renew()
        self.audit.attach(self.venue)
        self.seen["core restart"] += 1
        for host in self.core_hosts:
            if not self.start_host(host):
                return

    @property
    def core_hosts(self) -> list[Host]:
        names = {host.name for host in self.topology.core}
        return [host for host in self.hosts if host.name in names]

    def start_host(self, host: Host) -> bool:
        """Start one process; False where it died of the disk while it did."""
        host.anchor_ns = START_NS + self.wall_shift_ns
        host.alive = True
        host.parts = self._parts(host.name)
        host.parts.turn = self.turn
        board = self.bug.board_of(self.ground.board, host.agents[0])
        host.venue = Attached(self.ground, host.parts, board)
        late = host.is_edge and any(host.venue.is_late(name) for name in host.agents)
        if late:
            host.parts.start = catalogue.choose(self.data, host.agents).start
            self.seen["edge caught up"] += 1
        for name in host.agents:
            try:
                stage = self.bug.stage(name, self.build(name, host.venue), self)
            except OSError as error:
                self._failed(host, name, error)
                return False
            host.stages[name] = stage
            if late:
                with patch("time.time_ns", lambda now_ns=self.mono_ns + host.anchor_ns: now_ns):
                    self.bug.catch_up(host.venue, name, stage)
        return True

    def build(self, name: str, venue: Venue) -> Any:
        role = name.partition(".")[0]
        if role == "journaler":
            return stages.build_journaler(venue, name)
        if role == "router":
            return stages.build_router(venue, name)
        if role == "matcher":
            return stages.build_matcher(venue, name)
        if role == "gateway":
            return stages.GatewayStage(venue, name, self.draw("gateway"))
        if role == "publisher":
            return stages.PublisherStage(venue, name, self.market, self.ground.board)
        return stages.BatcherStage(venue, name, self.database, self.bug.session)

    def die(self, host: Host) -> None:
        """A process is gone; the supervisor will notice."""
        self._end(host)
        self.deaths.append((self.turn + self.steps.randint(1, 30), host))

    def _end(self, host: Host) -> None:
        batcher = host.stages.get("batcher")
        if batcher is not None:
            batcher.disconnect()
        if "gateway.1" in host.stages:
            self._hang_up()
        had_journal = "journaler" in host.stages
        host.kill()
        if had_journal:
            self.disk.locked = False

    def supervise(self) -> None:
        """Notice deaths, and start again what the venue's own rules say; see to snapshots."""
        due = [death for death in self.deaths if death[0] <= self.turn]
        for death in due:
            if death not in self.deaths:
                continue
            self.deaths.remove(death)
            host = death[1]
            led = self.ground.board.get(Word.EPOCH) != 0
            way, _delay_s = self.recovery.after(host, self.mono_ns / 1e9, led=led)
            if not self.was_ready or way is Way.WHOLE:
                self.start()
                return
            if way is Way.CORE:
                for other in self.core_hosts:
                    if other.alive:
                        self._end(other)
                core = {other.name for other in self.core_hosts}
                self.deaths = [entry for entry in self.deaths if entry[1].name not in core]
                self.restart_core()
            else:
                self.seen[f"{host.agents[0].partition('.')[0]} alone"] += 1
                self.start_host(host)
        self._snapshots()

    def _snapshots(self) -> None:
        if self.deaths or not all(host.alive for host in self.hosts):
            return
        door = self.door
        if not self.was_ready:
            self.was_ready = self.ground.board.get(Word.EPOCH) != 0 and door is not None and door.is_open
            return
        if not PARTIAL:
            return
        with patch.object(snapshots, "asyncio", self.later), patch.object(catalogue, "_settle", self._settle):
            if self.coordinator is None:
                self.coordinator = snapshots.Coordinator(
                    self.ground.board, self.config, self.topology, self._reported, self.mono_ns / 1e9
                )
                self.coordinator._data = self.data
            if self.snapshot_wanted:
                self.snapshot_wanted = False
                self.coordinator.ask()
            before = self.coordinator._last_seq
            self.coordinator.tick(self.mono_ns / 1e9)
            self.seen["snapshot"] += self.coordinator._last_seq > before

    def _reported(self, text: str) -> None:
        self.seen["snapshot given up"] += 1
        self.reports.append(text)

    def _settle(self, disk: Disk, seq: int) -> None:
        """Sync the journal, for whoever makes a snapshot valid."""
        for first in [first for first in segment_seqs(disk) if first <= seq][-2:]:
            disk.settle(file_name(first))
        disk.settle_directory()

    def counts(self) -> Counter[str]:
        """All that happened in this run."""
        disk, database = self.disk.seen, self.database.seen
        answers = Counter(answer for trader in self.traders for answer in trader.answers.values())
        told = [report for trader in self.traders for report in trader.told.values()]
        return self.seen + Counter({
            "session reset": sum(trader.resets for trader in self.traders),
            "resent report": sum(trader.repeated for trader in self.traders),
            "batch of the database undone": database["commit lost, undone"],
            "batch of the database done unseen": database["commit lost, done"],
            "journal cut": disk["truncate"],
            "order refused": answers["8"],
            "order traded": sum(report.exec_type in "F12" for report in told),
            "trade told to the public": len(self.market.trades),
            "record committed twice alike": self.audit.compared,
        })  # fmt: skip

    def _hang_up(self) -> None:
        for trader in self.traders:
            if trader.wire is not None:
                trader.wire.cut()

    def lose_power(self, how: str) -> None:
        """The whole host is gone, with what was in memory and what no disk has."""
        self.seen[f"power loss {how}"] += 1
        self.audit_last()
        for host in self.hosts:
            batcher = host.stages.get("batcher")
            if batcher is not None:
                batcher.disconnect()
            host.kill()
        self._hang_up()
        self.database.drop()
        self.disk.power_on()
        self._lose_tails()
        self._new_boot()
        for trader in self.traders:
            trader.host_was_lost = trader.was_lost_ever = True
        self.deaths = [(self.turn, self.hosts[0])]
        self.was_ready = False  # so that all starts again

    def _lose_tails(self) -> None:
        """What the gateway's store and the spool had not synced may be there, or not: a part of each file's end."""
        draw = self.draw("power")
        for pattern in ("gateway.1/*.fix", "spool/*.spool"):
            files = sorted(self.data.glob(pattern))
            for path in files[-1:]:
                size = path.stat().st_size
                keep = draw.choice((size, draw.randint(0, size), max(0, size - draw.randint(0, 3000))))
                os.truncate(path, keep)
                if keep < size and draw.random() < 0.3:
                    with path.open("ab") as file:
                        file.write(draw.randbytes(draw.randint(1, size - keep)))

    def _new_boot(self) -> None:
        self.boots += 1
        self.boot_id.write_text(f"{self.boots:036d}")
        setattr(store_module, "BOOT_ID", self.boot_id)  # noqa: B010

    def audit_last(self) -> None:
        """Look at what was said before it is gone."""
        if self.hosts:
            self.audit.step()

    def _committed(self, database: Database) -> None:
        durable = self.venue.board.get(Word.DURABLE_SEQ)
        require(max(database.causes) <= durable, f"I8: the database has command {max(database.causes)} of {durable}")

    # Faults

    def strike(self, fault: Fault) -> None:
        """Let a fault happen now, if it can."""
        draw = Random(fault.seed)
        if FAULTS[fault.kind](self, draw):
            self.seen[fault.kind] += 1

    # The end of all faults

    def heal(self) -> None:
        """End every fault; then each trader is to get an order acknowledged, and all stages are to come to rest."""
        self.healing = True
        self.database.away = False
        self.database.lose_commits = 0
        self.disk.others_bytes = 0
        self.disk.fail_sync_at = self.disk.fail_write_at = self.disk.short_write_at = self.disk.power_off_at = 0
        for host in self.hosts:
            host.stalled_until = 0
        for trader in self.traders:
            if trader.wire is not None:
                trader.wire.stalled = False
        self.until(lambda: self.door is not None and self.door.is_open, "the gateway opens")
        self._all_logged_on()
        for record in self.operator.open_all(self._operator_ns()):
            self._command(record)
        self.until(lambda: not any(trader.waiting for trader in self.traders), "every request is answered", self._ask)
        for trader, requests in zip(self.traders, self.requests, strict=True):
            trader.request("D", f"alive-{trader.name}", [
                (21, "1"), (55, SYMBOLS[0]), (54, "1"), (60, "20260101-00:00:00.000"), (38, "0.1"), (40, "2"),
                (44, "90.00"), (59, "1"),
            ])  # fmt: skip
            requests.entered.append((f"alive-{trader.name}", SYMBOLS[0], "1"))
        self.until(
            lambda: all(f"alive-{t.name}" in t.answers for t in self.traders), "I10: an order of each", self._ask
        )
        self._rest()
        self.until(lambda: all(t.has_all_again for t in self.traders), "all that was sent comes again", self._ask_all)
        self._rest()

    def _rest(self) -> None:
        """Let what goes by time take place, and wait until nothing is under way any more."""
        for _ in range(2):
            self.mono_ns += 10**9
            end = self.turn + REST_TURNS
            self.until(lambda end=end: self.turn >= end and self.is_still(), "all comes to rest")  # type: ignore[misc]

    def _all_logged_on(self) -> None:
        self.until(lambda: all(trader.logged_on for trader in self.traders), "everybody logs on")

    def _ask(self) -> None:
        """What a trader does about requests without an answer once it knows that the host was lost (rule 24)."""
        for trader in self.traders:
            if trader.was_lost_ever and trader.logged_on and self.turn % 50 == 0:
                for name in list(trader.waiting):
                    if trader.waiting[name]:
                        trader.ask_again(name)
                    else:
                        del trader.waiting[name]  # a cancel or replace whose answer went before the reset

    def _ask_all(self) -> None:
        """Ask for a resend of everything, and once more where the connection ended meanwhile."""
        for trader in self.traders:
            if trader.logged_on and not trader.has_all_again and self.turn >= self.asked_at.get(trader.name, 0) + 2000:
                self.asked_at[trader.name] = self.turn
                trader.ask_everything()

    def until(self, condition: Callable[[], bool], what: str, meanwhile: Callable[[], None] | None = None) -> None:
        end = self.turn + HEAL_TURNS
        while not condition():
            if self.turn >= end:
                raise BrokenError(f"I10: it doesn't come to this: {what}; {self.state()}")
            self.step()
            if meanwhile is not None:
                meanwhile()

    def is_still(self) -> bool:
        """Whether nobody has anything to do any more, and everybody has everything."""
        board = self.venue.board
        if self.deaths or not all(host.alive for host in self.hosts) or not board.get(Word.EPOCH):
            return False
        last = board.get(Word.LOG_END)
        if board.get(Word.DURABLE_SEQ) < last or len(self.audit.log) < last:
            return False
        for ring in self.topology.rings:
            published = self.venue.ring(ring.name).published
            if any(cursor < published for cursor in self.venue.ring(ring.name).cursors().values()):
                return False
        if any(board.get(Word.MATCHER_DONE + number - 1) < last for number in self.venue.matchers):
            return False
        if any(trader.wire is None or trader.wire.to_client or trader.wire.to_venue for trader in self.traders):
            return False
        numbers = [0] * 9
        for number, name in [(0, "events.router"), *((n, f"events.matcher.{n}") for n in self.venue.matchers)]:
            numbers[number] = self.venue.ring(name).published
        return self.database.numbers == numbers

    def state(self) -> str:
        """Where everything stands, for a report."""
        board = self.venue.board
        words = {word.name: board.get(word) for word in Word if board.get(word)}
        hosts = {host.name: "alive" if host.alive else "dead" for host in self.hosts}
        rings = {
            ring.name: (self.venue.ring(ring.name).published, self.venue.ring(ring.name).cursors())
            for ring in self.topology.rings
        }
        people = {
            trader.name: (trader.logged_on, trader.next_in, trader.next_out, list(trader.waiting))
            for trader in self.traders
        }
        return f"{words} {hosts} {rings} {people} {self.database.numbers}"


def kill(agent: str) -> Callable[[World, Random], bool]:
    def strike(world: World, draw: Random) -> bool:
        name = agent if agent != "matcher" else f"matcher.{draw.choice(world.venue.matchers)}"
        host = world.host_of(name)
        if not host.alive:
            return False
        world.die(host)
        return True

    return strike


def kill_supervisor(world: World, _draw: Random) -> bool:
    """Its hosts die with it; the next one starts all."""
    for host in world.hosts:
        if host.alive:
            world.die(host)
    world.was_ready = False
    return True


def power_loss(world: World, _draw: Random) -> bool:
    world.lose_power("at once")
    return True


def power_loss_inside(world: World, draw: Random) -> bool:
    world.disk.power_off_at = world.disk.operations + draw.randint(1, 60)
    return True


def stall(world: World, draw: Random) -> bool:
    host = draw.choice(world.hosts)
    host.stalled_until = world.turn + draw.choice((20, 100, 400))
    return host.alive


def disk_error(kind: str) -> Callable[[World, Random], bool]:
    def strike(world: World, draw: Random) -> bool:
        disk = world.disk
        if kind == "sync":
            disk.fail_sync_at = disk.syncs + draw.randint(1, 20)
        elif kind == "write":
            disk.fail_write_at = disk.writes + draw.randint(1, 20)
        else:
            disk.short_write_at = disk.writes + draw.randint(1, 20)
        return True

    return strike


def disk_full(world: World, draw: Random) -> bool:
    """For a while there is no more room than some pages."""
    disk = world.disk
    disk.others_bytes = 0 if disk.others_bytes else max(0, GIB - disk.used_bytes() - draw.randint(0, 20) * PAGE)
    return True


def connection_cut(world: World, draw: Random) -> bool:
    trader = draw.choice(world.traders)
    if trader.wire is None:
        return False
    trader.wire.cut()
    return True


def client_stalls(world: World, draw: Random) -> bool:
    """A client that reads nothing; the next such fault of its wakes it."""
    trader = draw.choice(world.traders)
    if trader.wire is None:
        return False
    trader.wire.stalled = not trader.wire.stalled
    return True


def garbled_message(world: World, draw: Random) -> bool:
    trader = draw.choice(world.traders)
    if trader.wire is None or not trader.logged_on:
        return False
    trader.garble(draw.randrange(3))
    return True


def same_client_id(world: World, draw: Random) -> bool:
    index = draw.randrange(len(world.traders))
    world.requests[index].same_id()
    return world.traders[index].logged_on


def database_away(world: World, _draw: Random) -> bool:
    world.database.away = not world.database.away
    if world.database.away:
        world.database.drop()
    return True


def commit_lost(world: World, draw: Random) -> bool:
    world.database.lose_commits += draw.randint(1, 2)
    return True


def snapshot(world: World, _draw: Random) -> bool:
    """Not a fault: somebody asks for a snapshot."""
    world.snapshot_wanted = True
    return PARTIAL


def damaged_part(world: World, draw: Random) -> bool:
    """A bit of the newest snapshot is flipped. Not where the journal has nothing of before it."""
    parts = sorted(world.data.glob("snapshots/*/*.part"))
    if not parts or world.plan.retention != "all":
        return False
    path = draw.choice([part for part in parts if part.parent == parts[-1].parent])
    data = bytearray(path.read_bytes())
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    path.write_bytes(data)
    return True


def clock_step(world: World, draw: Random) -> bool:
    """The wall clock is set; the monotonic one goes on. Processes that start later see it."""
    world.wall_shift_ns = draw.choice((-HOUR_NS, HOUR_NS, 0))
    return True


FAULTS: dict[str, Callable[[World, Random], bool]] = {
    "kill gateway": kill("gateway.1"),
    "kill publisher": kill("publisher"),
    "kill batcher": kill("batcher"),
    "kill router": kill("router"),
    "kill matcher": kill("matcher"),
    "kill journaler": kill("journaler"),
    "kill supervisor": kill_supervisor,
    "power loss": power_loss,
    "power loss inside the disk": power_loss_inside,
    "stall": stall,
    "sync error": disk_error("sync"),
    "write error": disk_error("write"),
    "short write": disk_error("short"),
    "disk full": disk_full,
    "connection cut": connection_cut,
    "client stalls": client_stalls,
    "garbled message": garbled_message,
    "same client id": same_client_id,
    "database away": database_away,
    "commit lost": commit_lost,
    "clock step": clock_step,
    "snapshot": snapshot,
    "damaged part": damaged_part,
}


@cache
def password_hash() -> str:
    """Of the traders' password, at the least cost: the simulation is not about its strength. The same in every run."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD, salt=b"simulation salt!")


def config_of(plan: Plan) -> Config:
    """Two instruments, three traders with money for a while, one operator."""
    deposits = {"BTC": "300", "ETH": "300", "USDT": "20000"}
    accounts = [AccountSection(name=name, password_hash=password_hash(), deposits=deposits) for name in TRADERS]
    accounts.append(AccountSection(name="OPERATOR", password_hash=password_hash(), operator=True))
    return Config(
        venue=VenueSection(durability="local" if plan.durability == "local" else "none"),
        fix=FixSection(port=0, sending_time_accuracy_s=0),
        journal=JournalSection(
            segment_bytes=plan.segment_pages * PAGE, reserve_bytes=2 * PAGE, retention=plan.retention
        ),
        rings=RingsSection(
            ingress=plan.ring_ingress, log=plan.ring_log, events=plan.ring_events
        ),
        processes=ProcessesSection(profile="compact" if plan.profile == "compact" else "spread"),
        assets=[AssetSection(name=name, scale=8) for name in ("BTC", "ETH", "USDT")],
        instruments=[
            InstrumentSection(
                symbol=symbol, base=symbol[:3], quote="USDT", tick="0.01", lot="0.1", reference_price="100",
                matcher=min(number, plan.matchers), maker_fee_ppm=100, taker_fee_ppm=1000,
            )
            for number, symbol in enumerate(SYMBOLS, 1)
        ],
        accounts=accounts,
        snapshots=SnapshotsSection(interval_s=plan.snapshot_s, commands=plan.snapshot_commands, keep=plan.keep),
    )  # fmt: skip


def watched(topology: Topology) -> Topology:
    """The topology with one more reader of the log and of all events, who is never stalled."""
    rings = tuple(
        structs.replace(ring, consumers=(*ring.consumers, AUDIT)) if not ring.name.startswith("ingress") else ring
        for ring in topology.rings
    )
    return structs.replace(topology, rings=rings)
