"""What docs/protocols/fix.md says that is rejected is in no table of accepted fields."""

from __future__ import annotations

import re
from pathlib import Path

from lockstep.procs.gateway.fix.dictionary import LAST_TAG, TYPES, numbers

PAGE = Path(__file__).parents[3] / "docs" / "protocols" / "fix.md"
MESSAGES = {
    "D, G of 4.4": ((44, "D"), (44, "G")), "F of 4.4": ((44, "F"),), "H of 4.4": ((44, "H"),), "q": ((44, "q"),),
    "D of 4.2": ((42, "D"),), "E of 4.4": ((44, "E"),),
}  # fmt: skip


def tags(text: str) -> set[int]:
    """`75, 232 to 236`, up to a semicolon."""
    found: set[int] = set()
    for first, last in re.findall(r"(\d+)(?: to (\d+))?", text.partition(";")[0]):
        found |= set(range(int(first), int(last or first) + 1))
    return found


def test_fields_that_the_page_calls_rejected_are_not_accepted() -> None:
    section = PAGE.read_text().partition("### Fields that are rejected")[2].partition("###")[0]
    rows = dict(re.findall(r"^\| ([DFGHEq][^|]*) \| (\d[^|]*) \|$", section, re.MULTILINE))
    assert rows.keys() == MESSAGES.keys()
    for name, text in rows.items():
        for version, kind in MESSAGES[name]:
            rejected = tags(text)
            assert rejected
            assert max(rejected) <= LAST_TAG[version]
            assert not rejected & set(numbers(TYPES[version][kind].allowed)), (version, kind)
