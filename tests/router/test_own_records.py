"""By which rules an epoch goes: this code's, or, of two nodes, the log's until both know newer ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import Epoch
from lockstep.procs.router.own_records import next_rules
from lockstep.procs.router.sequencer import RULES
from tests.router.rig import Rig


def rules_of(rig: Rig) -> list[int]:
    return [each.rules_version for each in map(unpack_command, rig.log) if isinstance(each, Epoch)]


@pytest.mark.parametrize(("raised", "then"), [(None, 5), (0, 2), (2, 2), (3, 3), (6, 5)])
def test_two_nodes_go_on_by_the_logs_rules_until_they_are_raised(raised: int | None, then: int) -> None:
    """LOG-23: the node of the earlier version is to follow, and to lead again. Here the log goes by version 2, and this
    code knows 5.
    """
    assert next_rules(5, 2, raised) == then


@pytest.mark.parametrize("raised", [None, lambda: 0, lambda: RULES + 1])
def test_an_epoch_goes_by_no_rules_that_this_code_does_not_know(raised: Callable[[], int] | None) -> None:
    before = Rig().lead()
    after = Rig(before.log)
    after.router.own.raised = raised
    assert rules_of(after.lead()) == [RULES, RULES]


def test_a_log_that_begins_goes_by_the_newest_rules() -> None:
    rig = Rig()
    rig.router.own.raised = lambda: 0
    assert rules_of(rig.lead()) == [RULES]
