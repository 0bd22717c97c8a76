"""The pages of the project as programs: their blocks of code, by heading and in order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
COMMANDS = ("lockstep", "psql", "export", "make", "systemctl", "sudo", "cp", "rsync")


class Block(NamedTuple):
    """Lines of code below a heading. `kind` is what a fence names, or command or text of an indented block."""

    heading: str
    kind: str
    lines: list[str]
    line_number: int

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    @property
    def commands(self) -> list[str]:
        """Its commands without the comments after two blanks and a #."""
        return [re.sub(r"\s{2,}#.*", "", line).strip() for line in self.lines if line.strip()]


def blocks(page: Path) -> list[Block]:
    """All blocks of a page, fenced and indented ones."""
    found: list[Block] = []
    heading, fence, indented = "", "", False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if fence:
            if line.startswith("```"):
                fence = ""
            else:
                found[-1].lines.append(line)
        elif line.startswith("```"):
            fence = line[3:].strip() or "text"
            found.append(Block(heading, fence, [], number))
        elif line.startswith("    ") and (indented or not found or not _is_list(page, number)):
            if not indented:
                found.append(Block(heading, "text", [], number))
            found[-1].lines.append(line[4:])
            indented = True
            continue
        elif line.startswith("#"):
            heading = line.lstrip("# ")
        indented = False
    return [block._replace(kind=_kind(block)) for block in found]


def _kind(block: Block) -> str:
    if block.kind != "text":
        return block.kind
    return "command" if block.lines[0].split()[0] in COMMANDS else "text"


def _is_list(page: Path, number: int) -> bool:
    """Whether a line goes on in a list's item: an indented block has an empty line before it."""
    return bool(page.read_text().splitlines()[number - 2].strip())
