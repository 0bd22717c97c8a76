"""The recipes of CONTRIBUTING.md as programs: what a page says to change is what is changed, in a copy of the tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.pages import ROOT, Block, blocks

PAGE = ROOT / "CONTRIBUTING.md"
FOLDERS = ("lockstep", "tests", "docs")
FILES = ("setup.py", "pyproject.toml", "README.md")
NOT_SOURCES = shutil.ignore_patterns("__pycache__", "*.c", "*.html")


class Recipe:
    """The steps below a heading, and the `tree` in `folder` in which all of its diffs are applied.

    Compiled modules are this build's: a diff of a module's source changes nothing until it is compiled.
    """

    def __init__(self, heading: str, folder: Path) -> None:
        self.tree = folder / "lockstep"
        self._blocks = [block for block in blocks(PAGE) if block.heading == heading]
        for name in FOLDERS:
            shutil.copytree(ROOT / name, self.tree / name, ignore=NOT_SOURCES, copy_function=_placed)
        for name in FILES:
            shutil.copy(ROOT / name, self.tree)
        diffs = self.of("diff")
        assert diffs, f"{PAGE.name} has no diffs below {heading!r}"
        for diff in diffs:
            self.run("git", "apply", "-", text=diff.text)

    def of(self, kind: str) -> list[Block]:
        """Its blocks of that kind."""
        return [block for block in self._blocks if block.kind == kind]

    @property
    def changed(self) -> set[str]:
        """The files that its diffs change or add, as paths in the tree."""
        return {path for diff in self.of("diff") for path in re.findall(r"^\+\+\+ b/(\S+)$", diff.text, re.MULTILINE)}

    def run(self, *command: str, text: str = "", environment: dict[str, str] | None = None) -> str:
        """Run a command in the tree, with `text` as its input. Returns what it prints; it must succeed."""
        # A repository around the copy is not git's business: paths are those of the copy.
        settings = os.environ | {"GIT_CEILING_DIRECTORIES": str(self.tree.parent)} | (environment or {})
        done = subprocess.run(
            command, cwd=self.tree, env=settings, input=text, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{text}{done.stdout}{done.stderr}"
        return done.stdout

    def python(self, *arguments: str) -> str:
        """Run Python in the tree, as `run` does."""
        return self.run(sys.executable, *arguments)

    def passes(self, *tests: str) -> None:
        """Run tests of the tree, which must pass."""
        # In a folder of its own: pytest closes the one of all sessions to other users, PostgreSQL's among them.
        folder = f"--basetemp={self.tree.parent / 'tests'}"
        self.python("-m", "pytest", "-q", "-p", "no:cacheprovider", folder, *tests)


def _placed(source: str, target: str) -> str:
    """A copy; of a compiled module, a link to it."""
    if source.endswith(".so"):
        Path(target).symlink_to(source)
        return target
    return str(shutil.copy(source, target))
