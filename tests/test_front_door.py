"""What a newcomer meets first is whole: links lead somewhere, and the map has every page."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.pages import ROOT

LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")
PAGES = sorted(path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
SCREENS = 110  # lines: two of a large screen


def anchors(page: Path) -> set[str]:
    """What its headings are called in links."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(re.sub(r"`[^`\n]*`", "", page.read_text())):
        file = (page.parent / target) if target else page
        assert file.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(file), f"{page.name} links to #{anchor} of {target}"


def test_the_map_has_every_page() -> None:
    docs = ROOT / "docs"
    linked = {(docs / target).resolve() for target, _ in LINK.findall((docs / "README.md").read_text())}
    for page in PAGES:
        by_itself = page in (ROOT / "README.md", docs / "README.md") or page.parent == docs / "decisions"
        assert by_itself or page in linked, f"docs/README.md has no line for {page.relative_to(ROOT)}"


def test_the_readme_fits_two_screens() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= SCREENS


def test_every_shipped_package_is_marked_as_typed() -> None:
    found = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    for pattern in found:
        assert (ROOT / pattern.rstrip("*") / "py.typed").exists(), pattern


def test_every_hook_before_a_commit_is_a_tool_of_make_lint() -> None:
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert lint is not None
    entries = re.findall(r"entry: (.+)", (ROOT / ".pre-commit-config.yaml").read_text())
    assert len(entries) == len(lint[1].splitlines())
    for entry, line in zip(entries, lint[1].splitlines(), strict=True):
        words = [word.removeprefix(".venv/bin/") for word in entry.split() if "=" not in word and word != "env"]
        words = [word for word in words if word != "python"]
        assert all(word in line for word in words), f"{entry!r} is not {line.strip()!r}"
