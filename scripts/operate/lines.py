"""The commands of the table of operations, and the line of each in the list of all.

They are read from the sources: the list must load none of them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TABLE = Path(__file__).parents[2] / "procs" / "operating"
# Of several commands that begin with the same word.
GROUPS = {
    "bust": "Undo a trade: one operator proposes, another approves.",
    "correct": "Change the price of a trade: one operator proposes, another approves.",
    "adjust": "Change a balance: one operator proposes, another approves.",
    "fees": "Pay out fees that the venue has taken: one proposes, another approves.",
    "password-reset": "Let an account take a new password: one operator proposes, another approves.",
    "proposal": "Approve another operator's proposal, or dismiss one.",
    "withdrawal": "Approve or reject a withdrawal, or say that it was paid.",
}


def lines() -> dict[str, str]:
    """Each first word behind `lockstep`, and what it does: how its operation's help begins, or its group's line."""
    found = dict(line for file in sorted(TABLE.glob("*.py")) for line in _of(ast.parse(file.read_text())))
    return {word: GROUPS.get(word, found[word]) for word in sorted(found)}


def _of(module: ast.Module) -> Iterator[tuple[str, str]]:
    for operation in (each for each in module.body if isinstance(each, ast.ClassDef)):
        for each in operation.body:
            match each:
                case ast.Assign(targets=[ast.Name(id="command")], value=ast.Constant(value=str(command))) if command:
                    sentence, *_ = re.split("[:;.]", ast.get_docstring(operation) or "")
                    yield command.partition(" ")[0], f"{sentence}."
