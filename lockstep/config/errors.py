"""What is wrong with a configuration, said so that it can be mended: file, key, and what is allowed there.

It only words problems; finding them is the loader's and the checks' work.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Problem(NamedTuple):
    """One wrong key or value: `key` is its dotted path, empty for the file as a whole."""

    key: str
    message: str


class ConfigError(Exception):
    """The configuration can't be used. Lists every problem that was found, not only the first."""

    def __init__(self, problems: Sequence[Problem], file: Path | None = None) -> None:
        self.problems = tuple(problems)
        self.file = file
        super().__init__(str(self))

    def __str__(self) -> str:
        place = f"{self.file}: " if self.file else ""
        return "\n".join(f"{place}{p.key}: {p.message}" if p.key else f"{place}{p.message}" for p in self.problems)
