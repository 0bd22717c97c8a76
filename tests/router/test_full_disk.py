"""LOG-29: on a full disk orders and replaces are refused, with a code in the log; all else passes."""

from __future__ import annotations

import pytest
from msgspec import structs

from lockstep.core.schema.records import Code, Instrument, MassCancel, Phase, PhaseChange
from lockstep.shm.board import Word
from tests.router.requests import cancel, order, replace
from tests.router.rig import OPERATORS, Rig


@pytest.fixture
def rig() -> Rig:
    rig = Rig().lead()
    for name in ("A", "B", "C"):
        rig.send(order(1, name))
    rig.run()
    rig.board.set(Word.JOURNAL_FULL, 1)
    return rig


def test_orders_and_replaces_are_refused_and_cancels_pass(rig: Rig) -> None:
    assert rig.ask(order(1, "D")) == Code.JOURNAL_FULL
    assert rig.ask(*replace(1, "R", "A", 99, 5)) == Code.JOURNAL_FULL
    assert rig.ask(order(1, "A")) == Code.DUPLICATE_CLIENT_ID
    assert rig.ask(*cancel(1, "X", "A")) == Code.OK
    everything = MassCancel(account=OPERATORS[0], time_ns=rig.now, cl_ord_id=b"M", target=1, instrument=0, side=0)
    assert rig.ask(everything) == Code.OK
    assert rig.core.ledger.orders.count == 0
    rig.core.ledger.check()


def test_an_instrument_moves_to_another_matcher_when_there_is_space(rig: Rig) -> None:
    """It leaves an image of its orders on the disk, and its matcher would wait with all others' until there is room."""
    listed = next(record for record in rig.commands() if isinstance(record, Instrument) and record.instrument == 1)
    halt = PhaseChange(account=OPERATORS[0], time_ns=rig.now, cl_ord_id=b"H", instrument=1, phase=Phase.HALT)
    assert rig.ask(halt) == Code.OK
    asked = {"account": OPERATORS[0], "session": 0, "time_ns": rig.now}
    assert rig.ask(structs.replace(listed, **asked, matcher=2)) == Code.JOURNAL_FULL
    assert rig.ask(structs.replace(listed, **asked, collar_bps=600)) == Code.OK
    rig.board.set(Word.JOURNAL_FULL, 0)
    assert rig.ask(structs.replace(listed, **asked, matcher=2)) == Code.OK
    assert rig.ask(*cancel(1, "X", "A")) == Code.OK


def test_a_refused_id_is_closed_and_other_ones_work_once_there_is_space(rig: Rig) -> None:
    assert rig.ask(order(1, "D")) == Code.JOURNAL_FULL
    rig.board.set(Word.JOURNAL_FULL, 0)
    assert rig.ask(order(1, "D")) == Code.DUPLICATE_CLIENT_ID
    assert rig.ask(order(1, "E")) == Code.OK


def test_replay_takes_the_refusal_from_the_record(rig: Rig) -> None:
    """LOG-1: what reaches the router is sequenced, with its verdict."""
    rig.ask(order(1, "D"))
    rig.ask(*replace(1, "R", "A", 99, 5))
    before = rig.core.state_hash()
    again = Rig(rig.log)
    while again.core.last_seq < len(rig.log):
        again.step()
    assert again.core.state_hash() == before
