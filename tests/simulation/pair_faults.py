"""What befalls two nodes and what is between them; how often each is drawn is in pair_plan.py."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from lockstep.procs.witness import record
from lockstep.shm.board import Word

if TYPE_CHECKING:
    from tests.simulation.pair import Pair


def kill(agent: str) -> Callable[[Pair, Random], bool]:
    def strike(pair: Pair, draw: Random) -> bool:
        side = draw.choice(pair.sides)
        if not side.runs or not side.host_of(agent).alive:
            return False
        with pair.at(side):
            side.die(side.host_of(agent))
        return True

    return strike


def link_cut(pair: Pair, _draw: Random) -> bool:
    """Nothing arrives, and nobody is told; the next such fault mends it."""
    pair.network.is_cut = not pair.network.is_cut
    return True


def connection_broken(pair: Pair, _draw: Random) -> bool:
    return pair.network.break_all()


def old_frame(pair: Pair, _draw: Random) -> bool:
    return pair.network.repeat_frame()


def old_connection(pair: Pair, _draw: Random) -> bool:
    return pair.network.repeat_connection()


def host_dies(pair: Pair, draw: Random) -> bool:
    """A host is gone until somebody puts it right."""
    if any(side.is_down for side in pair.sides):
        return False
    side = draw.choice(pair.sides)
    pair.power_down(side, lost=True)
    return True


def both_lose_power(pair: Pair, _draw: Random) -> bool:
    for side in pair.sides:
        if side.runs:
            with pair.at(side):
                side.lose_power("of both")
    return True


def failover(pair: Pair, _draw: Random) -> bool:
    """By the other node's word that it is fenced; or with a statement, where it is off."""
    off = any(side.is_off for side in pair.sides)
    return pair.crew.failover(statement="the other one is off" if off and pair.crew.may_state() else "")


def failover_beside(pair: Pair, _draw: Random) -> bool:
    """The statement is wrong: the other node still runs, and can't be heard."""
    if not pair.crew.may_state():
        return False
    pair.network.is_cut = True
    pair.crew.alone |= {side.name for side in pair.sides if side.follows}
    return pair.crew.failover(statement="it must be off")


def old_batcher(pair: Pair, _draw: Random) -> bool:
    """Two lead, and have one database: the connection of the one that is to end breaks, and it tries again."""
    old, new = sorted(pair.sides, key=lambda side: side.board.get(Word.EPOCH) if side.leads else 0)
    batcher = old.stage_of("batcher") if old.leads and new.leads else None
    if pair.database is None or batcher is None:
        return False
    batcher.disconnect()
    return True


def switchover(pair: Pair, _draw: Random) -> bool:
    return pair.crew.switchover()


def switchover_given_up(pair: Pair, draw: Random) -> bool:
    """Patience ends before the primary has handed over, perhaps."""
    return pair.crew.switchover(patience_ns=draw.choice((0, 1_000_000, 500_000_000)))


def put_right(pair: Pair, _draw: Random) -> bool:
    return not pair.network.is_cut and pair.crew.mend()


def etcd_away(pair: Pair, _draw: Random) -> bool:
    """The next such fault has it back."""
    pair.cluster.is_away = not pair.cluster.is_away
    return True


def etcd_slow(pair: Pair, _draw: Random) -> bool:
    """Answers come late, and too late; the next such fault ends that."""
    pair.cluster.is_slow = not pair.cluster.is_slow
    return True


def etcd_cut(pair: Pair, draw: Random) -> bool:
    """One of the nodes does not reach it, perhaps the one that did not before."""
    pair.cluster.cut ^= {draw.choice(pair.sides).name}
    return True


def etcd_cut_from_primary(pair: Pair, _draw: Random) -> bool:
    """It goes on without, and the other node may lead: what befalls them else is over for now."""
    if pair.leader is None:
        return False
    pair.cluster.calm()
    pair.cluster.cut = {pair.leader.name}
    return True


def etcd_restored(pair: Pair, draw: Random) -> bool:
    """From an old backup, while the nodes run, the primary perhaps no more: not where the secondary can't know that
    (decision 0040).
    """
    back = draw.randint(1, max(1, pair.cluster.changes))
    before = pair.cluster.state(back) if back <= pair.cluster.changes else None
    if before is None or any(record.seen(side.data).change <= before.change for side in pair.sides):
        return False
    pair.cluster.restore(back)
    if draw.random() < 0.5:
        primary_dies(pair, draw)
    return True


def primary_dies(pair: Pair, _draw: Random) -> bool:
    """Its host is gone until somebody puts it right."""
    leader = pair.leader
    if leader is None or any(side.is_down for side in pair.sides):
        return False
    pair.power_down(leader, lost=True)
    return True


NODE_FAULTS: dict[str, Callable[[Pair, Random], bool]] = {
    "kill replicator": kill("replicator"),
    "link cut": link_cut,
    "connection broken": connection_broken,
    "frame of an old connection": old_frame,
    "old connection again": old_connection,
    "host dies": host_dies,
    "both lose power": both_lose_power,
    "failover": failover,
    "failover while the other lives": failover_beside,
    "old primary's batcher again": old_batcher,
    "switchover": switchover,
    "switchover given up": switchover_given_up,
    "node put right": put_right,
    "kill witness": kill("witness"),
    "etcd away": etcd_away,
    "etcd slow": etcd_slow,
    "etcd cut from a node": etcd_cut,
    "etcd cut from the primary": etcd_cut_from_primary,
    "etcd restored": etcd_restored,
    "primary dies": primary_dies,
}
