"""Who runs two nodes: changes their roles by the venue's own steps, and puts right what has ended.

It does what `lockstep failover`, `switchover` and `rejoin` do, in simulated time, and no more than their pages allow.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, cast
from unittest.mock import patch

from msgspec import structs

from lockstep.core.cluster import divergence, loss, set_aside
from lockstep.core.cluster.divergence import Divergence, DivergenceError
from lockstep.core.journal import cut as journal_cut
from lockstep.core.journal.end import chain_at, end_of, segment_header
from lockstep.core.journal.journal import JournalError, segment_seqs
from lockstep.core.venue import node as roles
from lockstep.core.venue.node import Node
from lockstep.procs.replicator.handshake import LINKED, Fence, LinkState
from lockstep.procs.witness import record
from lockstep.shm.board import Word
from tests.simulation.pair_plan import is_operated

if TYPE_CHECKING:
    from tests.simulation.pair import Pair
    from tests.simulation.side import Side

FENCE_NS = 3 * 10**9
SWITCHOVER_NS = 35 * 10**9
KILLED = 0.3  # of the commands that cut a log, between the role and the cut
PATIENCE_NS = 10 * 10**9  # some leases


class Known:
    """The other node's log, as `lockstep rejoin` asks it."""

    def __init__(self, side: Side) -> None:
        self._disk = side.disk
        self._last = side.board.get(Word.DURABLE_SEQ)

    def has(self, seq: int, chain: int) -> bool:
        return seq <= self._last and chain_at(self._disk, seq) == chain

    def check_divergence(self, common: int, last: int) -> None:
        """The other leads: what it has is what there is."""


class Crew:
    """One change of roles is under way at a time: `doing` is asked each turn whether it is over."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._well_ns = pair.mono_ns
        self._draws = Random(f"crew of two {pair.plan.seed}")
        self.doing: Callable[[], bool] | None = None
        self.alone: set[str] = set()  # nodes that continue alone: the other must not lead before them

    def tick(self) -> None:
        if self.doing is not None and self.doing():
            self.doing = None
        if self.alone and self._pair.is_well():
            self.alone.clear()

    # Changes of roles

    def switchover(self, *, patience_ns: int = SWITCHOVER_NS) -> bool:
        """Begin a planned change of roles; False where the command would refuse."""
        side = self._follower()
        if self.doing is not None or side is None or side.board.get(Word.LINK) != LinkState.IN_STEP:
            return False
        self._write(side, structs.replace(side.node(), role="successor"))
        end_ns = self._pair.mono_ns + patience_ns

        def is_over() -> bool:
            if side.is_down or not side.node().is_secondary:
                return True
            is_vain = self._pair.healing and self._pair.other(side).is_down  # patience would outlast the simulation
            if self._pair.mono_ns < end_ns and not is_vain:
                return False
            self._write(side, structs.replace(side.node(), role="secondary"))
            self._pair.seen["switchover not done in time"] += 1
            return True

        self.doing = is_over
        return True

    def failover(self, *, statement: str = "") -> bool:
        """Begin to have the secondary lead, once the other one has said that it is fenced, or by the statement."""
        side = self._follower()
        if self.doing is not None or side is None or side.board.get(Word.DIFFERS):
            return False
        board = side.board
        if board.get(Word.LINK) not in LINKED:
            return bool(statement) and self.lead(side, statement)
        board.set(Word.HANDOVER, Fence.ASKED)
        end_ns = self._pair.mono_ns + FENCE_NS

        def is_over() -> bool:
            if not side.follows or side.board is not board:
                return True
            if board.get(Word.HANDOVER) == Fence.ANSWERED:
                self.lead(side, statement)
                return True
            if self._pair.mono_ns < end_ns:
                return False
            board.set(Word.HANDOVER, Fence.NO)
            if statement:
                self.lead(side, statement)
            return True

        self.doing = is_over
        return True

    def release(self, side: Side, statement: str) -> None:
        """Have a primary that leads continue without the other node."""
        self.alone.add(side.name)
        self._write(side, structs.replace(side.node(), members=(side.name,), statement=statement))

    def leave(self) -> bool:
        """Begin to stop the secondary, once the primary no longer waits for it; or all the same, after a while."""
        side = self._follower()
        if self.doing is not None or side is None or side.board.get(Word.LINK) not in LINKED:
            return False
        board = side.board
        self.alone.add(self._pair.other(side).name)
        board.set(Word.HANDOVER, Fence.LEAVES)
        end_ns = self._pair.mono_ns + FENCE_NS

        def is_over() -> bool:
            if not side.follows or side.board is not board:
                return True
            if board.get(Word.HANDOVER) != Fence.LEFT and self._pair.mono_ns < end_ns:
                return False
            self._pair.power_down(side, lost=False)
            return True

        self.doing = is_over
        return True

    def may_state(self) -> bool:
        """Whether a failover without the other node's word loses nothing: it committed nothing that this one lacks.

        Its commits wait for this one, and what it had committed before they did is on this one's disk.
        """
        side = self._follower()
        if side is None or self._pair.plan.durability == "local":
            return False
        other = self._pair.other(side)
        has_all = side.board.get(Word.DURABLE_SEQ) >= other.committed_alone
        return has_all and roles.is_paired(other.config, other.node()) and not other.node().is_secondary

    def _follower(self) -> Side | None:
        found = [side for side in self._pair.sides if side.follows and side.node().is_secondary]
        return found[0] if len(found) == 1 and found[0].is_ready() else None

    def lead(self, side: Side, statement: str) -> bool:
        """Have it on the node's disk that it is to lead."""
        with self._pair.at(side):
            node = side.node()
        self._write(side, structs.replace(node, role="primary", members=(side.name,), statement=statement))
        self._pair.chosen = side
        return True

    def _write(self, side: Side, node: Node) -> None:
        with self._pair.at(side):
            roles.save(side.data, node)
        side.roles.look()

    # What has to be put right

    def mend(self) -> bool:
        """One step towards two nodes that work, if there is anything to do."""
        if self.doing is not None:
            return False
        if self._pair.is_well():
            self._well_ns = self._pair.mono_ns
        if self._pair.cluster.has_forgotten:
            return self._begin_with_empty_etcd()
        a, b = self._pair.sides
        if a.leads and b.leads:
            if self._is_patient:
                return False
            self._pair.power_down(self._pair.other(self._pair.chosen), lost=False)
            return True
        for side in sorted(self._pair.sides, key=lambda side: not segment_seqs(side.disk)):  # who has a log comes first
            if side.is_down:
                return self._bring_up(side)
            if self._is_left_behind(side) or self._has_too_much(side):
                self._pair.power_down(side, lost=False)
                return True
        if all(side.follows and side.is_ready() for side in self._pair.sides) and not self._is_patient:
            return self._choose_primary()
        return False

    @property
    def _is_patient(self) -> bool:
        """Whether the witness may still decide who leads."""
        return self._pair.plan.has_witness and self._pair.mono_ns - self._well_ns < PATIENCE_NS

    def _begin_with_empty_etcd(self) -> bool:
        """As the manual says of an etcd that was restored: the node that led last begins."""
        for side in self._pair.sides:
            if not side.is_off:
                self._pair.power_down(side, lost=False)
            with self._pair.at(side):
                (roles.folder_of(side.data) / record.SEEN).unlink(missing_ok=True)
        self._pair.cluster.empty()
        self._pair.power_up(self._pair.chosen)
        return True

    def _bring_up(self, side: Side) -> bool:
        other = self._pair.other(side)
        if side.is_ended and self._has_no_log(side) and not self._has_no_log(other):
            with self._pair.at(side):
                self._pair_again(side, other)
        elif side.is_off and other.leads and self._goes_another_way(side, other):
            self.rejoin(side)
        elif side.is_ended and other.leads and not other.board.get(Word.FENCED):
            if side is self._pair.chosen:  # it was stated of that one that it is off
                self._pair.power_down(other, lost=False)
            else:
                self.rejoin(side)
        elif side.is_ended and other.follows and other.is_ready() and not self._is_patient and self._is_refused(side):
            self.lead(other, "the other one has ended, and must not lead")
        self._pair.power_up(side)
        return True

    def _goes_another_way(self, side: Side, other: Side) -> bool:
        if not is_operated(self._pair.plan.seed) or other.board.get(Word.FENCED) or not side.node().is_secondary:
            return False
        with self._pair.at(side):
            found = self._divergence(side, other) if segment_seqs(side.disk) else None
        return found is not None and found.cut > 0

    def _is_left_behind(self, side: Side) -> bool:
        """Whether it begins as a primary, and waits for a node that leads by the statement that this one is off."""
        other = self._pair.other(side)
        if not other.leads or not side.runs or side.follows or side.leads or side.board.get(Word.PROMOTED):
            return False
        return other.board.get(Word.EPOCH) > self._pair.led(side)

    def _has_too_much(self, side: Side) -> bool:
        """Whether it follows with a log that goes another way: its `lockstep rejoin` was killed."""
        is_refused = side.follows and side.is_ready() and side.board.get(Word.LINK) == LinkState.REFUSED
        return is_refused and self._pair.other(side).leads and is_operated(self._pair.plan.seed)

    def _is_refused(self, side: Side) -> bool:
        side.ends += 1
        return side.ends % 3 == 0

    def _choose_primary(self) -> bool:
        """Nobody leads: the primary has handed over to one that does not want it any more. Both have all."""
        longest = max(self._pair.sides, key=lambda side: side.board.get(Word.LOG_END))
        self._pair.power_down(self._pair.other(longest), lost=False)
        self.lead(longest, "the other one is stopped")
        return True

    def rejoin(self, side: Side) -> None:
        """Make the node, which is down, a secondary of the one that leads, as `lockstep rejoin` does; as `lockstep
        pair` does where it has nothing in common with that one, in a new folder."""
        other = self._pair.other(side)
        with self._pair.at(side):
            journal_id = segment_header(other.disk, min(segment_seqs(other.disk))).journal_id.hex()
            follows = Node("secondary", journal_id=journal_id, peer=self._pair.peer_of(side))
            if not segment_seqs(side.disk):  # it was lost, or never there
                self._pair.seen["begins from nothing"] += 1
                roles.save(side.data, follows)
                return
            acknowledged = min(side.safe_seq, other.board.get(Word.ACKED_SEQ))  # to the primary that runs
            found = self._divergence(side, other)
            if found is None or not is_operated(self._pair.plan.seed):
                if found is None or found.cut:
                    side.erase()
                    side.safe_seq = acknowledged
                    self._pair.seen["rejoined from nothing"] += 1
                else:
                    self._pair.seen["rejoined with all"] += 1
                roles.save(side.data, follows)
                return
            roles.save(side.data, follows)
            if found.cut and self._draws.random() < KILLED:
                self._pair.seen["rejoin killed"] += 1
                side.goes_another_way = True
                return
            self._pair.seen["rejoined by a cut" if found.cut else "rejoined with all"] += 1
            self._cut(side, found.common, acknowledged)

    def _has_no_log(self, side: Side) -> bool:
        """Whether it has no record of the venue: its journal is gone, empty, or another venue's."""
        try:
            return not segment_seqs(side.disk) or not end_of(side.disk).seq
        except JournalError:
            return False

    def _pair_again(self, side: Side, other: Side) -> None:
        """`lockstep pair`, in a new folder: the other one has the log, whether it leads by now or not."""
        journal_id = segment_header(other.disk, min(segment_seqs(other.disk))).journal_id.hex()
        safe = side.safe_seq
        side.erase()
        side.safe_seq = safe
        roles.save(side.data, Node("secondary", journal_id=journal_id, peer=self._pair.peer_of(side)))
        self._pair.seen["paired again"] += 1

    def _divergence(self, side: Side, other: Side) -> Divergence | None:
        """Where the two logs part; None if they have nothing in common, or the node's is damaged."""
        try:
            return divergence.find(cast(Path, side.disk), Known(other))
        except (DivergenceError, JournalError):
            return None

    def _cut(self, side: Side, common: int, acknowledged: int) -> None:
        """End the node's log at what both have, and set aside what knew of more; its database starts empty."""
        end = journal_cut.cut(cast(Path, side.disk), common)
        _, numbers = loss.state_at(side.config, side.data, end)
        lost = loss.Loss(end, end, "", 0, "", numbers)
        aside = set_aside.folder_for(Path(str(side.data)))
        with patch.object(set_aside, "_remake_database", lambda *_: []):
            set_aside.accept(side.config, side.data, lost, aside, lambda _: None, lambda *_: None)
        side.lose_behind(end)
        side.safe_seq = max(min(side.safe_seq, end), acknowledged)
