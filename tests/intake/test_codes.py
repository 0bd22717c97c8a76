"""The table of reject codes: complete, and the same in code and on its page."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockstep.core.intake.codes import TABLE, text_of
from lockstep.core.schema.records import Code
from tests.compiled import reasons_of

PAGE = Path(__file__).parents[2] / "docs" / "protocols" / "codes.md"


def test_the_page_has_every_code_with_the_text_and_the_reasons_of_the_table() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and line[2].isdigit()]
    expected = []
    for code in sorted(TABLE):
        row = TABLE[code]
        order, cancel = (" / ".join(map(str, reasons)) for reasons in (row.order, row.cancel))
        cells = (code.value, code.name, row.meaning, row.remedy, row.fix or "–", order, cancel)
        expected.append(f"| {' | '.join(map(str, cells))} |")
    assert rows == expected
    assert len(rows) == len(Code) - 1


@pytest.mark.parametrize("code", [code for code in Code if code])
def test_every_code_has_a_text_that_begins_with_its_name(code: Code) -> None:
    row = TABLE[code]
    assert text_of(code) == f"{code.name}: {row.meaning}; {row.remedy}"
    assert reasons_of(code, fix42=True)[0] <= 8  # FIX.4.2 knows no higher OrdRejReason
    assert reasons_of(code, fix42=True)[1] <= 3
    assert "|" not in row.meaning + row.remedy, "the page shows it in a table"


def test_a_number_off_its_steps_is_told_what_these_are() -> None:
    for step, told in (
        ((1, 2), "0.01"),
        ((50, 2), "0.5"),
        ((25, 1), "2.5"),
        ((100, 2), "1"),
        ((1, 18), f"0.{'0' * 17}1"),
    ):
        assert text_of(Code.PRICE_OFF_TICK, b"1.005", step).endswith(f" (sent 1.005, in steps of {told})")


def test_only_printable_ascii_is_repeated() -> None:
    assert text_of(Code.UNKNOWN_SYMBOL, b"a\xff\x02" + b"b" * 100).endswith(f" (sent a??{'b' * 37})")
