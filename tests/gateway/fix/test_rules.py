"""The field checks: each fault with its SessionRejectReason and RefTagID, as a client sees it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.fix.client import brief, logged_on, order


@pytest.mark.parametrize(
    ("fields", "ref_tag", "reason"),
    [
        ([*order(), (999, "x")], "999", "0"),
        ([field for field in order() if field[0] != 55], "55", "1"),
        ([*order(), (112, "x")], "112", "2"),
        ([*order(), (58, "")], "58", "4"),
        ([field for field in order() if field[0] != 54] + [(54, "Z")], "54", "5"),
        ([field for field in order() if field[0] != 38] + [(38, "1e5")], "38", "6"),
        ([field for field in order() if field[0] != 60] + [(60, "today")], "60", "6"),
        ([*order(), (50, "sub")], "50", "14"),
        ([*order(), (44, "1"), (44, "2")], "44", "13"),
        ([*order(), (453, 2), (448, "a"), (452, 1)], "453", "16"),
    ],
)
def test_bad_field_is_rejected_with_its_reason_and_tag(fields: Any, ref_tag: str, reason: str) -> None:
    """FIX-15: a wrong field is rejected with its reason and tag."""
    client = logged_on()
    assert client.say("D", fields) == []
    assert brief(client.hear(), 35, 45, 371, 372, 373) == [("3", "2", ref_tag, "D", reason)]
    assert [event[0] for event in client.say("D", order())] == ["application"]


def test_reason_that_came_after_this_version_is_left_out() -> None:
    """FIX-15: a wrong field is rejected with its reason and tag."""
    client = logged_on(42)
    client.say("D", [*order(), (44, "1"), (44, "2")])
    assert brief(client.hear(), 35, 371, 373, 58) == [("3", "44", "", "Tag appears more than once")]


def test_repeating_groups_and_user_tags_pass() -> None:
    client = logged_on()
    parties = [(453, 2), (448, "a"), (447, "D"), (452, 1), (448, "b"), (452, 3), (5001, "mine")]
    assert [event[0] for event in client.say("D", [*order(), *parties])] == ["application"]
