"""One of two nodes: a whole venue on a host of its own, with the replicator, a role, and a supervisor that changes it.

What its supervisor decides about roles is the venue's own (`cluster.roles`), stepped here as everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from msgspec import structs

from lockstep.config.schema import Config, ReplicationSection, WitnessSection
from lockstep.core.cluster.roles import HANDOVER_S, Roles
from lockstep.core.host import health
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.venue import node as roles
from lockstep.core.venue import venue_key
from lockstep.core.venue.node import Node
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import LAPSED, Venue
from lockstep.procs.replicator import __main__ as replicator_main
from lockstep.procs.replicator import replicator as replicator_module
from lockstep.procs.replicator.handshake import Promote
from lockstep.shm.board import Board, Handover, Word
from tests.broken import require
from tests.simulation.audit import Audit
from tests.simulation.cable import Acceptor, Dialer, End, Network
from tests.simulation.database import Database
from tests.simulation.lifecycle import Host, Life
from tests.simulation.pair_plan import PairPlan
from tests.simulation.setting import config_of, watched
from tests.simulation.turns import Turn
from tests.simulation.witnessed import AHEAD, OVER, WitnessStage, show_health
from tests.simulation.world import World

if TYPE_CHECKING:
    from tests.simulation.pair import Pair

PORTS = {"a": 9900, "b": 9901}
LEASE_S = 2
ERASED_FOLDERS = ("gateway.1", "spool", "snapshots", "node", "run")


class NodeAudit(Audit):
    """Of one node's rings: what a node that does not lead has is held against what was committed, and adds nothing.
    What is written by one that is fenced is not committed, nor what one without the lease has that waits for nobody: no
    client is told of it.
    """

    def __init__(self, side: Side) -> None:
        super().__init__(side.pair.audit)
        self._side = side

    def reach(self, board: Board) -> tuple[int, int]:
        if self._side.goes_another_way:
            return 0, 0
        released, committed = super().reach(board)
        if self._side.is_shut:
            return 0, self._side.committed
        if board.get(Word.EPOCH):
            return released, committed
        return min(released, len(self.log)), min(committed, len(self.log))


class Unwatched:
    """Nothing wakes a replicator: it is polled in turn."""

    def __init__(self, _come: Callable[[], None]) -> None:
        self.source: object = None

    def look_at(self, source: object) -> None:
        self.source = source

    def rest(self, _duration_s: float) -> None:
        """Nor has it to be kept from being woken."""


class ReplicatorStage:
    """The replicator as its host builds it, on the simulation's network."""

    def __init__(self, venue: Venue, network: Network) -> None:
        with (
            patch.object(replicator_module, "Watched", Unwatched),
            patch.object(replicator_main, "Acceptor", lambda address, _: Acceptor(network, address)),
            patch.object(replicator_main, "Dialer", lambda address, _: Dialer(network, address)),
        ):
            self.replicator = replicator_main.build(venue)
        self._network = network

    @property
    def end(self) -> End | None:
        """Its end of the connection, if there is one."""
        return cast(End | None, cast(Any, self.replicator)._link.source)

    def step(self, now_ns: int) -> int:
        return self.replicator.poll(now_ns)

    def attach(self, consumers: object, board: object) -> None:
        self.replicator.attach(consumers, board)

    def die(self) -> None:
        """Its process is gone. The peer hears of it, or finds the connection half-open (its host lost power)."""
        replicator = self.replicator
        replicator._shipping._acceptor.close()
        for each in (replicator._shipping, replicator._filling):
            end = cast(End | None, each.connection if each is not None else None)
            if end is not None and self._network.draw.random() < 0.5:
                end.is_open = False
            elif end is not None:
                end.close()


class RunView:
    """A node's run, as `cluster.roles` sees it (`lockstep.procs.supervisor.run.Run` is one)."""

    def __init__(self, side: Side) -> None:
        self._side = side

    @property
    def venue(self) -> Venue:
        return self._side.venue

    @property
    def follows(self) -> bool:
        return self._side.ground.manifest.node.is_secondary

    @property
    def leads(self) -> bool:
        return self._side.ground.board.get(Word.EPOCH) != 0

    def promote(self, node: Node) -> None:
        side = self._side
        side.ground.become(node)
        side.venue.renew()
        side.ground.board.set(Word.PROMOTE, Promote.NOW)
        side.seen["promotion"] += 1
        side.pair.chosen = side
        side.bug.at_promotion(side)
        for trader in side.traders:
            trader.was_lost_ever = True
            trader.is_untold = trader.is_untold or side.pair.counts()["snapshot"] > 0

    async def hand_over(self) -> bool:
        side = self._side
        gateway = side.host_of("gateway.1")
        if gateway.alive:
            side._end(gateway)
        side.deaths = [death for death in side.deaths if death[1] is not gateway]
        side.seen["asked to hand over"] += 1
        end_ns = side.mono_ns + int(HANDOVER_S * 1e9)
        in_a_row = 0
        while in_a_row < 2:
            if side.mono_ns > end_ns:
                side.seen["gave up handing over"] += 1
                return False
            board = side.ground.board
            done = board.get(Word.ACKED_SEQ) >= board.get(Word.LOG_END) and health.is_drained(side.venue, {"gateway.1"})
            if done and board.get(Word.HANDOVER) == Handover.ASKED:
                board.set(Word.HANDOVER, Handover.CLOSING)
            in_a_row = in_a_row + 1 if done and board.get(Word.HANDOVER) == Handover.CLOSED else 0
            await Turn()
        side.seen["handed over"] += 1
        return True

    def take_up_again(self) -> None:
        self._side.start_host(self._side.host_of("gateway.1"))

    async def go_alone(self, node: Node) -> None:
        side = self._side
        side.ground.become(node)
        side.venue.renew()
        journal = side.host_of("journaler")
        if side.plan.durability == "replicated":  # its journaler may have eased
            if journal.alive:
                side._end(journal)
            side.deaths = [death for death in side.deaths if death[1] is not journal]
            side.start_host(journal)
        if journal.alive:
            side.board.set(Word.COMMIT_BY, 0)
            if node.statement and self.leads:
                side.board.set(Word.EPOCH_WANTED, side.board.get(Word.EPOCH) + 1)
            side.seen["went alone"] += 1


class Said:
    """A console, and alerts, that remember what they were told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def tell(self, _event: str, text: str) -> None:
        self.lines.append(text)


class Side(World):
    """Node `name` of the venue of `pair`. `is_off`: no power, or nobody has started it; `is_ended`: its supervisor has
    ended by itself, and says why."""

    def __init__(self, pair: Pair, name: str, plan: PairPlan) -> None:
        self.pair = pair
        self.name = name
        self.plan: PairPlan = plan
        self.lease_until = 0  # by the simulation's clock: what the board has of it goes by the machine's
        self.written = 0  # how often its gateway has written to a client of those that are connected
        self.safe_seq = 0  # how far its disk has the log, since it has this one
        self.committed = 0  # how far it has seen that log committed
        self.committed_alone = 0  # the last of it that waited for nobody
        self.goes_another_way = False  # its log has a tail that a killed `lockstep rejoin` was to cut
        self.hung_until = 0  # the turn at which its hung processes continue
        self.backup: dict[str, bytes] = {}  # of its journal, as it was once
        self.ends = 0  # how often its supervisor has ended by itself
        self.peer_name = "b" if name == "a" else "a"
        super().__init__(plan, pair.bug)
        self.steps = pair.steps
        self.trace = pair.trace
        self.traders, self.requests, self.operator = pair.traders, pair.requests, pair.operator
        self.payments = pair.payments = pair.payments or self.payments
        self.administration = None  # seeds of two nodes are what they were
        self.audit = NodeAudit(self)
        self.database = pair.database or Database(self.draw("database"), self._committed)
        self.is_off = True
        self.is_ended = False
        self.works_at_roles: Coroutine[Any, Any, Any] | None = None
        self.is_starting = False
        self.said = Said()
        self.roles = self._new_roles()

    # What it has of its own, and what it shares

    @property
    def turn(self) -> int:
        return self.pair.turn

    @turn.setter
    def turn(self, turn: int) -> None:
        self.pair.turn = turn

    @property
    def mono_ns(self) -> int:
        return self.pair.mono_ns

    @mono_ns.setter
    def mono_ns(self, mono_ns: int) -> None:
        self.pair.mono_ns = mono_ns

    @property
    def healing(self) -> bool:
        return self.pair.healing

    @healing.setter
    def healing(self, healing: bool) -> None:
        self.pair.healing = healing

    @property
    def door(self) -> Any:
        return super().door if self.runs else None

    def draw(self, name: str) -> Random:
        return super().draw(f"{self.name} {name}")

    def make_folder(self) -> Path:
        folder = self.pair.folder / self.name
        folder.mkdir()
        return folder

    def make_config(self) -> Config:
        config = config_of(self.plan)
        own, peer = PORTS[self.name], PORTS[self.peer_name]
        return structs.replace(
            config,
            venue=structs.replace(config.venue, data=str(self.data)),
            replication=ReplicationSection(node=self.name, port=own, peer_port=peer),
            witness=WitnessSection(
                urls=["http://10.0.0.7:2379"] if self.plan.has_witness else [],
                lease_s=LEASE_S,
                alone_after_s=self.plan.alone_after_s,
            ),
        )

    def make_boot_id(self) -> str:
        self.pair.starts += 1
        return f"{self.pair.starts:08x}".ljust(32, "0")

    def _new_boot(self) -> None:
        self.boots += 1
        self.boot_id.write_text(f"{self.name}{self.boots:035d}")

    def node(self) -> Node:
        return roles.load(self.data)

    def build(self, name: str, venue: Venue) -> Any:
        if name == "replicator":
            return ReplicatorStage(venue, self.pair.network)
        if name == "witness":
            return WitnessStage(venue, self)
        return super().build(name, venue)

    def _parts(self, name: str) -> Any:
        parts = super()._parts(name)
        parts.keeps_digests = True
        return parts

    def _committed(self, database: Database) -> None:
        """A node that starts again learns only later of the other one's commits, which its database may have."""
        self.see_commit()
        cause, committed = max(database.causes), self.pair.ever_committed
        require(cause <= committed, f"I8: the database has command {cause} of {committed}")

    def see_commit(self) -> None:
        """Look how far the log is committed, as this node sees it."""
        if not self.is_shut:
            self.committed = max(self.committed, self.board.commit_position())
            self.pair.ever_committed = max(self.pair.ever_committed, self.committed)
            if self.leads and self.board.get(Word.COMMIT_BY) != Word.ACKED_SEQ:
                self.committed_alone = self.committed

    def _new_roles(self) -> Roles:
        return Roles(self.config, self.said.line, self.said.tell, lambda: False, lambda: None)

    # Its state

    @property
    def board(self) -> Board:
        return self.ground.board

    @property
    def is_down(self) -> bool:
        return self.is_off or self.is_ended

    @property
    def is_waiting(self) -> bool:
        """Whether it begins, and asks the other node first."""
        return not self.is_down and self.is_starting and self.works_at_roles is not None

    @property
    def runs(self) -> bool:
        """Whether there is a run: its board means something."""
        return not self.is_down and not self.is_starting and bool(self.hosts)

    @property
    def leads(self) -> bool:
        return self.runs and self.board.get(Word.EPOCH) != 0

    @property
    def follows(self) -> bool:
        return self.runs and self.ground.manifest.node.is_secondary

    @property
    def link(self) -> End | None:
        stage = self.stage_of("replicator") if self.runs else None
        return stage.end if stage is not None else None

    def is_ready(self) -> bool:
        return super().is_ready() if not self.follows else bool(self.board.get(Word.LINK))

    # Life and death

    def power_up(self) -> None:
        """Somebody starts it."""
        self.is_off = self.is_ended = False
        self.start()

    def power_down(self, *, lost: bool) -> None:
        """It stops, in no order: its power is gone, or only its processes are (`lost` says which)."""
        if lost and not self.is_down:
            self.lose_power("of a host")
        self.end_run()
        self.is_off = True

    def end_run(self) -> None:
        self._drop_work()
        self.hung_until = 0
        super().end_run()
        self.hosts = []

    def lose_power(self, how: str) -> None:
        self._drop_work()
        super().lose_power(how)
        self.hosts = []
        self.deaths = []
        if not self.is_down:
            self.is_starting = True

    def begin_run(self) -> None:
        """The supervisor asks the other node first, where it is to lead (LOG-21)."""
        self._drop_work()
        self.roles = self._new_roles()
        self.is_starting = True
        try:
            node = self.roles.load()
        except roles.RoleError as error:
            self.said.line(str(error))
            self._may_begin(may=False)
            return
        self.works_at_roles = self.roles.may_run(node)

    def end_all(self) -> None:
        self._drop_work()
        super().end_all()

    def _drop_work(self) -> None:
        if self.works_at_roles is not None:
            self.works_at_roles.close()
            self.works_at_roles = None

    def _supervise(self) -> None:
        if self.is_down or self.hung_until > self.turn:
            return
        if self.is_starting and self.works_at_roles is None:
            self.start()
        if self.works_at_roles is None:
            super()._supervise()
            if self.runs and self.works_at_roles is None and not self.deaths:
                self.works_at_roles = self.roles.change(cast(Any, RunView(self)))
        if self.works_at_roles is not None:
            self._work_at_roles()

    def _work_at_roles(self) -> None:
        work = self.works_at_roles
        assert work is not None
        try:
            work.send(None)
        except StopIteration as done:
            self.works_at_roles = None
            if self.is_starting:
                self._may_begin(may=done.value)
            elif done.value:
                self._fenced()

    def _may_begin(self, *, may: bool) -> None:
        self.is_starting = False
        if not may:
            self.seen["start refused"] += 1
            self.end_run()
            self.is_ended = True
            return
        self.topology = watched(derive(self.config, follows=self.node().is_secondary))
        self.lease_until = 0
        (Path(str(self.data)) / "run").mkdir(exist_ok=True)
        Life.begin_run(self)

    # The lease

    @property
    def is_shut(self) -> bool:
        """Whether it releases nothing, and may never again what it has."""
        board = self.board
        is_alone = board.get(Word.COMMIT_BY) != Word.ACKED_SEQ
        return board.get(Word.FENCED) != 0 or (is_alone and board.is_closed())

    def lease_ns(self) -> int:
        """The clock of leases."""
        return self.mono_ns

    def show_lease(self) -> None:
        """Say on the board whether the lease is over; the machine's clock, which the board looks at, says nothing."""
        if self.runs and self.lease_until > LAPSED:
            self.board.set(Word.LEASE_UNTIL, OVER if self.lease_ns() >= self.lease_until else AHEAD)

    @property
    def may_release(self) -> bool:
        """Whether it has the lease, as it believes, and is not fenced."""
        return self.runs and self.lease_until > LAPSED and not self.board.is_closed()

    def look_at_role(self) -> None:
        """The witness has changed the node's role."""
        self.seen["took over"] += self.follows and not self.node().is_secondary
        self.roles.look()

    def _step_host(self, host: Host) -> int:
        work = super()._step_host(host)
        if self.plan.has_witness and host.alive and host.stalled_until <= self.turn:
            show_health(host.venue, host.agents, self.mono_ns)
        return work

    def _fenced(self) -> None:
        """The run is over: the other node is to lead."""
        self.seen["fenced"] += 1
        is_over = self.roles.is_over(cast(Any, RunView(self)))
        self.end_run()
        if is_over:
            self.is_ended = True
        else:
            self.start()

    def restart_core(self) -> None:
        require(not self.follows, "the core of a secondary does not start again alone")
        super().restart_core()

    def begin(self, journal_id: bytes | None = None, venue: str = "") -> None:
        """As `lockstep pair` on the node that is to lead."""
        size, venue = self.config.journal.segment_bytes, venue or self.config.venue.name
        JournalWriter(cast(Any, self.disk), segment_bytes=size, journal_id=journal_id, venue=venue).close()

    def erase(self) -> None:
        """Nothing is left of what it had: a new disk, in a new host."""
        require(self.is_down, "a node that runs is not erased")
        for folder in ERASED_FOLDERS:
            self._erase(Path(str(self.data)) / folder)
        (Path(str(self.data)) / venue_key.FILE).unlink(missing_ok=True)
        self.safe_seq = self.committed = self.committed_alone = 0
        self.goes_another_way = False
        self.disk = self.bug.disk(self.plan.seed)
        self.data.disk = self.disk
        self.files = self.bug.files(Path(str(self.data)), self.disk, self.draw("files"), self.seen)
        if self.pair.database is None:
            self.database = Database(self.draw("database"), self._committed)
        self._new_boot()

    def lose_behind(self, end: int) -> None:
        """Its log ends with record `end` now. Its database starts empty, if it has more."""
        self.goes_another_way = False
        self.committed, self.committed_alone = min(self.committed, end), min(self.committed_alone, end)
        if self.pair.database is None and max(self.database.causes) > end:
            self._erase(Path(str(self.data)) / "spool")
            self.database = Database(self.draw("database"), self._committed)

    def _erase(self, folder: Path) -> None:
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()
