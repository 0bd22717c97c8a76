"""What was measured gets into the page between its marks, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

from bench import report

RESULT = {"row": "ring-x", "value": 1234567, "unit": "records/s", "what": "one to one"}


def test_figures_stand_between_their_marks_and_the_rest_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- ring-x -->\nold\n<!-- /ring-x -->\nafter\n<!-- other -->\nkept\n<!-- /other -->\n")
    report.update(page, [RESULT])
    report.update(page, [RESULT, {**RESULT, "row": "unknown"}])
    text = page.read_text()
    assert text.startswith("before\n<!-- ring-x -->\n")
    assert text.count("| one to one | 1,234,567 records/s |") == 1
    assert "old" not in text
    assert text.endswith("<!-- /ring-x -->\nafter\n<!-- other -->\nkept\n<!-- /other -->\n")


def test_whole_figures_have_no_point_and_others_two_places() -> None:
    assert report.shown(RESULT) == "1,234,567"
    assert report.shown({**RESULT, "value": 0.5}) == "0.50"
