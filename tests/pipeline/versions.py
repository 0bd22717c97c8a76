"""Another version of the software on this machine: the same code in a folder of its own, with another number."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("lockstep",)


RULES = {"lockstep/procs/router/sequencer": "RULES_VERSION", "lockstep/procs/replicator/link": "RULES_KNOWN"}
KNOWING = (
    "lockstep/procs/router/sequencer",
    "lockstep/procs/router/own_records",
    "lockstep/procs/replicator/link",
    "lockstep/procs/replicator/receiver",
)


class Version:
    """`number`, installed in `folder`: `program` is its lockstep, `python` an interpreter that finds its code alone.

    With `rules` it is compiled to know that version of the log's rules, which takes a minute.
    """

    def __init__(self, folder: Path, number: str, rules: int | None = None) -> None:
        self.code = folder
        for room in ROOMS:
            unused = shutil.ignore_patterns("__pycache__", "*.c")
            shutil.copytree(ROOT / room, folder / room, ignore=unused, copy_function=_place)
        if rules is not None:
            self._compile(rules)
        about = folder / f"lockstep_venue-{number}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: lockstep-venue\nVersion: {number}\n")
        self.python, self.program = folder / "bin" / "python", folder / "bin" / "lockstep"
        self.python.parent.mkdir()
        _script(self.python, f'PYTHONPATH={folder} exec {sys.executable} -P "$@"')
        _script(self.program, f'exec {self.python} -m lockstep "$@"')

    def _compile(self, rules: int) -> None:
        for module, name in RULES.items():
            file = self.code / f"{module}.pxd"
            text, count = re.subn(rf"\b{name} = \d+", f"{name} = {rules}", file.read_text())
            assert count == 1, name
            file.unlink()  # it may be a link to ours
            file.write_text(text)
        for module in KNOWING:
            next((self.code / module).parent.glob(f"{Path(module).name}.*.so")).unlink()
        shutil.copy(ROOT / "setup.py", self.code)
        only = ",".join(f"{module}.pyx" for module in KNOWING)
        command = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"]
        subprocess.run(command, cwd=self.code, env={**os.environ, "LOCKSTEP_ONLY": only}, check=True)


def _place(source: str, target: str) -> str:
    """A link, which costs nothing; a copy where that is on another file system."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def _script(file: Path, line: str) -> None:
    file.write_text(f"#!/bin/sh\n{line}\n")
    file.chmod(0o755)
