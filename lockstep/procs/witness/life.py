"""Whether the core gets on, and whether this secondary has had all of the primary's log: watched on the board.

A process that hangs leaves its heartbeat behind, and a core that turns and does nothing its figures.
"""

from __future__ import annotations

from lockstep.core.venue import progress
from lockstep.core.venue.topology import CARRIED_ROLES, role_of
from lockstep.core.venue.venue import Venue
from lockstep.procs.replicator.handshake import LINKED
from lockstep.shm.board import Word


class Life:
    """`look` is called again and again, with CLOCK_MONOTONIC's ns. A heartbeat may be `fresh_ns` old, and a core that
    has something to do may stand still for `stall_ns`.
    """

    def __init__(self, venue: Venue, fresh_ns: int, stall_ns: int) -> None:
        self._venue = venue
        self._fresh_ns = fresh_ns
        self._stall_ns = stall_ns
        self._figures: tuple[int, ...] = ()
        self._moved_ns = 0
        self._is_stalled = False
        self._acked = 0
        self._acknowledged_ns: int | None = None
        self._wanted = 0  # the end of the primary's log when this node first heard of it in this run
        self._carried = [agent for agent in venue.topology.agents if role_of(agent) in CARRIED_ROLES]

    def look(self, now_ns: int) -> None:
        """See how far all is."""
        board = self._venue.board
        figures = progress.figures(self._venue)
        waits = progress.waits(board) and not self._is_stalled  # what hung before it had to wait hangs
        if figures != self._figures or waits or not progress.owes(self._venue):
            self._figures, self._moved_ns = figures, now_ns
        self._is_stalled = now_ns - self._moved_ns > self._stall_ns
        self._wanted = self._wanted or board.get(Word.PEER_SEQ)
        acked = board.get(Word.ACKED_SEQ)
        is_answered = acked >= board.get(Word.LOG_END) and board.get(Word.LINK) in LINKED
        if is_answered or acked != self._acked or self._acknowledged_ns is None:
            self._acked, self._acknowledged_ns = acked, now_ns

    def objection(self, now_ns: int) -> str:
        """Why the core does not get on; "" if it does."""
        for agent in self._carried:
            health = self._venue.board.health(self._venue.topology.slot_of(agent))
            if health is None:
                return f"{agent} has not started"
            silent_ns = now_ns - health["heartbeat_ns"]
            if silent_ns > self._fresh_ns:
                return f"{agent} has shown no heartbeat for {silent_ns / 1e9:.1f} s"
        if self._is_stalled:
            return f"the core has stood still for {(now_ns - self._moved_ns) / 1e9:.1f} s, and has something to do"
        return ""

    def unacknowledged_ns(self, now_ns: int) -> int:
        """For how long a primary has had no acknowledgement of what it has, or no link."""
        return now_ns - (self._acknowledged_ns or now_ns)

    @property
    def has_had_all(self) -> bool:
        """Whether this secondary has, in this run, once had all of the primary's log."""
        return self._wanted != 0 and self._venue.board.get(Word.LOG_END) >= self._wanted
