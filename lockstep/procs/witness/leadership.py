"""Who leads, as etcd has it: this node takes the lease, keeps it while its core gets on, and is fenced without it.

What is acknowledged is safe by compare-and-swap alone: a secondary takes over only as a member, and a primary commits
alone only once it has taken the other node out. Time decides no more than who serves (I9); it is counted by
CLOCK_BOOTTIME, from before a request is sent.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable

import msgspec
from msgspec import structs

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.venue import node
from lockstep.core.venue.node import Node
from lockstep.core.venue.venue import LAPSED, Venue
from lockstep.procs.replicator.handshake import LINKED, LinkState
from lockstep.procs.witness import record, report
from lockstep.procs.witness.etcd import Etcd, EtcdError, Put
from lockstep.procs.witness.life import Life
from lockstep.procs.witness.record import Leader, Seen, State, View, WitnessError
from lockstep.procs.witness.report import Report, boottime_ns
from lockstep.shm.board import Word

SECOND_NS = 1_000_000_000
MARGIN = 0.2  # of a lease: this node stops releasing so much earlier than etcd may let it end
LEAD_NS = 30 * SECOND_NS  # for a node that has just taken over to lead
STARTS = "it does not lead yet"
SIGNAL_NS = 5 * SECOND_NS  # between two times that the supervisor is asked to look at the role


class Leadership:
    """This node's part. `turn` is called again and again; `journal` gives the journal's id, and `supervisor`
    is told when the role has changed.

    `holds` says whether the lease is this node's, as far as it knows. WitnessError where the node's own file of what it
    has seen is damaged.
    """

    def __init__(
        self, venue: Venue, etcd: Etcd, life: Life, journal: Callable[[], str], supervisor: Callable[[], None]
    ) -> None:
        name = venue.config.replication.node
        assert name is not None
        self._venue, self._board, self._data = venue, venue.board, venue.data
        self._settings = venue.config.witness
        self._etcd = etcd
        self._life = life
        self._journal = journal
        self._supervisor = supervisor
        self._name = name
        self._me = Leader(name, f"{socket.gethostname()}:{venue.data.resolve()}")
        self._keys = record.keys(venue.config.venue.name)
        self._seen = record.seen(venue.data)
        self._lease = 0
        self._promoted_ns = 0
        self._signalled_ns = 0
        self._pair_from: int | None = None  # the log's end when commits had begun to wait for the other node
        self._told = Report()

    @property
    def holds(self) -> bool:
        return self._lease != 0

    async def turn(self) -> None:
        """See what etcd has, and do what follows. What is wrong with etcd, or this node's disk, is told, not raised."""
        try:
            if self._board.get(Word.FENCED):
                await self._give_up()
                return
            role = node.load(self._data)
            sent_ns, ttl_s = boottime_ns(), 0
            if self._lease and not self._objection():
                ttl_s = await self._etcd.renew(self._lease)
            view = record.view(await self._etcd.read(self._keys))
            self._check(view.state)
            if role.is_secondary:
                await self._follow(role, view)
            else:
                await self._lead(role, view, sent_ns, ttl_s)
        except (EtcdError, WitnessError, node.RoleError, OSError) as error:
            self._tell(structs.replace(self._told, trouble=str(error)))

    def _check(self, state: State | None) -> None:
        """WitnessError where etcd has forgotten something, or has another venue."""
        change = state.change if state is not None else 0
        if change < self._seen.change:
            raise WitnessError(
                f"etcd has change {change} of who leads, and this node has seen change {self._seen.change}: it was "
                "restored from an old backup, emptied, or is another etcd. This node does not go by it "
                '(docs/operations.md, "A witness")'
            )
        if state is not None and (own := self._journal()) and state.journal != own:
            raise WitnessError(f"etcd has another venue called {self._venue.config.venue.name}: give one another name")

    # The primary

    async def _lead(self, role: Node, view: View, sent_ns: int, ttl_s: int) -> None:
        state = view.state
        if state is not None and state.owner != self._name and state.owner != self._seen.owner:
            self._fence(state.owner)
        elif state is None or state.owner != self._name or not self._is_mine(view) or not ttl_s:
            await self._acquire(view)
        elif self._commits_alone and state.members != (self._name,):
            await self._change(view, (self._name,))
        else:
            self._open(sent_ns, ttl_s)
            self._tell(Report(self._name, state.members))
            await self._part_or_pair(role, view, state)

    async def _acquire(self, view: View) -> None:
        """Take the lease, where no other node leads. A node that is not the owner yet was promoted by the operator, or
        in order."""
        state, leader = view.state, view.leader
        if objection := self._objection():
            self._lease = 0
            is_starting = objection == STARTS
            self._tell(_report(view, "" if is_starting else f"this node does not take the lease: {objection}"))
            return
        if leader is not None and leader != self._me:
            trouble = f"node {leader.node} ({leader.place}) leads by its lease: this node releases nothing"
            self._tell(_report(view, trouble))
            return
        keeps = state is not None and state.owner == self._name and not self._commits_alone
        members = state.members if state is not None and keeps else (self._name,)
        await self._take(view, members)

    async def _take(self, view: View, members: tuple[str, ...]) -> bool:
        """Become the owner and the leader in one step; False where somebody has changed something meanwhile."""
        sent_ns = boottime_ns()
        lease = await self._etcd.grant(self._settings.lease_s)
        state = State((view.state.change if view.state else 0) + 1, self._name, members, self._journal())
        mine = Put(self._keys[1], msgspec.json.encode(self._me), lease.id)
        if not await self._etcd.write([self._put(state), mine], self._unchanged(view)):
            with contextlib.suppress(EtcdError):
                await self._etcd.revoke(lease.id)
            return False
        self._lease = lease.id
        if not node.load(self._data).is_secondary:
            self._note(Seen(state.change, self._name))
        log.info("lease_taken", change=state.change, members=members)
        self._open(sent_ns, lease.ttl_s)
        self._tell(Report(self._name, members))
        return True

    def _open(self, sent_ns: int, ttl_s: int) -> None:
        """Let this node release until shortly before the lease can end, counted from before it was asked for."""
        if not self._board.get(Word.FENCED):
            lasts_ns = min(ttl_s, self._settings.lease_s) * SECOND_NS
            self._board.set(Word.LEASE_UNTIL, sent_ns + round(lasts_ns * (1 - MARGIN)))

    async def _part_or_pair(self, role: Node, view: View, state: State) -> None:
        """Have members be whose acknowledgement commits wait for, always before that means less."""
        peer = next((member for member in role.members if member != self._name), None)
        if self._commits_alone or peer is None or state.members != (self._name,):
            self._pair_from = None
        elif self._pair_from is None:
            self._pair_from = self._board.get(Word.LOG_END)
        elif self._board.get(Word.ACKED_SEQ) >= self._pair_from and self._board.get(Word.LINK) in LINKED:
            await self._change(view, (self._name, peer))
            return
        after_ns = self._settings.alone_after_s * SECOND_NS
        is_late = after_ns and self._life.unacknowledged_ns(time.monotonic_ns()) > after_ns
        if not self._commits_alone and (peer is None or is_late):
            await self._go_alone(role, view, state)

    async def _go_alone(self, role: Node, view: View, state: State) -> None:
        """Without the other node: it is no member any more first, then the role says so, then commits wait no more."""
        if state.members != (self._name,) and not await self._change(view, (self._name,)):
            return
        if role.members != (self._name,):
            log.warning("alone", silent_s=self._settings.alone_after_s)
            node.save(self._data, structs.replace(role, members=(self._name,)))
        self._signal()

    async def _change(self, view: View, members: tuple[str, ...]) -> bool:
        assert view.state is not None
        state = structs.replace(view.state, change=view.state.change + 1, members=members)
        if not await self._etcd.write([self._put(state)], self._unchanged(view)):
            return False
        self._note(Seen(state.change, self._name))
        log.info("members", change=state.change, members=members)
        self._tell(Report(self._name, members))
        return True

    def _fence(self, owner: str) -> None:
        log.warning("fenced", by=owner)
        self._board.set(Word.FENCED, self._board.get(Word.EPOCH) + 1)
        self._tell(Report(owner, (), f"node {owner} has taken over, as the lease of this one had ended"))

    async def _give_up(self) -> None:
        """Release nothing more, and let the other node lead at once."""
        lease, self._lease = self._lease, 0
        if lease:
            with contextlib.suppress(EtcdError):  # it ends by itself
                await self._etcd.revoke(lease)
        self._board.set(Word.LEASE_UNTIL, LAPSED)

    def _objection(self) -> str:
        """Why this node must not have the lease now; "" if it may."""
        now_ns = time.monotonic_ns()
        is_promoted = self._promoted_ns and now_ns - self._promoted_ns < LEAD_NS
        if not self._board.get(Word.EPOCH) and not is_promoted:
            return STARTS
        return self._life.objection(now_ns)

    # The secondary

    async def _follow(self, role: Node, view: View) -> None:
        state = view.state
        if state is not None and state.owner == self._name and state.change == self._seen.claim:
            self._promote(role)
            return
        objection = ""
        if state is not None and state.owner != self._name:  # else it has handed over, and the other one is to take it
            if state.change > self._seen.change or state.owner != self._seen.owner:
                self._note(Seen(state.change, state.owner))
            if view.leader is None:
                objection = self._unfit(state)
                if not objection:
                    await self._take_over(role, view, state)
                    return
                objection = f"the lease of node {state.owner} has ended, and this node does not take over: {objection}"
        self._tell(_report(view, objection))

    async def _take_over(self, role: Node, view: View, state: State) -> None:
        """What is about to be done is on the disk first: a node that hands over later owns the venue, too."""
        self._note(structs.replace(self._seen, claim=state.change + 1))
        if await self._take(view, (self._name,)):
            self._promote(role)

    def _unfit(self, state: State) -> str:
        """Why this secondary must not take over; "" if it has all that was acknowledged, and its core gets on."""
        if self._name not in state.members:
            return f"node {state.owner} went on without it, and may have acknowledged what it lacks (lockstep failover)"
        if self._board.get(Word.DIFFERS) or self._board.get(Word.LINK) == LinkState.REFUSED:
            return "the two nodes differ (lockstep status)"
        if not self._life.has_had_all:
            return "since its start it has not had all of the other node's log (lockstep failover)"
        return self._life.objection(time.monotonic_ns())

    def _promote(self, role: Node) -> None:
        """etcd has it: now the role, then the supervisor."""
        self._promoted_ns = time.monotonic_ns()
        node.save(self._data, structs.replace(role, role="primary", members=(self._name,), statement=""))
        self._note(Seen(self._seen.claim, self._name))
        self._signal()

    # Both

    @property
    def _commits_alone(self) -> bool:
        return self._board.get(Word.COMMIT_BY) != Word.ACKED_SEQ

    def _is_mine(self, view: View) -> bool:
        return self._lease != 0 and view.lease == self._lease

    def _put(self, state: State) -> Put:
        return Put(self._keys[0], msgspec.json.encode(state))

    def _unchanged(self, view: View) -> dict[str, int]:
        return dict(zip(self._keys, (view.state_revision, view.leader_revision), strict=True))

    def _note(self, change: Seen) -> None:
        if change != self._seen:
            record.keep(self._data, change)
            self._seen = change

    def _signal(self) -> None:
        """Have the supervisor look at the role, now and then until it has."""
        now_ns = time.monotonic_ns()
        if now_ns - self._signalled_ns >= SIGNAL_NS or not self._signalled_ns:
            self._signalled_ns = now_ns
            self._supervisor()

    def _tell(self, said: Report) -> None:
        if said == self._told:
            return
        if said.trouble != self._told.trouble and said.trouble:
            log.warning("witness", trouble=said.trouble)
        self._told = said
        with contextlib.suppress(OSError):  # on a full disk whoever looks learns it later
            report.tell(self._data, said)


def _report(view: View, trouble: str) -> Report:
    return Report(view.leader.node if view.leader else "", view.state.members if view.state else (), trouble)
