"""A router writes nothing to a journal that has lost released records: the edges' own files know (LOG-28)."""

from __future__ import annotations

import pytest

from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import Epoch
from lockstep.procs.router.settlement import ReplayError
from lockstep.procs.router.witnesses import BATCHER, Witnesses
from lockstep.shm.board import Board
from tests.router.rig import Rig

EDGES = ("gateway.1", "gateway.2", "batcher", "publisher", "router")


def told(board: Board, seq: int = 0, numbers: tuple[int, ...] = (0, 0, 0)) -> Witnesses:
    board.show_known(BATCHER, seq, numbers)
    for gateway in (1, 2):
        board.show_known(gateway, 0, numbers)
    return Witnesses(board, EDGES)


def test_every_edge_that_keeps_files_is_heard() -> None:
    board = Board.private()
    witnesses = Witnesses(board, EDGES)
    for place in (1, 2, BATCHER):
        assert not witnesses.are_heard()
        board.show_known(place, 0, (0,) * 9)
    assert witnesses.are_heard()


def test_what_the_journal_leads_to_is_no_objection() -> None:
    witnesses = told(Board.private(), 7, (3, 2, 1))
    assert witnesses.objection(7, [3, 2, 1] + [0] * 6) is None
    assert witnesses.objection(9, [9] * 9) is None


@pytest.mark.parametrize(
    ("seq", "numbers", "words"),
    [
        (6, [3, 2, 1], "ends at 6, and the spool has what came of record 7"),  # a marker or a tick alone
        (7, [2, 2, 1], "leads to event 2 of the router, and the spool has event 3"),
        (7, [3, 2, 0], "leads to event 0 of matcher 2, and the spool has event 1"),
    ],
)
def test_what_is_missing_is_named(seq: int, numbers: list[int], words: str) -> None:
    assert words in (told(Board.private(), 7, (3, 2, 1)).objection(seq, numbers + [0] * 6) or "")


def test_a_gateways_store_knows_what_was_reported() -> None:
    board = Board.private()
    witnesses = told(board)
    board.show_known(2, 0, (0, 4))
    assert "ends at 7, which leads to event 3 of matcher 1, and gateway.2 has reported event 4" in (
        witnesses.objection(7, [3] * 9) or ""
    )


def test_a_router_waits_for_all_and_then_leads() -> None:
    first = Rig().lead()
    board = Board.private()
    rig = Rig(first.log, board=board, witnesses=Witnesses(board, EDGES))
    rig.run()
    assert (rig.router.leads, len(rig.log)) == (False, len(first.log))
    told(board, len(first.log), (len(first.events[0]), 0, 0))
    rig.lead()
    assert isinstance(unpack_command(rig.log[len(first.log)]), Epoch)


@pytest.mark.parametrize(("lost", "events"), [(1, 0), (0, 1)])
def test_a_router_writes_nothing_behind_a_loss(lost: int, events: int) -> None:
    first = Rig().lead()
    board = Board.private()
    witnesses = told(board, len(first.log) + lost, (len(first.events[0]) + events, 0, 0))
    rig = Rig(first.log, board=board, witnesses=witnesses)
    with pytest.raises(ReplayError, match=f"the journal ends at {len(first.log)}"):
        rig.run()
    rig.collect()
    assert rig.log == first.log
