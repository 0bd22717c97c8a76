"""The commands of the table of operations, and the line of each in the list of all.

They are read from the sources: the list must load none of them.
"""

from __future__ import annotations

import re
from pathlib import Path

TABLE = Path(__file__).parents[2] / "core" / "operations"
COMMAND = re.compile(r'^    command = "([a-z-]+)', re.MULTILINE)
HELP = re.compile(r'"""([^.:;]+)')
# Of several commands that begin with the same word.
GROUPS = {
    "adjust": "Change a balance: one operator proposes, another approves.",
    "bust": "Undo a trade: one operator proposes, another approves.",
    "correct": "Change the price of a trade: one operator proposes, another approves.",
    "fees": "Pay out fees that the venue has taken: one proposes, another approves.",
    "password-reset": "Let an account take a new password: one operator proposes, another approves.",
    "proposal": "Approve another operator's proposal, or dismiss one.",
    "withdrawal": "Approve or reject a withdrawal, or say that it was paid.",
}


def lines() -> dict[str, str]:
    """Return what each first word behind `lockstep` does: its operation's help up to a stop, or its group's line."""
    found: dict[str, str] = {}
    for file in sorted(TABLE.glob("*.py")):
        for entry in file.read_text().split("\nclass ")[1:]:
            if command := COMMAND.search(entry):
                found[command[1]] = GROUPS.get(command[1], f"{HELP.findall(entry)[0]}.")
    return found
