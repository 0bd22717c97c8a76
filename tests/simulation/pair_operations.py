"""Operators' commands on two nodes at the wrong moment, and faults of their folders and hosts.

Each is allowed by docs/operations.md. A command that its own checks refuse changes nothing. How often each is drawn is
in pair_plan.py.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, cast

from lockstep.core.cluster import doubt
from lockstep.core.cluster.steps import Refused
from lockstep.core.journal.end import end_of, segment_header
from lockstep.core.journal.journal import segment_seqs
from lockstep.core.venue import node as roles
from lockstep.core.venue.node import Node
from lockstep.core.venue.venue import Venue
from lockstep.procs.replicator.handshake import LINKED
from lockstep.shm.board import Word
from tests.simulation.disk import File

if TYPE_CHECKING:
    from tests.simulation.pair import Pair
    from tests.simulation.side import Side

WORD = "the other one is off"  # it is true


class Looked:
    """A node's run, as a command looks at it."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self.board, self.ring = side.board, side.venue.ring

    def now_ns(self) -> int:
        """By the clock of its processes."""
        return self._side.mono_ns + self._side.host_of("replicator").anchor_ns


def backup_taken(pair: Pair, draw: Random) -> bool:
    side = draw.choice(pair.sides)
    if not segment_seqs(side.disk) or not end_of(side.disk).seq:
        return False  # no backup is of an empty log
    files = side.disk.entries.items()
    side.backup = {name: bytes(file.cached) for name, file in files if name.endswith(".journal")}
    return True


def folder_lost(pair: Pair, draw: Random) -> bool:
    """The disk is new, or not mounted, and an operator starts the node."""
    return _refilled(pair, draw, lambda _side, _role: None)


def data_lost(pair: Pair, draw: Random) -> bool:
    """All but the role and the keys."""
    return _refilled(pair, draw, lambda side, role: roles.save(side.data, role))


def journal_emptied(pair: Pair, draw: Random) -> bool:
    """The node has its venue's journal as it was at its beginning, with no record; perhaps its role, too."""

    def fill(side: Side, role: Node) -> None:
        disk = pair.other(side).disk
        side.begin(segment_header(disk, min(segment_seqs(disk))).journal_id)
        roles.save(side.data, draw.choice((role, Node(peer=side.peer_name))))

    return _refilled(pair, draw, fill)


def folder_of_another_venue(pair: Pair, draw: Random) -> bool:
    """A wrong mount: its journal is another venue's."""

    def fill(side: Side, role: Node) -> None:
        side.begin(draw.randbytes(16), "another")
        roles.save(side.data, draw.choice((role, Node("primary", (side.name,), peer=side.peer_name))))

    return _refilled(pair, draw, fill)


def _refilled(pair: Pair, draw: Random, fill: Callable[[Side, Node], None]) -> bool:
    """A node loses its folder, and starts on what `fill` puts there, given its role from before."""
    side = _expendable(pair, draw)
    if side is None:
        return False
    with pair.at(side):
        role = side.node()
    _lose(pair, side)
    with pair.at(side):
        fill(side, role)
    pair.power_up(side)
    return True


def rejoin(pair: Pair, draw: Random) -> bool:
    """`lockstep rejoin` on a node that is stopped, or ended, while the other one leads; then it is started."""
    side = draw.choice(pair.sides)
    other = pair.other(side)
    if pair.crew.doing is not None or not side.is_down or not other.leads or other.board.get(Word.FENCED):
        return False
    pair.crew.rejoin(side)
    pair.power_up(side)
    return True


def folder_restored(pair: Pair, draw: Random) -> bool:
    """From an old backup; `lockstep pair` has given it new keys, and knows that the other node has the log."""
    side = _expendable(pair, draw)
    if side is None or not side.backup:
        return False
    _lose(pair, side)
    with pair.at(side):
        for name, content in side.backup.items():
            file = side.disk.entries[name] = side.disk.safe[name] = File()
            file.write(content, 0)
            file.sync()
        roles.save(side.data, Node(peer=side.peer_name))
    pair.power_up(side)
    return True


def node_hangs(pair: Pair, draw: Random) -> bool:
    """Every process of the primary hangs, the supervisor's too, and wakes up after a while."""
    side = pair.leader
    if side is None:
        return False
    side.hung_until = pair.turn + draw.choice((100, 400, 1500))
    for host in side.hosts:
        host.stalled_until = side.hung_until
    return True


def leader_dies(pair: Pair, draw: Random) -> bool:
    """Whether the other one is there or not."""
    side = pair.leader
    if side is None:
        return False
    pair.power_down(side, lost=draw.random() < 0.5)
    return True


def node_started(pair: Pair, draw: Random) -> bool:
    """Whatever the other one does."""
    found = [side for side in pair.sides if side.is_down]
    if not found or pair.crew.doing is not None:
        return False
    pair.power_up(draw.choice(found))
    return True


def failover_by_word(pair: Pair, _draw: Random) -> bool:
    """`lockstep failover --peer-is-off` on the secondary, or on a primary that waits at its start."""
    for side in pair.sides:
        other = pair.other(side)
        if pair.crew.doing is not None or not other.is_down or other.name in pair.crew.alone:
            continue
        with pair.at(side):
            node = side.node()
            is_waiting = side.is_waiting and roles.needs_peer(side.config, node)
            follows = side.follows and node.is_secondary and side.is_ready()
            if not (is_waiting or (follows and side.board.get(Word.LINK) not in LINKED)):
                continue
            try:
                doubt.check(side.config, side.data, node, cast(Venue, Looked(side)) if follows else None, "")
            except Refused:
                pair.seen["asked for another word"] += 1
                return True
        pair.crew.lead(side, WORD)
        return True
    return False


def release(pair: Pair, _draw: Random) -> bool:
    """`lockstep failover --peer-is-off` on a primary that leads, whose secondary is off."""
    side = pair.leader
    if side is None or pair.crew.doing is not None or not pair.other(side).is_down:
        return False
    if pair.other(side).name in pair.crew.alone:
        return False
    if side.board.get(Word.COMMIT_BY) != Word.ACKED_SEQ:
        return False
    pair.crew.release(side, WORD)
    return True


def leave(pair: Pair, _draw: Random) -> bool:
    """`lockstep stop` on the secondary."""
    return pair.crew.leave()


def _expendable(pair: Pair, draw: Random) -> Side | None:
    """A node whose loss loses nothing: the other one has on its disk all that was ever committed."""
    side = draw.choice(pair.sides)
    other = pair.other(side)
    if pair.crew.doing is not None or other.is_down or not segment_seqs(other.disk):
        return None
    committed = max(len(pair.audit.log), side.committed, other.committed)
    has_all = other.runs and other.board.get(Word.DURABLE_SEQ) >= committed
    is_synced = pair.plan.durability == "both" or other.follows
    return side if has_all and is_synced and end_of(other.disk).seq >= committed else None


def _lose(pair: Pair, side: Side) -> None:
    if not side.is_down:
        pair.power_down(side, lost=True)
    with pair.at(side):
        was_safe = side.safe_seq  # what it acknowledged stays committed
        side.erase()
        side.safe_seq = was_safe


OPERATIONS: dict[str, Callable[[Pair, Random], bool]] = {
    "backup taken": backup_taken,
    "folder lost": folder_lost,
    "data lost": data_lost,
    "folder restored": folder_restored,
    "node hangs": node_hangs,
    "leader dies": leader_dies,
    "node started": node_started,
    "failover by a true word": failover_by_word,
    "release": release,
    "leave": leave,
    "journal emptied": journal_emptied,
    "folder of another venue": folder_of_another_venue,
    "rejoin": rejoin,
}
