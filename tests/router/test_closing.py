"""Another node is to lead: the log of this one gets nothing more, not even the router's own records."""

from __future__ import annotations

import pytest

from lockstep.shm.board import Handover, Word
from tests.router.requests import order
from tests.router.rig import Rig


@pytest.fixture
def rig() -> Rig:
    rig = Rig().lead()
    assert rig.ask(order(1, "A")) == 0
    return rig


def closed_behind(rig: Rig, seq: int) -> None:
    """A request waits, and balances that a tick would tell."""
    rig.send(order(1, "B"))
    rig.tick()
    assert len(rig.log) == seq


def test_asked_in_order_it_says_where_the_log_ends(rig: Rig) -> None:
    end = len(rig.log)
    rig.board.set(Word.HANDOVER, Handover.CLOSING)
    closed_behind(rig, end)
    assert rig.board.get(Word.HANDOVER) == Handover.CLOSED
    assert rig.board.get(Word.LOG_END) == end

    rig.board.set(Word.HANDOVER, Handover.NO)  # it was given up
    rig.tick()
    assert [type(record).__name__ for record in rig.commands(end)][-2:] == ["Tick", "NewOrder"]


def test_a_node_that_is_fenced_writes_nothing_more(rig: Rig) -> None:
    rig.board.set(Word.FENCED, 2)
    closed_behind(rig, len(rig.log))
    assert rig.board.get(Word.HANDOVER) == Handover.NO


def test_a_core_that_starts_again_begins_no_epoch_once_it_is_fenced(rig: Rig) -> None:
    """I9: the other node has been told where this log ends."""
    again = Rig(rig.log, ingress=rig.ingress, board=rig.board)
    again.board.set(Word.FENCED, 2)
    again.tick()
    assert again.log == rig.log
    assert not again.router.leads

    again.board.set(Word.FENCED, 0)
    again.lead()
    assert len(again.log) > len(rig.log)
