"""By which rules an epoch goes: this code's, or, of two nodes, the log's until both know newer ones."""

from __future__ import annotations

import pytest

from shm.layout import unpack_command
from shm.records import Epoch
from tests.router.rig import RULES, Rig


def rules_of(rig: Rig) -> list[int]:
    return [each.rules_version for each in map(unpack_command, rig.log) if isinstance(each, Epoch)]


@pytest.mark.parametrize(("raised", "then"), [(None, RULES), (0, 2), (2, 2), (3, 3), (RULES + 1, RULES)])
def test_two_nodes_go_on_by_the_logs_rules_until_they_are_raised(raised: int | None, then: int) -> None:
    """LOG-23: the node of the earlier version is to follow, and to lead again."""
    before = Rig(rules=2).lead()
    after = Rig(before.log)
    after.router.own.raised = None if raised is None else lambda: raised
    after.lead()
    assert rules_of(before) == [2]
    assert rules_of(after) == [2, then]


def test_a_log_that_begins_goes_by_the_newest_rules() -> None:
    rig = Rig()
    rig.router.own.raised = lambda: 0
    assert rules_of(rig.lead()) == [RULES]
