"""Life and death of a simulated venue: what its supervisor does, and what a loss of power does.

Which way back a death takes, which snapshot a start begins with and what becomes one are the venue's own decisions.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from lockstep.config.schema import Config
from lockstep.core.files.disk import Disk
from lockstep.core.files.space import NO_SPACE
from lockstep.core.journal.format import file_name
from lockstep.core.journal.journal import segment_seqs
from lockstep.core.recovery import snapshot_catalog
from lockstep.core.recovery.edge_catch_up import Catching
from lockstep.core.recovery.replay import CoreReplayError
from lockstep.core.recovery.snapshot_catalog import Choice
from lockstep.core.tables.saved import layout_hash
from lockstep.core.venue import venue_key
from lockstep.core.venue.node import Node
from lockstep.core.venue.topology import derive, kind_of, role_of
from lockstep.core.venue.venue import Venue
from lockstep.procs.gateway import segments
from lockstep.procs.supervisor import snapshots
from lockstep.procs.supervisor.gate import Gate
from lockstep.procs.supervisor.recovery import Recovery, Way
from lockstep.shm.board import Word
from tests.broken import require
from tests.simulation import administration, api, stages
from tests.simulation.administration import Administration
from tests.simulation.audit import Audit
from tests.simulation.bugs import Bug
from tests.simulation.database import Database
from tests.simulation.delayed import Later
from tests.simulation.environment import Attached, Ground, Parts
from tests.simulation.payments import Payments, are_on
from tests.simulation.plan import Plan
from tests.simulation.setting import OPERATOR_ACCOUNT, OPERATORS, START_NS, TRADERS, config_of, homes_of, watched
from tests.simulation.trader import Trader
from tests.simulation.traffic import SYMBOLS, Operator, Requests

SHM = Path("/dev/shm")
LAYOUT = layout_hash()  # kept by the function itself: it reads the code, which no run may
WRITERS = ("router", "gateway", "batcher")  # who has files of its own beside the journal
TURNS_A_TICK = 4  # of the supervisor, which polls slower than its stages


class Host:
    """One process: some stages that live and die together. `anchor_ns` is its wall clock less the monotonic one."""

    def __init__(self, name: str, agents: tuple[str, ...]) -> None:
        self.name = name
        self.agents = agents
        self.stages: dict[str, Any] = {}
        self.catching: dict[str, Catching] = {}  # of the stages that were out of the gate, while they come back
        self.alive = False
        self.anchor_ns = 0
        self.stalled_until = 0
        self.venue: Attached
        self.parts: Parts

    @property
    def is_edge(self) -> bool:
        return kind_of(self.agents[0]) == "edge"

    def kill(self) -> None:
        for name in ("replicator", api.AGENT):
            if name in self.stages:
                self.stages[name].die()
        self.stages.clear()
        self.catching.clear()
        self.alive = False


class Life:
    """The hosts of one venue and all that outlives them. `bug` is planted, if any; `seen` counts what happened."""

    def __init__(self, plan: Plan, bug: Bug | None = None) -> None:
        self.plan = plan
        self.bug = bug or Bug()
        self.seen: Counter[str] = Counter()
        self.draws: dict[str, Random] = {}
        self.trace = hashlib.blake2b(digest_size=16)
        self.steps = Random(f"steps {plan.seed}")
        self.mono_ns = 10**12
        self.wall_shift_ns = 0
        self.turn = 0
        self.boots = 1
        self.folder = self.make_folder()
        self.boot_id = self.folder / "boot_id"
        self.disk = self.bug.disk(plan.seed)
        self.data = stages.Folder(self.folder / "data")
        self.data.disk = self.disk
        self.data.mkdir()
        self.config = self.make_config()
        self.topology = watched(derive(self.config))
        self.audit = Audit()
        self.database = Database(self.draw("database"), self._committed)
        self.market = stages.MarketData(SYMBOLS)
        self.traders = [Trader(name, number, self.draw(name)) for number, name in enumerate(TRADERS, 1)]
        self.requests = [Requests(trader, self.draw(f"requests {trader.name}")) for trader in self.traders]
        self.operator = Operator(OPERATOR_ACCOUNT, len(TRADERS), self.draw("operator"))
        self.payments = self.make_payments()
        self.administration = self.make_administration()
        self.hosts: list[Host] = []
        self.deaths: list[tuple[int, Host]] = []  # and the turn at which the supervisor notices
        self.was_ready = False
        self.coordinator: snapshots.Coordinator | None = None
        self.snapshot_wanted = False
        self.error_ends_all = False  # the next failed sync takes the supervisor along
        self.later = Later(self)
        self.reports: list[str] = []
        self.files = self.bug.files(Path(str(self.data)), self.disk, self.draw("files"), self.seen)
        self.healing = False
        self.is_cut = False  # power has failed, and nothing was synced before it was said
        self.is_deserted = False  # only the venue is there
        self.asked_at: dict[str, int] = {}
        self._new_boot()

    # What a node of two has of its own

    def make_folder(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="lockstep-simulation-", dir=SHM if SHM.is_dir() else None))

    def make_payments(self) -> Payments | None:
        if not are_on(self.plan.seed):
            return None
        return Payments(len(TRADERS), OPERATORS, Random(f"drawn payments {self.plan.seed}"))

    def make_administration(self) -> Administration | None:
        """None with a planted bug, too: it is hunted in seeds that are known to show it."""
        seed = self.plan.seed
        if type(self.bug) is not Bug or not administration.are_on(seed):
            return None
        return Administration(len(TRADERS), OPERATOR_ACCOUNT, Random(f"drawn administration {seed}"))

    def make_config(self) -> Config:
        return config_of(self.plan)

    def make_boot_id(self) -> str:
        """Of a run of the venue, which is like no other."""
        return f"{self.seen['whole start']:08x}".ljust(32, "0")

    def node(self) -> Node:
        """What the venue's files say of its role."""
        return Node()

    def is_ready(self) -> bool:
        """Whether a run is, of which every process is alive."""
        doors = [self.door_of(gateway) for gateway in self.topology.gateways]
        return self.ground.board.get(Word.EPOCH) != 0 and all(door is not None and door.is_open for door in doors)

    def draw(self, name: str) -> Random:
        """Its own source of chance, so that one part's draws don't change the others'."""
        return self.draws.setdefault(name, Random(f"{name} {self.plan.seed}"))

    # Life and death

    def start(self) -> None:
        """The supervisor: a new run of the whole venue, behind the newest snapshot."""
        self.end_run()
        self.begin_run()

    def end_run(self) -> None:
        """Nothing of the last run is left but its files."""
        self.deaths.clear()
        self.audit_last()
        for host in self.hosts:
            host.kill()
        self._hang_up()
        if self.disk.off:
            self.disk.power_on()
        self.disk.kill()

    def begin_run(self) -> None:
        self.seen["whole start"] += 1
        self.bug.before_start(self)
        choice = self._choose()
        self.ground = Ground(
            self.topology,
            self.config,
            self.data,
            self.make_boot_id(),
            choice.start,
            choice.known_seq,
            START_NS + self.wall_shift_ns,
            self.node(),
        )
        self.recovery = Recovery(self.topology)
        self.gate = Gate(self.topology)
        self.was_ready = False
        self.hosts = [Host(host.name, host.agents) for host in self.topology.hosts]
        self.venue = Attached(self.ground, self._parts("supervisor"), self.ground.board)
        self.audit.attach(self.venue)
        self.coordinator = None
        for host in self.steps.sample(self.hosts, len(self.hosts)):
            if not self.start_host(host):
                return

    def _choose(self) -> Choice:
        """Where to begin: the venue's own choice among the snapshots that there are."""
        snapshot_catalog.drop_unfinished(self.data)
        choice = snapshot_catalog.choose(self.data, self.topology.savers)
        self.seen["snapshot passed over"] += len(choice.passed_over)
        self.seen["start from a snapshot"] += choice.start.seq > 0
        return choice._replace(start=self.bug.begin(choice.start))

    def _parts(self, name: str) -> Parts:
        return self.bug.parts(self.data, self.ground.manifest.start, self.draw(f"parts {name}"))

    def restart_core(self) -> None:
        """The supervisor: the core again, in rings of a new generation; the edges stay."""
        self.audit_last()
        if self.coordinator is not None:
            with patch.object(snapshot_catalog, "_settle", self._settle):
                self.later.finish()
            self.coordinator.reset()
        choice = self._choose()
        self.ground.next_generation(choice.start, choice.known_seq, self.venue.left())
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
        """Start one process; False if it died of the disk while it did."""
        host.anchor_ns = self.bug.anchor_ns(self.ground.manifest.anchor_ns, self)
        host.alive = True
        host.parts = self._parts(host.name)
        host.parts.turn = self.turn
        board = self.bug.board_of(self.ground.board, host.agents[0])
        host.venue = Attached(self.ground, host.parts, board)
        late = host.is_edge and any(host.venue.is_late(name) for name in host.agents)
        if late:
            host.parts.start = snapshot_catalog.choose(self.data, self.topology.savers).start
            self.seen["edge caught up"] += 1
        for name in host.agents:
            try:
                stage = self.bug.stage(name, self.build(name, host.venue), self)
            except OSError as error:
                self.failed(host, name, error)
                return False
            host.stages[name] = stage
            if late and not host.venue.events(name)[0].gates:
                host.catching[name] = Catching(host.venue, name, stage)
                self.seen["edge came back from outside the gate"] += 1
            elif late and not self._catch_up_at_once(host, name, stage):
                return False
        return True

    def _catch_up_at_once(self, host: Host, name: str, stage: Any) -> bool:
        """False if the disk was too full for that, so that it died; it starts again until there is space."""
        try:
            with patch("time.time_ns", lambda: self.mono_ns + host.anchor_ns):
                self.bug.catch_up(host.venue, name, stage)
        except CoreReplayError:
            if not self.files.full:
                raise
            self.seen["gave up on a full disk"] += 1
            self.die(host)
            return False
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
            return stages.GatewayStage(venue, name, self.draw("gateway" if name == "gateway.1" else name))
        if role == api.AGENT:
            return api.ApiStage(venue, name, self.draw(api.AGENT), self.bug.outcome)
        if role == "publisher":
            return stages.publisher(venue, name, self.market, self.ground.board)
        return stages.BatcherStage(venue, name, self.database, self.bug.session)

    def failed(self, host: Host, name: str, error: OSError) -> None:
        """A stage could not go on: by the disk's fault, or by ours. Of a full disk only the journaler may die, where a
        write is short or a segment has to be rewritten before it can begin, and a router that makes the venue's key.
        """
        if self.disk.off:
            self.lose_power("inside the disk")
            return
        has_files = role_of(name) in WRITERS and self.files.was_bad and error.errno not in NO_SPACE
        makes_key = name == "router" and not (Path(str(self.data)) / venue_key.FILE).exists()
        may_die = has_files or makes_key or (name == "journaler" and self.disk_was_bad())
        require(may_die, f"{name} failed: {error!r}")
        self.seen["end after a disk error"] += 1
        self.die(host)
        if self.error_ends_all:  # so that it is no successor of the same run that finds what the disk has left
            self.error_ends_all = False
            self.end_all()

    def end_all(self) -> None:
        """The supervisor dies, and its hosts with it; the next one starts all."""
        for host in self.hosts:
            if host.alive:
                self.die(host)
        self.was_ready = False

    def disk_was_bad(self) -> bool:
        return bool(self.disk.seen["sync error"] + self.disk.seen["write error"] + self.disk.seen["short write"]) or (
            self.disk.others_bytes > 0
        )

    def die(self, host: Host) -> None:
        """A process is gone; the supervisor will notice."""
        self._end(host)
        self.deaths.append((self.turn + self.steps.randint(1, 30), host))

    def _end(self, host: Host) -> None:
        batcher = host.stages.get("batcher")
        if batcher is not None:
            batcher.disconnect()
        self._hang_up(host.stages)
        had_journal = "journaler" in host.stages
        self.bug.at_death(host.agents, self)
        host.kill()
        if had_journal:
            self.disk.locked = False

    def supervise(self) -> None:
        """What the supervisor does in a turn; power may fail while it looks at the journal."""
        try:
            self._supervise()
        except OSError:
            if not self.disk.off:
                raise
            self.lose_power("inside the disk")

    def _supervise(self) -> None:
        """Notice deaths, and start again what the venue's own rules say; see to snapshots."""
        due = [death for death in self.deaths if death[0] <= self.turn]
        for death in due:
            if death not in self.deaths:
                continue
            self.deaths.remove(death)
            host = death[1]
            led = self.ground.board.get(Word.EPOCH) != 0
            way, _delay_s = self.recovery.after(self.topology.host(host.name), self.mono_ns / 1e9, led=led)
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
                if self.topology.host(host.name).is_downstream:
                    self._leave_out(host)
                self.start_host(host)
        self._keep_gate()
        self._snapshots()

    def _leave_out(self, host: Host) -> None:
        for agent in host.agents:
            self.venue.take_out(agent, self.mono_ns)
        if self.coordinator is not None:
            self.coordinator.lost(host.agents, self.mono_ns / 1e9)

    def _keep_gate(self) -> None:
        """End who only tells and keeps a ring full, where a fault stalls it: small rings are full again and again."""
        if self.turn % TURNS_A_TICK or not self.ground.board.get(Word.EPOCH):
            return
        for stall in self.gate.look(self.venue, self.mono_ns / 1e9):
            host = next(host for host in self.hosts if host.name == stall.host.name)
            if host.alive and host.stalled_until > self.turn:
                self.seen["taken out of the gate"] += 1
                host.stalled_until = 0
                self.die(host)
                for agent in host.agents:
                    self.venue.take_out(agent, self.mono_ns)

    def _snapshots(self) -> None:
        if self.turn % TURNS_A_TICK or self.deaths or not all(host.alive and not host.catching for host in self.hosts):
            return
        if not self.was_ready:
            self.was_ready = self.is_ready()
            return
        with (
            patch.object(snapshots, "asyncio", self.later),
            patch.object(snapshot_catalog, "_settle", self._settle),
            patch.object(snapshots, "RESTS", 0),  # a run is too short to rest in: what is rare would not be met
        ):
            if self.coordinator is None:
                self.coordinator = snapshots.Coordinator(
                    self.ground.board, self.data, self.config, self.topology, self._reported, self.mono_ns / 1e9
                )
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
        """Sync the journal, before a snapshot becomes valid."""
        for first in [first for first in segment_seqs(disk) if first <= seq][-2:]:
            disk.settle(file_name(first))
        disk.settle_directory()

    def _hang_up(self, gateways: Collection[str] | None = None) -> None:
        """The connections of all gateways, or of those among `gateways`, are gone."""
        for trader in self.traders:
            if gateways is not None and self.gateway_of(trader) not in gateways:
                continue
            if trader.wire is not None and trader.wire.home is self:
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
        self.files.lose_power(self.draw("power"))
        self._new_boot()
        for trader in self.traders:
            trader.was_lost_ever = True
        self.deaths = [(self.turn, host) for host in self.hosts[:1]]
        self.was_ready = False  # so that all starts again
        self.is_cut = self.plan.durability == "none"

    def _new_boot(self) -> None:
        self.boots += 1
        self.boot_id.write_text(f"{self.boots:036d}")
        segments.BOOT_ID = self.boot_id

    def audit_last(self) -> None:
        """Look at the messages before they are gone."""
        if self.hosts:
            self.audit.step()

    def _committed(self, database: Database) -> None:
        durable = self.venue.board.commit_position()
        require(max(database.causes) <= durable, f"I8: the database has command {max(database.causes)} of {durable}")

    @property
    def utc_ns(self) -> int:
        return START_NS + self.mono_ns

    @property
    def door(self) -> Any:
        return self.door_of("gateway.1")

    def door_of(self, gateway: str) -> Any:
        """Where a gateway's clients connect; None while it has no process."""
        stage = next((host.stages.get(gateway) for host in self.hosts if gateway in host.agents), None)
        return stage.door if stage is not None else None

    def gateway_of(self, trader: Trader) -> str:
        return f"gateway.{homes_of(self.config)[trader.name]}"

    def host_of(self, agent: str) -> Host:
        return next(host for host in self.hosts if agent in host.agents)

    def stage_of(self, agent: str) -> Any:
        return self.host_of(agent).stages.get(agent)
