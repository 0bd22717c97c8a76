"""Keeps a primary from releasing anything after a pause, before it has asked its peer whether that leads by now (I9).

A process that is stopped, or a machine that is suspended, does not know it. So a primary of two nodes may release up to
LEASE_UNTIL only, by a clock that counts the pause, and a thread moves that on as long as it runs. Once the time has
passed, every edge finds itself shut, and only the peer's answer opens them again. A primary whose link is down asks
every second anyway, and steps down where the peer leads a later epoch. With a witness, its lease does all this.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

from lockstep.config.schema import Config
from lockstep.core.journal.journal import JournalError
from lockstep.core.venue import node
from lockstep.core.venue.venue import LAPSED
from lockstep.procs.replicator.asking import Answer, ask_role
from lockstep.procs.replicator.certificates import CertificateError, Credentials
from lockstep.procs.replicator.greeting import journal_id_of
from lockstep.procs.replicator.handshake import LINKED, Hello, LinkState, Refusal
from lockstep.procs.replicator.transport import Dialer, show_address
from lockstep.shm.board import Board, Word

LOOK_S = 0.2
ASK_EVERY_NS = 1_000_000_000
ASK_S = 1.0  # for the peer to answer
ALONE_NS = 1_000_000_000  # without another look; the peer can't lead by its operator's word any sooner
WAITING_NS = 3_000_000_000  # the same where nothing is released before the peer has acknowledged it

Ask = Callable[[int], Answer | None]


def boottime_ns() -> int:
    """Return CLOCK_BOOTTIME, which counts the time that the machine is suspended."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Confirmation:
    """The right of the primary on `board` to release. `ask` asks the peer as a node of an epoch; None: no answer."""

    def __init__(self, board: Board, ask: Ask, now_ns: Callable[[], int] = boottime_ns) -> None:
        self._board = board
        self._ask = ask
        self._now_ns = now_ns
        self._asked_ns = 0
        self._epoch = 0

    @property
    def is_lapsed(self) -> bool:
        """Whether this node did not run for so long that it has to ask first."""
        return 0 < self._board.get(Word.LEASE_UNTIL) <= self._now_ns()

    def extend(self) -> None:
        """Move the time on, unless it has passed. A thread that is stopped in here stores a time that is over."""
        now_ns = self._now_ns()
        until = self._board.get(Word.LEASE_UNTIL)
        if self._board.get(Word.FENCED):
            self._board.set(Word.LEASE_UNTIL, LAPSED)
        elif until == 0 or now_ns < until:
            self._board.set(Word.LEASE_UNTIL, now_ns + self._grant_ns)

    def question(self) -> None:
        """Ask the peer where that is due, and do what follows from its answer."""
        board, begun_ns = self._board, self._now_ns()
        self._epoch = max(self._epoch, board.get(Word.EPOCH))
        is_due = self.is_lapsed or board.get(Word.LINK) not in (*LINKED, LinkState.STARTING)
        if not is_due or not self._epoch or board.get(Word.FENCED) or begun_ns - self._asked_ns < self._pause_ns:
            return
        self._asked_ns = begun_ns
        answer = self._ask(self._epoch)
        if answer is None:
            if not self._waits:  # as at a start: its commits do not wait for the peer
                self._open(self._now_ns())
        elif answer.epoch > self._epoch:
            board.set(Word.FENCED, answer.epoch)
            board.set(Word.LEASE_UNTIL, LAPSED)
        elif answer.refusal is Refusal.NOT_LEADING or answer.epoch < self._epoch:
            self._open(begun_ns)

    def _open(self, since_ns: int) -> None:
        """Let a node release again that has lapsed: what it knows is as old as `since_ns`."""
        if self.is_lapsed:
            self._board.set(Word.LEASE_UNTIL, since_ns + WAITING_NS)

    @property
    def _waits(self) -> bool:
        return self._board.get(Word.COMMIT_BY) == Word.ACKED_SEQ

    @property
    def _grant_ns(self) -> int:
        return WAITING_NS if self._waits else ALONE_NS

    @property
    def _pause_ns(self) -> int:
        return 0 if self.is_lapsed else ASK_EVERY_NS


class Confirming:
    """The two threads of a run: one extends, one asks, since an answer may take long. `is_primary` is looked at again
    and again: a secondary that is promoted begins."""

    def __init__(self, confirmation: Confirmation, is_primary: Callable[[], bool]) -> None:
        self._is_primary = is_primary
        self._over = threading.Event()
        for turn in (confirmation.extend, confirmation.question):
            threading.Thread(target=self._run, args=(turn,), name=turn.__name__, daemon=True).start()

    def close(self) -> None:
        """End both, without waiting for an answer: they hold on to the board, which has no readers by then."""
        self._over.set()

    def _run(self, turn: Callable[[], None]) -> None:
        while not self._over.wait(LOOK_S):
            if self._is_primary():
                turn()


def asking(config: Config, data: Path) -> Ask:
    """Return how the node of `config` in `data` asks its peer."""
    address = show_address(config.replication.peer_address, config.replication.peer_port)
    name = config.replication.node
    assert name is not None

    def ask_peer(epoch: int) -> Answer | None:
        try:
            own = Hello(config.venue.name, name, journal_id_of(data / "journal"), epoch, 0, 0, secrets.randbits(64))
            return ask_role(Dialer(address, Credentials.of(node.folder_of(data))), own, ASK_S)
        except (JournalError, CertificateError, OSError, ValueError):
            return None  # the replicator says what is wrong with the journal, the address or the certificates

    return ask_peer
