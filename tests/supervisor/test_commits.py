"""When orders are no longer acknowledged, and who gets a notice."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockstep.config.schema import AlertsSection
from lockstep.procs.replicator.handshake import LinkState
from lockstep.procs.supervisor.alerts import Alerts
from lockstep.procs.supervisor.commits import CommitWatch
from lockstep.shm.board import Board, Word

SECOND_NS = 10**9


class Stand:
    """A watch of a board that leads, with records up to `end`, of which `commit` are committed."""

    def __init__(self, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told: list[str] = []
        self.said: list[str] = []
        monkeypatch.setattr(Alerts, "tell", lambda _self, event, _message: self.told.append(event))
        self.board = Board.private()
        self.board.set(Word.EPOCH, 1)
        self.at(end=10, durable=10, acked=10)
        self.watch = CommitWatch(data, self.said.append, Alerts(AlertsSection(), "mine", data / "alerts.json", print))

    def at(self, **words: int) -> None:
        names = {"end": Word.LOG_END, "durable": Word.DURABLE_SEQ, "acked": Word.ACKED_SEQ}
        for name, value in words.items():
            self.board.set(names[name], value)

    def look(self, at_s: float) -> bool:
        self.watch.look(self.board, round(at_s * SECOND_NS))
        return self.board.get(Word.STALLED_NS) != 0


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    return Stand(tmp_path, monkeypatch)


def test_commits_that_wait_for_a_dead_secondary_are_told(stand: Stand) -> None:
    stand.board.set(Word.COMMIT_BY, Word.ACKED_SEQ)
    stand.board.set(Word.LINK, LinkState.IN_STEP)
    assert not stand.look(100)
    stand.at(end=12, durable=12)
    assert not stand.look(101)
    assert not stand.look(101.9)
    assert stand.look(103)
    assert stand.board.get(Word.STALLED_NS) == 100 * SECOND_NS or stand.board.get(Word.STALLED_NS) == 101 * SECOND_NS
    assert stand.look(104)
    assert stand.told == ["commits_wait"]
    assert 'continue without it: lockstep failover --peer-is-off "WHO, HOW"' in stand.said[0]
    stand.at(acked=12)
    assert not stand.look(105)
    assert stand.told == ["commits_wait", "commits_resumed"]


def test_an_idle_primary_whose_secondary_is_away_is_not_ready(stand: Stand) -> None:
    """The next order would wait."""
    stand.board.set(Word.COMMIT_BY, Word.ACKED_SEQ)
    stand.board.set(Word.LINK, LinkState.IN_STEP)
    assert not any(map(stand.look, (100, 103)))
    stand.board.set(Word.LINK, LinkState.ALONE)
    assert not stand.look(104)
    assert stand.look(106)
    stand.board.set(Word.COMMIT_BY, 0)  # it continues without
    assert not stand.look(107)


def test_a_journal_that_stands_still_is_told_as_that(stand: Stand) -> None:
    stand.at(end=12)
    assert not stand.look(100)
    assert stand.look(103)
    assert "the journal's disk does not take 2 records" in stand.said[0]


def test_slow_commits_and_those_of_a_secondary_are_none_of_it(stand: Stand) -> None:
    for at_s in range(100, 110):
        stand.at(end=at_s + 5, durable=at_s)
        assert not stand.look(at_s)
    stand.board.set(Word.EPOCH, 0)
    assert not any(map(stand.look, (111, 120)))
    assert stand.told == []
