"""A primary that did not run for a while releases nothing before it has asked its peer (I9)."""

from __future__ import annotations

from lockstep.core.venue.venue import LAPSED
from lockstep.procs.replicator.asking import Answer
from lockstep.procs.replicator.handshake import LinkState, Refusal
from lockstep.procs.supervisor.confirmation import ALONE_NS, ASK_EVERY_NS, WAITING_NS, Confirmation
from lockstep.shm.board import Board, Word

STEP_NS = 200_000_000


class Stand:
    """A primary of epoch 4, and a clock that a test moves. `answer` is the peer's."""

    def __init__(self, *, waits: bool, link: LinkState = LinkState.ALONE) -> None:
        self.board = Board.private()
        self.board.set(Word.EPOCH, 4)
        self.board.set(Word.LINK, link)
        self.board.set(Word.COMMIT_BY, Word.ACKED_SEQ if waits else 0)
        self.now_ns = 10**12
        self.asked = 0
        self.answer: Answer | None = None
        self.confirmation = Confirmation(self.board, self._ask, lambda: self.now_ns)
        self.confirmation.extend()

    def _ask(self, epoch: int) -> Answer | None:
        assert epoch == 4
        self.asked += 1
        return self.answer

    def run(self, duration_ns: int) -> None:
        """As the two threads do."""
        for _ in range(duration_ns // STEP_NS):
            self.now_ns += STEP_NS
            self.confirmation.extend()
            self.confirmation.question()

    def wake(self, asleep_ns: int) -> None:
        self.now_ns += asleep_ns
        self.confirmation.extend()

    @property
    def may_release(self) -> bool:
        return self.board.get(Word.LEASE_UNTIL) > self.now_ns and not self.board.get(Word.FENCED)


def told(refusal: Refusal, epoch: int) -> Answer:
    return Answer(refusal is Refusal.LEADS, epoch, 0, "", refusal)


def test_a_primary_that_runs_releases_and_asks_nothing_over_a_link() -> None:
    stand = Stand(waits=True, link=LinkState.IN_STEP)
    for _ in range(50):
        stand.run(STEP_NS)
        assert stand.may_release
    assert stand.asked == 0


def test_a_primary_without_a_link_asks_every_second() -> None:
    stand = Stand(waits=False)
    stand.run(10 * ASK_EVERY_NS)
    assert 9 <= stand.asked <= 11
    assert stand.may_release


def test_a_pause_shuts_a_primary_until_its_peer_has_answered() -> None:
    for waits, grant_ns in ((False, ALONE_NS), (True, WAITING_NS)):
        stand = Stand(waits=waits, link=LinkState.IN_STEP)
        stand.run(ASK_EVERY_NS)
        stand.wake(grant_ns)
        assert not stand.may_release
        stand.answer = told(Refusal.NOT_LEADING, 4)
        stand.run(STEP_NS)
        assert stand.may_release
        stand.run(10 * ASK_EVERY_NS)
        assert stand.may_release


def test_a_primary_that_wakes_up_behind_another_epoch_is_fenced() -> None:
    stand = Stand(waits=False)
    stand.wake(75 * 10**9)
    stand.answer = told(Refusal.LEADS, 5)
    stand.run(STEP_NS)
    assert stand.board.get(Word.FENCED) == 5
    assert stand.board.get(Word.LEASE_UNTIL) == LAPSED
    stand.run(10 * ASK_EVERY_NS)
    assert not stand.may_release


def test_a_primary_that_never_slept_is_fenced_as_well() -> None:
    """Its link was cut, and the other node's operator was wrong about it."""
    stand = Stand(waits=False)
    stand.answer = told(Refusal.LEADS, 5)
    stand.run(2 * ASK_EVERY_NS)
    assert stand.board.get(Word.FENCED) == 5


def test_a_peer_of_an_earlier_epoch_gives_way_itself() -> None:
    stand = Stand(waits=False)
    stand.answer = told(Refusal.LEADS, 3)
    stand.wake(75 * 10**9)
    stand.run(STEP_NS)
    assert stand.may_release


def test_one_epoch_on_both_nodes_keeps_a_woken_primary_shut() -> None:
    stand = Stand(waits=False)
    stand.answer = told(Refusal.LEADS, 4)
    stand.wake(75 * 10**9)
    stand.run(10 * ASK_EVERY_NS)
    assert not stand.may_release


def test_without_an_answer_only_a_solo_primary_opens() -> None:
    """What a paired one has can't be committed without the peer; its operator releases it."""
    stand = Stand(waits=True)
    stand.wake(75 * 10**9)
    stand.run(10 * ASK_EVERY_NS)
    assert not stand.may_release
    stand.board.set(Word.COMMIT_BY, 0)
    stand.run(STEP_NS)
    assert stand.may_release


def test_a_second_pause_before_the_answer_counts_opens_nothing() -> None:
    """The answer is as old as its question."""
    stand = Stand(waits=True)
    stand.wake(75 * 10**9)

    def slow(_epoch: int) -> Answer:
        stand.now_ns += WAITING_NS
        return told(Refusal.NOT_LEADING, 4)

    stand.confirmation = Confirmation(stand.board, slow, lambda: stand.now_ns)
    stand.confirmation.question()
    assert not stand.may_release
