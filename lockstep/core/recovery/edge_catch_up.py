"""Brings an edge that starts again in a running venue to the point where it goes on with the venue's rings.

What it missed comes from a replay of its own; side effects that its store already has are left out, as in any replay.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Protocol

from lockstep.core.recovery.replay import IDLE_ROUNDS, CoreReplayError, ReplayedCore
from lockstep.core.recovery.ring_copy import HandOver
from lockstep.core.venue.venue import Venue
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import Consumer, Ring

ROUNDS_A_BEAT = 64  # a round is some thousand records at most
HANDOVER_SLOTS = 8192
# An edge that is out of the gate enters again when it lags by less than this part of a ring: the rest is replayed long
# before the ring is full.
NEAR = 4
WAIT_S = 0.001  # between two looks at a journal in which nothing is new
FOR_EVER = 2**63


class Edge(Protocol):
    """What a stage must be able to do to be brought up to date."""

    def poll(self, now_ns: int) -> int: ...
    def attach(self, consumers: dict[int, Consumer], board: Board) -> None: ...


def catch_up(venue: Venue, name: str, edge: Edge, beat: Callable[[], None]) -> None:
    """Bring `edge` up to date, then let it go on with the venue's rings. `beat` is called again and again meanwhile.

    CoreReplayError if the journal does not lead there.
    """
    catching = Catching(venue, name, edge)
    for rounds in itertools.count():
        if catching.is_over:
            return
        if rounds % ROUNDS_A_BEAT == 0:
            beat()
        if not catching.step() and catching.follows:
            time.sleep(WAIT_S)  # the journal grows in another process, which rings no bell outside the gate
            beat()


class Catching:
    """One catching up: a replay, the rings by which its events are handed over, and the edge behind them.

    The edge has loaded its part of `venue.snapshots.start`. Where its cursors gate, nothing behind them is gone, and it
    is brought to just there. Where it was taken out of the gate, it follows the journal until it is near the present;
    then its cursors gate behind what is published at that moment, and it is brought there.
    """

    def __init__(self, venue: Venue, name: str, edge: Edge) -> None:
        self.is_over = False
        self._venue = venue
        self._name = name
        self._edge = edge
        self._real = venue.events(name)
        self.follows = not self._gates()
        self._until = {} if self.follows else self._cursors_of(self._real)
        start = venue.snapshots.start
        if not self.follows and all(number <= start.numbers[ring] for ring, number in self._until.items()):
            self._end()
            return
        last_seq = max(start.seq, self._told()) if self.follows else venue.board.get(Word.DURABLE_SEQ)
        self._replay = ReplayedCore(venue.config, venue.data, start, last_seq, follows=self.follows)
        self._rings = {
            ring: Ring.private(HANDOVER_SLOTS, [name], first_seq=start.numbers[ring] + 1) for ring in self._real
        }
        self._hands = {
            ring: HandOver(self._replay.consumers[ring], made.producer(), self._until.get(ring, FOR_EVER))
            for ring, made in self._rings.items()
        }
        self._idle = 0
        # No epoch: as far as the edge can see, no router leads yet, so it opens nothing.
        self._board = Board.private()
        handed = {ring: made.consumer(name) for ring, made in self._rings.items()}
        self._handed = handed
        edge.attach(handed, self._board)

    def step(self) -> int:
        """Some of the way; returns how much work that was. CoreReplayError."""
        if self.follows:
            self._follow()
        if self._until and all(self._handed[ring].next > number for ring, number in self._until.items()):
            self._end()
            return 1
        work = self._replay.step() + self._hand_over() + self._edge.poll(time.time_ns())
        self._idle = 0 if work or self.follows else self._idle + 1
        if self._idle > IDLE_ROUNDS:
            at = self._cursors_of(self._handed)
            raise CoreReplayError(f"{self._name} does not get to where it was: it is at {at}, and was at {self._until}")
        return work

    def _follow(self) -> None:
        """Go on with the journal, also into a new generation; and into the gate once that is near."""
        if self._venue.board.get(Word.GENERATION) > self._venue.generation:
            self._venue.renew()
            self._real = self._venue.events(self._name)
            self._until = self._cursors_of(self._real) if self._gates() else {}
        self._replay.extend(self._told())
        if not self._until and self._is_near():
            self._until = {ring: consumer.enter() for ring, consumer in self._real.items()}

    def _told(self) -> int:
        """The record up to which all that came of the log is committed, and lies in the real rings."""
        board = self._venue.board
        done = (board.get(Word.MATCHER_DONE + number - 1) for number in self._venue.matchers)
        return min(board.release_position(), *done)

    def _is_near(self) -> bool:
        return all(
            consumer.ring.published < self._handed[ring].next + consumer.ring.capacity // NEAR
            for ring, consumer in self._real.items()
        )

    def _hand_over(self) -> int:
        """Copy what there is; then say how far each ring is complete, having looked before (LOG-19)."""
        done = {ring: self._replay.done_of(ring) for ring in self._hands}
        work = sum(hand.step() for hand in self._hands.values())
        for ring, hand in self._hands.items():
            if ring:
                self._board.set(Word.MATCHER_DONE + ring - 1, hand.done_of(done[ring]))
        # All of the router's ring that the edge will get is all that it waits for.
        router_done = done[0] if self._hands[0].is_over else self._hands[0].done_of(done[0])
        self._board.set(Word.ROUTER_DONE, router_done)
        self._board.set(Word.DURABLE_SEQ, router_done)
        return work

    def _gates(self) -> bool:
        return all(consumer.gates for consumer in self._real.values())

    def _end(self) -> None:
        self._edge.attach(self._real, self._venue.board)
        self.is_over = True

    @staticmethod
    def _cursors_of(consumers: dict[int, Consumer]) -> dict[int, int]:
        return {ring: consumer.next - 1 for ring, consumer in consumers.items()}
