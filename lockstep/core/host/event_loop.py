"""The event-loop host: polls its edges between the loop's turns, and sleeps on a pollable bell with everything else.

It is to asyncio what `spin_loop` is to the carried stages; it never looks into a record.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence

from lockstep.core.venue.edge import Edge
from lockstep.core.venue.venue import Venue
from lockstep.shm.bell import Reason, Sleeper
from lockstep.shm.board import Board, Word

# Turns of the event loop to poll on after the last work: a wake-up costs more than all of them together.
SPIN_ROUNDS = 50
HEARTBEAT_S = 0.02
RESTING_HEARTBEAT_S = 0.05  # of a host whose edges all rest: it has a wake-up less in two
STARTING, RUNNING, STOPPING = 1, 2, 3  # states of HealthPayload
GENERATION = int(Word.GENERATION)  # looked at in each turn


class Pump:
    """Drives the edges of one host on the running event loop. `agents` are their names."""

    def __init__(self, edges: Sequence[Edge], agents: Sequence[str], sleeper: Sleeper, venue: Venue) -> None:
        self._edges = edges
        self._agents = agents
        self._slots = [venue.topology.slot_of(agent) for agent in agents]
        self._sleeper = sleeper
        self._venue = venue
        self._board = venue.board
        self._started_ns = time.monotonic_ns()
        self._work = [0] * len(edges)
        self._rounds = 0
        self._idle_rounds = 0
        self._rest_s = 0.0
        self._spins = any(edge.spins for edge in edges)
        self._beat_s = HEARTBEAT_S if self._spins else RESTING_HEARTBEAT_S
        self._last_turn_s = self._last_beat_s = 0.0
        self._was_early = False  # whether the bell rang before the rest was over
        self._beat_timer: asyncio.TimerHandle | None = None
        self._scheduled = False
        self._resting: asyncio.TimerHandle | None = None
        self._closed = False
        self.failed: asyncio.Future[None] | None = None
        for edge in edges:
            edge.kick = self.kick

    def run(self) -> None:
        """Begin to poll. A failing edge sets the exception of `failed`: the host ends with it."""
        self._loop = asyncio.get_running_loop()
        self.failed = self._loop.create_future()
        self._loop.add_reader(self._sleeper.fd, self._rung)
        self._beat()
        self.kick()

    def kick(self) -> None:
        """There may be work: poll at the loop's next turn, and spin on for a while."""
        self._idle_rounds = 0
        self._schedule()

    def _schedule(self, at_once: bool = False) -> None:
        """Have a turn after the rest; where that is over, in the loop's next round, or now."""
        if self._scheduled and self._resting is None:
            return
        self._look_at_rest()
        if self._resting is not None:
            if self._rest_s:
                return
            self._resting.cancel()
            self._resting = None
        self._scheduled = True
        wait_s = self._last_turn_s + self._rest_s - time.monotonic() if self._rest_s else 0.0
        self._was_early = wait_s > 0
        if wait_s > 0:
            self._resting = self._loop.call_later(wait_s, self._turn)
        elif at_once:
            self._turn()
        else:
            self._loop.call_soon(self._turn)

    def _look_at_rest(self) -> None:
        self._rest_s = min(edge.rest_s for edge in self._edges)

    def close(self) -> None:
        """Stop polling and say so on the board."""
        self._loop.remove_reader(self._sleeper.fd)
        if self._beat_timer is not None:
            self._beat_timer.cancel()
        self._closed = True
        self._show(STOPPING)

    def _rung(self) -> None:
        self._sleeper.drain()
        self._idle_rounds = 0
        self._schedule(at_once=self._rest_s > 0)

    def _poll(self) -> int:
        now_ns = self._venue.now_ns()
        total = 0
        if self._board.get(GENERATION) > self._venue.generation:
            self._renew()
        for i, edge in enumerate(self._edges):
            work = edge.poll(now_ns)
            self._work[i] += work
            total += work
        self._rounds += 1
        return total

    def _renew(self) -> None:
        """The core has started again: change to its rings. What was published in the old ones comes again there."""
        self._venue.renew()
        for edge, agent in zip(self._edges, self._agents, strict=True):
            consumers = self._venue.events(agent)
            if not all(consumer.gates for consumer in consumers.values()):
                # It entered the gate of the old rings while the new ones were made: a restart brings it into theirs.
                raise RuntimeError(f"{agent} is out of the gate of generation {self._venue.generation}")
            edge.attach(consumers, self._board)

    def _turn(self) -> None:
        self._scheduled = False
        self._resting = None
        if self._closed:
            return
        self._look_at_rest()
        if self._rest_s:
            self._last_turn_s = time.monotonic()
            if self._last_turn_s - self._last_beat_s > self._beat_s / 2:
                self._show_life()  # a wake-up less, for a host that wakes up seldom
        try:
            self._idle_rounds = 0 if self._poll() else self._idle_rounds + 1
            if self._may_sleep() and not self._sleep():
                return
        except Exception as error:
            self._fail(error)
            return
        self._schedule()

    def _may_sleep(self) -> bool:
        """Whether to wait for the bell: where records come faster than turns, bells only cost."""
        if self._rest_s and not self._was_early:
            return True
        return self._idle_rounds >= (SPIN_ROUNDS if self._spins and not self._rest_s else 1)

    def _fail(self, error: Exception) -> None:
        """Poll no more, and have the host end."""
        self._closed = True
        if self.failed is not None and not self.failed.done():
            self.failed.set_exception(error)

    def _sleep(self) -> int:
        """Arm the bell and look once more: work means that the host stays awake."""
        reasons = Reason(0)
        for edge in self._edges:
            reasons |= edge.wants()
        self._sleeper.prepare(reasons)
        work = self._poll()
        if work:
            self._sleeper.cancel()
            self._idle_rounds = 0
        return work

    def _beat(self) -> None:
        """Show that the host lives, and look at the rings again, whatever wake-up was missed."""
        if self._closed:
            return
        self._show_life()
        if not self._scheduled:
            self._idle_rounds = SPIN_ROUNDS
            self._schedule(at_once=self._rest_s > 0)

    def _show_life(self) -> None:
        if self._beat_timer is not None:
            self._beat_timer.cancel()
        self._last_beat_s = time.monotonic()
        self._beat_timer = self._loop.call_later(self._beat_s, self._beat)
        self._show(RUNNING)
        try:
            self._venue.snapshots.reap()
        except OSError as error:
            self._fail(error)

    def _show(self, state: int) -> None:
        for slot, work in zip(self._slots, self._work, strict=True):
            show_health(self._board, slot, state, self._started_ns, work, self._rounds)


def show_health(board: Board, slot: int, state: int, started_ns: int, work: int = 0, rounds: int = 0) -> None:
    """Show that this process, which is an edge's, lives."""
    board.show_health(
        slot,
        {
            "heartbeat_ns": time.monotonic_ns(),
            "pid": os.getpid(),
            "work": work,
            "rounds": rounds,
            "state": state,
            "started_ns": started_ns,
            "blocked": 0,
        },
    )
