"""Two nodes in one process: a primary and its secondary, the network between them, and those who run them.

Whatever strikes, what was committed stays committed and is told once, whichever node leads; then all faults end, and
both nodes have to come to one state.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from lockstep.core.cluster import peer_tail
from lockstep.core.cluster import roles as cluster_roles
from lockstep.core.journal.end import segment_header
from lockstep.core.journal.journal import segment_seqs
from lockstep.core.venue import node as roles
from lockstep.core.venue import venue as venues
from lockstep.core.venue.node import Node
from lockstep.core.venue.venue import Venue
from lockstep.procs.gateway import background, segments, seq_num_file
from lockstep.procs.replicator import asking
from lockstep.procs.replicator.handshake import LinkState
from lockstep.shm.board import Word
from tests.broken import require
from tests.simulation import border, files, witnessed
from tests.simulation.administration import Administration
from tests.simulation.audit import Audit
from tests.simulation.bugs import Bug
from tests.simulation.cable import ASKS_TO_LEAD, Dialer, End, Network, kind_of
from tests.simulation.crew import Crew
from tests.simulation.database import Database
from tests.simulation.etcd import Cluster
from tests.simulation.faults import FAULTS
from tests.simulation.healing import Healing
from tests.simulation.lifecycle import SHM
from tests.simulation.pair_faults import NODE_FAULTS
from tests.simulation.pair_operations import OPERATIONS
from tests.simulation.pair_plan import PairPlan, is_operated
from tests.simulation.payments import Payments
from tests.simulation.plan import Fault
from tests.simulation.setting import OPERATOR_ACCOUNT, TRADERS
from tests.simulation.side import Side
from tests.simulation.trader import Trader
from tests.simulation.traffic import Operator, Requests
from tests.simulation.turns import Waiting
from tests.simulation.world import BOOT_ID, NUMBERS_AHEAD

if TYPE_CHECKING:
    from lockstep.shm.board import Board

HEAL_STEP_NS = 400_000  # on average: a commit takes many turns, and must not seem held up
MEND_TURNS = 60  # between two looks of those who run the nodes, once faults have ended


class Clock:
    """What the venue's own waiting uses of `time`: while one node's supervisor waits, everybody else goes on."""

    CLOCK_BOOTTIME = time.CLOCK_BOOTTIME

    def __init__(self, pair: Pair) -> None:
        self._pair = pair

    def monotonic(self) -> float:
        return self._pair.mono_ns / 1e9

    def monotonic_ns(self) -> int:
        return self._pair.mono_ns

    def clock_gettime_ns(self, _clock: int) -> int:
        """Only leases go by another clock."""
        return self._pair.active.lease_ns()

    def sleep(self, seconds: float) -> None:
        self._pair.wait(seconds)


class Pair(Healing):
    """One run of one plan. `audit` knows all that was ever committed, by whichever node."""

    heal_turns = 120_000  # 48 s: a handover that is given up takes 20, and an operator waits 35
    space_seen_ns = 0  # a commit that is under way must not seem held up

    def __init__(self, plan: PairPlan, bug: Bug | None = None) -> None:
        self.plan = plan
        self.bug = bug or Bug()
        self.seen: Counter[str] = Counter()
        self.steps = Random(f"steps of two {plan.seed}")
        self.draws = Random(f"draws of two {plan.seed}")
        self.trace = hashlib.blake2b(digest_size=16)
        self.turn = self.starts = 0
        self.ever_committed = 0  # by whichever node; a database may have it when that node has lost its log
        self._mono_ns = 10**12
        self.sides: list[Side] = []
        self.healing = False
        self.is_calm = False  # turns take little time: no lease has to end any more
        self.folder = Path(tempfile.mkdtemp(prefix="lockstep-simulation-", dir=SHM if SHM.is_dir() else None))
        self.network = Network(Random(f"network of two {plan.seed}"), plan.link_delay_ns)
        self.cluster = Cluster(Random(f"etcd of two {plan.seed}"), self._chosen)
        self.audit = Audit()
        shared = Database(Random(f"database of two {plan.seed}"), lambda found: self.active._committed(found))
        self.database = shared if plan.shares_database else None
        self.traders = [Trader(name, n, Random(f"{name} of two {plan.seed}")) for n, name in enumerate(TRADERS, 1)]
        self.requests = [Requests(each, Random(f"requests {each.name} of two {plan.seed}")) for each in self.traders]
        self.operator = Operator(OPERATOR_ACCOUNT, len(TRADERS), Random(f"operator of two {plan.seed}"))
        self.payments: Payments | None = None  # both nodes', once the first one has them
        self.administration: Administration | None = None
        self.asked_at: dict[str, int] = {}
        self.sides = [Side(self, name, plan) for name in "ab"]
        self.active = self.sides[0]
        self.busy: list[Side] = []
        self.chosen = self.sides[0]  # to lead: one that is cut off may have begun later epochs since
        self.crew = Crew(self)
        self.leaders: dict[int, str] = {}  # who released something in each epoch
        self.beginners: dict[int, str] = {}  # who began each
        self.begun: dict[str, tuple[Any, int]] = {}  # what each node leads, and the log's end when it was first seen to
        self.asked: dict[str, int] = {}
        self.links: dict[str, End | None] = {}  # of a turn ago
        self.crew_turn = 0

    # The run

    def run(self) -> None:
        """Both phases. BrokenError, or what a stage raised, where the nodes are not as they should be."""
        with self._in_place(), self.bug.planted(self.sides[0]):
            self._begin()
            due = list(self.plan.faults)
            end = self.turn + self.plan.turns
            first = self.turn
            while self.turn < end:
                while due and first + due[0].turn <= self.turn:
                    self.strike(due.pop(0))
                self.step()
                self.crew.tick()
            self.heal()
            self.check()

    @contextlib.contextmanager
    def _in_place(self) -> Iterator[None]:
        clock, waiting = Clock(self), Waiting(lambda: self.mono_ns)
        journals = [Path(str(side.data)) / "journal" for side in self.sides]

        def dialer(address: str, _credentials: object) -> Dialer:
            return Dialer(self.network, address)

        draw = Random(f"identities of two {self.plan.seed}").randbytes
        with contextlib.ExitStack() as stack:
            stack.enter_context(border.around(self.folder, *journals))
            stack.enter_context(files.in_place(lambda: self.active.files))
            stack.enter_context(witnessed.in_place(clock, waiting))
            for replaced in (
                patch("time.time_ns", lambda: self.active.utc()),
                patch.object(roles, "tell_supervisor", lambda: self.active.roles.look()),
                patch("os.urandom", draw),
                patch("random._urandom", draw),
                patch.object(venues, "Path", self.path_of),
                patch.object(cluster_roles, "Path", self.path_of),
                patch.object(cluster_roles, "asyncio", waiting),
                patch.object(cluster_roles, "time", clock),
                patch.object(cluster_roles, "Dialer", dialer),
                patch.object(asking, "time", clock),
                patch.object(peer_tail, "time", clock),
                patch.object(seq_num_file, "BLOCK", NUMBERS_AHEAD),
                patch.object(background, "Background", lambda: self.bug.asides(self.active)),
            ):
                stack.enter_context(replaced)
            yield

    def path_of(self, text: str) -> Path:
        for side in self.sides:
            if str(text) == str(side.data):
                return side.data
        return Path(text)

    def _begin(self) -> None:
        """A venue that begins, and a second node that is paired with it."""
        a, b = self.sides
        with self.at(a):
            a.begin()
            roles.save(a.data, Node(members=("a",), peer=self.peer_of(a)))
        self.power_up(a)
        self.until(lambda: a.leads, "the first node leads")
        with self.at(b):
            journal_id = segment_header(a.disk, min(segment_seqs(a.disk))).journal_id.hex()
            roles.save(b.data, Node("secondary", journal_id=journal_id, peer=self.peer_of(b)))
        self.power_up(b)
        if self.plan.has_witness:
            self.until(self.is_well, "the second node may take over")

    @contextlib.contextmanager
    def at(self, side: Side) -> Iterator[None]:
        """What is done in the block is done on the node's host."""
        before = self.active
        self._enter(side)
        try:
            yield
        finally:
            self._enter(before)

    def _enter(self, side: Side) -> None:
        self.active = side
        segments.BOOT_ID = side.boot_id

    def peer_of(self, side: Side) -> str:
        """What the role of the node calls the other one: nothing in seeds that are older than epochs by peers."""
        return side.peer_name if is_operated(self.plan.seed) else ""

    def other(self, side: Side) -> Side:
        return self.sides[side is self.sides[0]]

    def power_up(self, side: Side) -> None:
        with self.at(side):
            side.power_up()

    def power_down(self, side: Side, *, lost: bool) -> None:
        with self.at(side):
            side.power_down(lost=lost)

    def strike(self, fault: Fault) -> None:
        """Let a fault happen now, if it can."""
        draw = Random(fault.seed)
        of_two = NODE_FAULTS | OPERATIONS
        if fault.kind in of_two:
            self.seen[fault.kind] += of_two[fault.kind](self, draw)
            return
        side = draw.choice(self.sides)
        if side.runs:
            with self.at(side):
                self.seen[fault.kind] += FAULTS[fault.kind](side, draw)

    # A turn

    @property
    def mono_ns(self) -> int:
        return self._mono_ns

    @mono_ns.setter
    def mono_ns(self, mono_ns: int) -> None:
        """Leases end by time alone."""
        self._mono_ns = mono_ns
        self.cluster.pass_to(mono_ns)
        for side in self.sides:
            side.show_lease()

    def step(self) -> None:
        """One turn: both supervisors look, and one actor does something."""
        self.turn += 1
        mean_ns = HEAL_STEP_NS if self.is_calm else self.plan.step_ns
        self.mono_ns += int(self.steps.expovariate(1 / mean_ns))
        self.network.now_ns = self.mono_ns
        self.network.tidy()
        free = [side for side in self.sides if side not in self.busy]
        for side in free:
            with self.at(side):
                side.supervise()
        if not free:
            return
        side = self.steps.choice(free)
        choice = self.steps.random()
        if choice >= 0.74 and choice < 0.95:
            self._step_client()
        elif side.runs:
            with self.at(side):
                self._step_side(side, choice)
        self.watch()

    def _step_side(self, side: Side, choice: float) -> None:
        if choice < 0.66:
            side._step_host(side.hosts[int(choice / 0.66 * len(side.hosts))])
        elif choice < 0.74:
            side.audit.step()
            if side.leads and not side.board.get(Word.FENCED):
                side._pay()
        elif choice < 0.98:
            side._load()
        elif side.leads and not side.board.get(Word.FENCED):
            side._operate()

    def _step_client(self) -> None:
        index = self.steps.randrange(len(self.traders))
        trader = self.traders[index]
        side = trader.wire.home if trader.wire is not None else self.steps.choice(self.sides)
        assert isinstance(side, Side)
        if side not in self.busy:
            with self.at(side):
                side._step_trader(trader, self.requests[index])

    def wait(self, seconds: float) -> None:
        """The supervisor of the node that is active waits: the others go on."""
        waiting = self.active
        end_ns = self.mono_ns + int(seconds * 1e9)
        self.busy.append(waiting)
        try:
            self.step()
            while self.plan.has_witness and self.mono_ns < end_ns:  # whose core would seem to hang
                self.step()
            self.mono_ns = max(self.mono_ns, end_ns)
        finally:
            self.busy.remove(waiting)
            self._enter(waiting)

    # What must hold at each moment

    def watch(self) -> None:
        """I9, and that nothing is acknowledged that is not on the other node's disk."""
        both = all(side.may_release for side in self.sides)
        require(not both, "I9: both nodes have the lease, as they believe, and may release")
        for side in self.sides:
            if not side.runs:
                self.asked.pop(side.name, None)
                self.links.pop(side.name, None)
                self.begun.pop(side.name, None)
                continue
            board = side.board
            side.see_commit()
            self._watch_gateway(side, board)
            side.safe_seq = max(side.safe_seq, board.get(Word.DURABLE_SEQ) if side.follows else 0)
            if side.leads:
                self._watch_leader(side, board)
            elif not side.follows:  # asked by a connection that may be over when it leads
                self.asked[side.name] = board.get(Word.HANDOVER) | board.get(Word.FENCED)

    def _watch_gateway(self, side: Side, board: Board) -> None:
        wires = [trader.wire for trader in self.traders if trader.wire is not None and trader.wire.home is side]
        written = sum(wire.written for wire in wires)
        is_silent = written <= side.written or not board.is_closed()
        require(is_silent, f"I9: {side.name} writes to a client, and may release nothing")
        side.written = written

    def _watch_leader(self, side: Side, board: Board) -> None:
        begun = self.beginners.setdefault(board.get(Word.EPOCH), side.name)
        is_alone = begun == side.name or not self.peer_of(side)
        require(is_alone, f"I9: {side.name} and {begun} have begun epoch {board.get(Word.EPOCH)}")
        epoch = (board.get(Word.GENERATION), board.get(Word.EPOCH))
        if self.begun.get(side.name, ((), 0))[0] != epoch:
            end, committed = board.get(Word.LOG_END), len(self.audit.log)
            has_all = end >= committed or self.plan.durability == "local"
            require(has_all, f"I2: {side.name} begins to lead behind record {end}, and {committed} is committed")
            self.begun[side.name] = (epoch, end)
        if side.door is not None and side.door.is_open and board.commit_position() >= self.begun[side.name][1]:
            who = self.leaders.setdefault(board.get(Word.EPOCH), side.name)
            require(who == side.name, f"I9: {side.name} and {who} lead epoch {board.get(Word.EPOCH)}")
        acked, safe = board.get(Word.ACKED_SEQ), self.other(side).safe_seq
        require(acked <= safe, f"I2: {acked} is acknowledged, and the other node has synced {safe}")
        asked = board.get(Word.HANDOVER) | board.get(Word.FENCED)
        if asked and not self.asked.get(side.name):
            links = [
                link for link in (side.link, self.links.get(side.name)) if link is not None
            ]  # it may have ended since
            genuine = any(kind_of(frame) in ASKS_TO_LEAD for link in links for frame in link.into.frames)
            genuine = genuine or self.cluster.owner not in ("", side.name)
            require(genuine, "I9: the node gives way, and the other one has not asked it to on this connection")
        self.asked[side.name] = asked
        self.links[side.name] = side.link

    def _chosen(self, name: str) -> None:
        """A node has become the owner of the venue, as etcd has it."""
        self.chosen = next(side for side in self.sides if side.name == name)

    def led(self, side: Side) -> int:
        """The last epoch that the node has led, and released something in; 0 if none."""
        return max((epoch for epoch, name in self.leaders.items() if name == side.name), default=0)

    # The end

    @property
    def leader(self) -> Side | None:
        found = [side for side in self.sides if side.leads and not side.board.get(Word.FENCED)]
        return found[0] if len(found) == 1 else None

    @property
    def venue(self) -> Venue:  # type: ignore[override]
        assert self.leader is not None
        return self.leader.venue

    @property
    def door(self) -> Any:
        return self.leader.door if self.leader is not None else None

    def _operator_ns(self) -> int:
        assert self.leader is not None
        return self.leader._operator_ns()

    def _command(self, record: bytes) -> None:
        assert self.leader is not None
        self.leader._command(record)

    def calm(self) -> None:
        self.healing = True
        self.is_calm = not self.plan.has_witness
        self.network.is_cut = False
        self.cluster.calm()
        for side in self.sides:
            side.calm()
        self.until(self.is_well, "two nodes in step", self._look_after)
        if self.plan.has_witness:
            self._take_over()
            self.is_calm = True

    def pass_time(self, ns: int) -> None:
        """Leases are renewed meanwhile."""
        if not self.plan.has_witness:
            self.mono_ns += ns
            return
        end_ns = self.mono_ns + ns
        self.is_calm = False
        self.until(lambda: self.mono_ns >= end_ns, "time passes")
        self.is_calm = True

    def _take_over(self) -> None:
        """The primary dies, and nobody does anything about it: the other one has to lead."""
        leader = self.leader
        assert leader is not None
        other = self.other(leader)
        self.power_down(leader, lost=True)
        self.until(lambda: self.leader is other and other.is_ready(), "the other node takes over")
        self.until(self.is_well, "two nodes in step again", self._look_after)

    def _look_after(self) -> None:
        self.crew.tick()
        if self.turn >= self.crew_turn + MEND_TURNS:
            self.crew_turn = self.turn
            self.crew.mend()

    def is_well(self) -> bool:
        """Whether one node leads, and the other follows in step; both see that, so their connection isn't half open."""
        leader = self.leader
        if leader is None or leader.door is None or not leader.door.is_open or self.crew.doing is not None:
            return False
        follower = self.other(leader)
        if self.plan.has_witness and not self._may_take_over(leader):
            return False
        is_paired = leader.board.get(Word.COMMIT_BY) == Word.ACKED_SEQ or self.plan.durability == "local"
        in_step = all(side.board.get(Word.LINK) == LinkState.IN_STEP for side in self.sides)
        return follower.follows and is_paired and in_step

    def _may_take_over(self, leader: Side) -> bool:
        """Whether the one has the lease, and the other may take it after that."""
        state = self.cluster.state()
        both = state is not None and len(state.members) == len(self.sides)
        return both and leader.may_release and not self.cluster.has_forgotten

    def is_still(self) -> bool:
        if not self.is_well() or any(trader.wire is None for trader in self.traders):
            return False
        if any(trader.wire.to_client or trader.wire.to_venue for trader in self.traders if trader.wire):
            return False
        return all(self._has_done_all(side) for side in self.sides)

    def _has_done_all(self, side: Side) -> bool:
        if side.deaths or not all(host.alive and not host.catching for host in side.hosts):
            return False
        return side.board.get(Word.LOG_END) == self.venue.board.get(Word.LOG_END) and side.has_done_all()

    def check(self) -> None:
        """Everything that must be true of both nodes, when all is at rest."""
        for side in self.sides:
            with self.at(side):
                side.check()
        self.seen["checked I9"] += 1

    def counts(self) -> Counter[str]:
        """All that happened in this run."""
        found = self.seen + sum((side.counts() for side in self.sides), Counter())
        return found + Counter({"two nodes": 1, self.plan.durability: 1})

    def digest(self) -> str:
        """Of all that was said to clients, and all that both nodes have left."""
        trace = self.trace.copy()
        trace.update(repr((self.turn, self.mono_ns)).encode())
        for side in self.sides:
            trace.update(side.digest().encode())
        return trace.hexdigest()

    def state(self) -> str:
        said = []
        for side in self.sides:
            where = "off" if side.is_off else "ended" if side.is_ended else "starting" if side.is_starting else "runs"
            said.append(f"{side.name} {where} {side.said.lines[-2:]} {side.state() if side.runs else ''}")
        return "; ".join(said) + f" {self.network.is_cut=}"

    def close(self) -> None:
        for side in self.sides:
            side._drop_work()
            for host in side.hosts:
                host.kill()
        segments.BOOT_ID = BOOT_ID
        shutil.rmtree(self.folder, ignore_errors=True)
