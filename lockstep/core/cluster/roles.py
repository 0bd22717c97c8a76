"""The role of one of two nodes: whether its supervisor may have it lead, and how the role changes.

It decides nothing about records; which node is to lead is the operator's decision, or the other node's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

from msgspec import structs

from lockstep.config.errors import ConfigError, Problem
from lockstep.config.schema import Config
from lockstep.core.cluster import peer_tail
from lockstep.core.cluster.steps import Say
from lockstep.core.journal.end import end_of
from lockstep.core.journal.journal import JournalError
from lockstep.core.venue import first_journal
from lockstep.core.venue import node as role
from lockstep.core.venue.node import Node
from lockstep.core.venue.venue import LAPSED, Venue
from lockstep.procs.replicator.asking import Answer, ask
from lockstep.procs.replicator.certificates import Credentials
from lockstep.procs.replicator.greeting import greeting_of
from lockstep.procs.replicator.handshake import LINKED, Hello, Promote, Refusal
from lockstep.procs.replicator.transport import Dialer, show_address
from lockstep.shm.board import Handover, Word

ASK_S = 2.0  # for the other node to answer before this one leads
ASK_AGAIN_S = 2.0
FENCE_S = 2.0  # for the other node to hear that this one releases nothing any more
LOGOUT_S = 10.0  # for gateways to log their sessions out
HANDOVER_S = 20.0  # for all that was taken to be done, and acknowledged by the other node
ALONE_S = 20.0  # for a journaler to start again
LOOK_S = 0.01
Alert = Callable[[Literal["venue_failed", "fenced"], str], None]
LEADING = (Refusal.AHEAD, Refusal.DIVERGED, Refusal.SEGMENTS_GONE)  # what only a node that leads says


class Run(Protocol):
    """The node's run, as far as its role changes it."""

    @property
    def venue(self) -> Venue: ...
    @property
    def leads(self) -> bool: ...
    @property
    def follows(self) -> bool: ...
    def promote(self, node: Node) -> None: ...
    async def hand_over(self) -> bool: ...
    def take_up_again(self) -> None: ...
    async def go_alone(self, node: Node) -> None: ...


class Roles:
    """The role of the node in `config`'s data folder. `say` is told what a person should know, `alert` what the one on
    duty should; `is_asked` says whether the venue is to stop; `live` is called again and again while the other node is
    waited for.
    """

    def __init__(
        self, config: Config, say: Say, alert: Alert, is_asked: Callable[[], bool], live: Callable[[], None]
    ) -> None:
        self._config = config
        self._data = Path(config.venue.data)
        self._say = say
        self._alert = alert
        self._is_asked = is_asked
        self._live = live
        self._is_look_wanted = False

    def look(self) -> None:
        """The operator has written another role: do what it asks in the next `change`."""
        self._is_look_wanted = True

    def load(self) -> Node:
        """The node's role. ConfigError for a secondary that has no name to greet with; RoleError, also where the folder
        has no journal and none may begin there.
        """
        node = role.load(self._data)
        if (file := role.folder_of(self._data) / role.JOINING).exists():
            raise role.RoleError(f"{file}: lockstep join was interrupted. Give it again, then start")
        if objection := first_journal.objection(self._config, self._data, node):
            raise role.RoleError(objection)
        if node.is_secondary and self._config.replication.node is None:
            raise ConfigError([Problem("replication.node", "is missing, and this node is a secondary: name it")])
        return node

    async def may_run(self, node: Node) -> bool:
        """Whether this node may begin in its role: a primary asks the other node first (LOG-21, I9).

        False where that leads or has more, and where the venue was asked to stop meanwhile. A primary whose commits
        wait for a node that can't be reached waits for it, or for the operator. A successor goes on asking to lead.
        """
        self._is_look_wanted = self._is_look_wanted or node.role == "successor"  # its new board does not know
        journal = self._data / "journal"
        if node.is_secondary or self._config.replication.node is None:
            return True
        try:
            own = greeting_of(self._config, self._data, end_of(journal).seq)
        except JournalError:
            return True  # the journaler says what is wrong with it, and what to do
        told = ""
        while not self._is_asked():
            self._live()
            try:
                answer, trouble = await asyncio.to_thread(self._ask, own)
            except role.RoleError as error:
                return self._refuse(str(error))
            is_starting = answer is not None and answer.refusal is Refusal.NOT_READY
            if answer is None or is_starting:
                node = self.load()
                if not is_starting and not role.needs_peer(self._config, node):
                    return True
                trouble = answer.reason if answer is not None else trouble
                if trouble != told:
                    told = trouble
                    self._say(
                        f"the other node does not answer ({trouble}), and may have more than this one: waiting for it. "
                        "If it is lost for good: lockstep failover --peer-is-off says what else is to be known"
                    )
                await asyncio.sleep(ASK_AGAIN_S)
                continue
            objection = objection_to(own, answer, self._peer)
            if objection and (answer.refusal in (None, *LEADING) or answer.epoch > own.epoch):
                self._note_leader(node)
            if not objection and answer.last_seq > own.last_seq:
                objection = await self._take_tail(own.last_seq, answer.last_seq)
            return self._refuse(objection) if objection else True
        return False

    def _refuse(self, objection: str) -> bool:
        """Say why the venue can't start. False."""
        self._say(f"the venue can't start: {objection}")
        self._alert("venue_failed", f"the venue can't start: {objection}")
        return False

    async def change(self, run: Run) -> bool:
        """Do what the operator or the other node asks. True if `run` is over by that: another node is to lead."""
        board = run.venue.board
        if self._is_look_wanted or (run.follows and board.get(Word.PROMOTED)):
            self._is_look_wanted = False
            await self._promote(run)
        if board.get(Word.HANDOVER) == Handover.CLOSED and not board.get(Word.FENCED):
            board.set(Word.HANDOVER, Handover.NO)  # the router's last word in one that was given up
        if board.get(Word.HANDOVER) and not board.get(Word.FENCED) and run.leads:
            self._say("the other node asks to lead: ending order entry")
            if await run.hand_over() and self._gives_way():
                board.set(Word.FENCED, board.get(Word.EPOCH) + 1)
            else:
                board.set(Word.HANDOVER, Handover.NO)
                run.take_up_again()
        if not board.get(Word.FENCED):
            return False
        deadline_s = time.monotonic() + FENCE_S

        def is_waited_for() -> bool:
            linked = board.get(Word.LINK) in LINKED
            return linked or board.get(Word.LEASE_UNTIL) > LAPSED  # the witness gives the lease back

        while is_waited_for() and time.monotonic() < deadline_s:
            await asyncio.sleep(LOOK_S)
        return True

    def _gives_way(self) -> bool:
        """Have it on disk that this node follows. False where that can't be written, and it is said: it leads on."""
        try:
            role.save(self._data, structs.replace(role.load(self._data), role="secondary"))
        except (role.RoleError, OSError) as error:
            self._say(f"the other node does not lead, and this one goes on: {error}")
            return False
        return True

    def is_over(self, run: Run) -> bool:
        """After `run` was fenced: whether the node ends too, since it did not hand over in order.

        A secondary is fenced to begin again without what `lockstep void` takes out: nobody needs to know of that.
        """
        is_secondary = role.load(self._data).is_secondary
        if is_secondary:
            reason = "the other node leads: this one goes on as the secondary"
        else:
            reason = "another node has begun to lead: this one ends. lockstep rejoin makes it the secondary"
            self._note_leader(role.load(self._data))
        self._say(reason)
        if not run.follows:
            self._alert("fenced", reason)
        return not is_secondary

    def _note_leader(self, node: Node) -> None:
        """Have it on disk that the other node has led: no later start of this primary believes that it is alone."""
        try:
            if node.members:
                role.save(self._data, structs.replace(node, members=(), statement=""))
        except OSError as error:
            self._say(f"it can't be written down that the other node leads: {error}")

    async def _promote(self, run: Run) -> None:
        """Carry out what the role's file says by now of a secondary that runs."""
        board = run.venue.board
        try:
            node = role.load(self._data)
        except role.RoleError as error:
            self._say(f"the role stays as it is: {error}")
            return
        if not run.follows:
            if len(node.members) == 1 and board.get(Word.COMMIT_BY) == Word.ACKED_SEQ:
                said = f" ({node.statement})" if node.statement else ""
                self._say(f"commits no longer wait for the other node: this one continues without it{said}")
                await run.go_alone(node)
            return
        if not node.is_secondary:
            self._say("this node is to lead: hanging up, and opening its gateways")
            run.promote(node)
        else:
            board.set(Word.PROMOTE, Promote.ORDERLY if node.role == "successor" else Promote.NO)

    def _ask(self, own: Hello) -> tuple[Answer | None, str]:
        """What the other node answers, and why it does not. RoleError where what answers there is not the node that
        this one is paired with, or this one is not paired.
        """
        try:
            dialer = self._dialer()
        except ValueError as error:
            raise role.RoleError(str(error)) from error
        answer = ask(dialer, own, ASK_S)
        if answer is None and dialer.is_stranger:
            raise role.RoleError(f"the other node answers, and is not known to follow: {dialer.trouble}")
        return answer, dialer.trouble or "no answer"

    def _dialer(self) -> Dialer:
        return Dialer(self._peer, Credentials.of(role.folder_of(self._data)))

    @property
    def _peer(self) -> str:
        return show_address(self._config.replication.peer_address, self._config.replication.peer_port)

    async def _take_tail(self, begin: int, last_seq: int) -> str:
        """Have the records that only the other node has in this one's journal; why not, where that fails."""
        self._say(f"the other node has records {begin + 1} to {last_seq} that this one lacks: taking them")
        try:
            await asyncio.to_thread(peer_tail.take, self._config, self._data, self._dialer(), last_seq, ASK_S)
        except (peer_tail.TailError, JournalError) as error:
            return f"what only the other node has can't be had: {error}"
        return ""


def objection_to(own: Hello, answer: Answer, peer: str) -> str:
    """Why the node of `own` must not lead after the `answer` of the node at `peer`; "" if it may."""
    if answer.refusal in (None, *LEADING):
        return f"the other node ({peer}) leads: lockstep rejoin makes this one its secondary"
    if answer.refusal is not Refusal.NOT_LEADING:
        return f"the other node ({peer}) refuses this one: {answer.reason}"
    if answer.epoch > own.epoch:
        return (
            f"the other node ({peer}) has the log up to {answer.last_seq} of epoch {answer.epoch}, and this one up to "
            f"{own.last_seq} of epoch {own.epoch}: lockstep failover there, and lockstep rejoin here"
        )
    return ""
