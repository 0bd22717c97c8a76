"""Every citation names a rule; every rule that is built is cited in the code, and by the tests that defend it.

The rules are on the pages below, a heading each: what must hold, in which files, and which tests fail without it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from msgspec import Struct

ROOT = Path(__file__).parents[1]
PAGES = ("docs/log-rules.md", "docs/invariants.md", "docs/protocols/fix-rules.md")
FOLDERS = ("lockstep", "bench", "tests", "docs", ".")
SUFFIXES = {".py", ".pyx", ".pxd", ".pyi", ".md", ".toml"}
CODE = {".py", ".pyx", ".pxd"}
# Here I1 is an instrument.
SYMBOLS = {
    "tests/router/test_operators.py",
    "tests/router/test_refusals.py",
    "tests/cli/test_at.py",
    "tests/cli/test_void.py",
}

CITATION = re.compile(r"(?<![\w-])(?:(?:LOG|FIX)-|I)\d+\b")
BARE = re.compile(r"\b[Rr]ules? \d")
HEADING = re.compile(r"^### ((?:(?:LOG|FIX)-|I)\d+): ", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
FILE = re.compile(r"`([\w/]+\.(?:pyx|py|pxd))`")


class Rule(Struct, frozen=True):
    """A rule as its page has it."""

    name: str
    is_built: bool
    code: tuple[str, ...]
    tests: tuple[tuple[str, str], ...]


def rules_of(root: Path) -> Iterator[Rule]:
    for page in PAGES:
        _, *parts = HEADING.split((root / page).read_text())
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            places, _, tests = text.partition("\n- Tests:")
            code = places.partition("\n- Code:")[2]
            yield Rule(name, "*Not built yet*" not in text, tuple(FILE.findall(code)), tuple(TEST.findall(tests)))


def texts_of(root: Path) -> dict[str, str]:
    """All that may cite a rule, by path; but this file, which has examples of wrong citations."""
    texts = {}
    for folder in FOLDERS:
        found = (root / folder).glob("*") if folder == "." else (root / folder).rglob("*")
        for path in found:
            if path.suffix in SUFFIXES and path.is_file() and path.name != Path(__file__).name:
                texts[path.relative_to(root).as_posix()] = path.read_text()
    return texts


def cited_in(path: str, text: str) -> set[str]:
    cited = set(CITATION.findall(text))
    return {name for name in cited if name[0] != "I"} if path in SYMBOLS else cited


def is_code(rule: str, path: str) -> bool:
    """Whether `path` may carry out the rule; the code that checks an invariant carries it out."""
    if Path(path).suffix not in CODE or Path(path).name.startswith("test_"):
        return False
    return rule[0] == "I" or not path.startswith("tests/")


@cache
def words_of_tests(source: str) -> dict[str, str]:
    """Of each test of a module: the module's docstring and the test's own text, where it may cite a rule."""
    tree = ast.parse(source)
    says = ast.get_docstring(tree) or ""
    return {
        node.name: says + (ast.get_source_segment(source, node) or "")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def problems(root: Path) -> Iterator[str]:
    """What is wrong between the rules' pages, the code and the tests below `root`."""
    rules = list(rules_of(root))
    names = {rule.name for rule in rules}
    texts = texts_of(root)
    if len(names) != len(rules):
        yield f"two rules have one name: {sorted(rule.name for rule in rules)}"
    for path, text in texts.items():
        for name in sorted(cited_in(path, text) - names):
            yield f"{path} cites {name}, and no page has it"
        for number, line in enumerate(text.splitlines(), 1):
            if BARE.search(line):
                yield f"{path}:{number} does not say whose rule it cites: {line.strip()}"
    for rule in rules:
        if rule.is_built:
            yield from problems_of(rule, texts)
        elif rule.tests or rule.code:
            yield f"{rule.name} is not built yet, and names code or tests"


def problems_of(rule: Rule, texts: dict[str, str]) -> Iterator[str]:
    if not rule.code:
        yield f"{rule.name} names no code"
    for path in rule.code:
        if path not in texts:
            yield f"{rule.name} names {path}, which is not there"
        elif not is_code(rule.name, path) or rule.name not in cited_in(path, texts[path]):
            yield f"{rule.name} names {path}, which does not cite it"
    if not rule.tests:
        yield f"{rule.name} names no test"
    for path, test in rule.tests:
        found = words_of_tests(texts.get(path, "")).get(test)
        if found is None:
            yield f"{rule.name} names {path}::{test}, which is not there"
        elif rule.name not in CITATION.findall(found):
            yield f"{rule.name} names {path}::{test}, which does not cite it"


def test_rules_code_and_tests_name_each_other() -> None:
    assert list(problems(ROOT)) == []


PAGE = """# Rules

### LOG-1: One

- Code: `lockstep/procs/one.py`
- Tests: `tests/test_one.py::test_it`

### LOG-2: Two

*Not built yet*: later.
"""
TREE = {
    PAGES[0]: PAGE,
    PAGES[1]: "### I1: Money\n\n- Code: `tests/checker.py`\n- Tests: `tests/test_one.py::test_money`\n",
    PAGES[2]: "nothing\n",
    "lockstep/procs/one.py": '"""Does it (LOG-1)."""\n',
    "tests/checker.py": '"""Checks I1, and waits for LOG-2."""\n',
    "tests/test_one.py": '"""Tests."""\n\n\ndef test_it():\n    """LOG-1."""\n\n\ndef test_money():\n    """I1."""\n',
}


def grown(root: Path, **changed: tuple[str, str, str]) -> Path:
    """A small tree whose rules are in order, except one change: (path, old, new)."""
    for path, text in TREE.items():
        for where, old, new in changed.values():
            if where == path:
                assert old in text
                text = text.replace(old, new)
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def test_a_tree_in_order_has_no_problem(tmp_path: Path) -> None:
    assert list(problems(grown(tmp_path))) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("lockstep/procs/one.py", "LOG-1", "LOG-1, LOG-9"), "lockstep/procs/one.py cites LOG-9, and no page has it"),
        (("lockstep/procs/one.py", "LOG-1", "LOG-1, I12"), "lockstep/procs/one.py cites I12, and no page has it"),
        (("lockstep/procs/one.py", "(LOG-1)", ""), "LOG-1 names lockstep/procs/one.py, which does not cite it"),
        (("lockstep/procs/one.py", "(LOG-1)", "(LOG-1, Rule 3)"), "does not say whose rule it cites"),
        (
            (PAGES[0], "lockstep/procs/one.py", "lockstep/procs/two.py"),
            "LOG-1 names lockstep/procs/two.py, which is not there",
        ),
        ((PAGES[0], "\n- Tests: `tests/test_one.py::test_it`", ""), "LOG-1 names no test"),
        ((PAGES[0], "*Not built yet*: later", "Built"), "LOG-2 names no code"),
        ((PAGES[0], "LOG-2: Two", "LOG-1: Two"), "two rules have one name"),
        (("tests/test_one.py", "def test_it", "def test_this"), "LOG-1 names tests/test_one.py::test_it, which is not"),
        (("tests/test_one.py", "LOG-1", "It"), "LOG-1 names tests/test_one.py::test_it, which does not cite it"),
    ],
)
def test_what_is_out_of_order_is_found(tmp_path: Path, change: tuple[str, str, str], problem: str) -> None:
    assert any(problem in found for found in problems(grown(tmp_path, change=change)))
