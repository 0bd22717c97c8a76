"""Another version of the software on this machine: the same code in a folder of its own, with another number."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("shm", "procs", "config", "scripts")


class Version:
    """`number`, installed in `folder`: `program` is its lockstep, `python` an interpreter that finds its code alone."""

    def __init__(self, folder: Path, number: str) -> None:
        self.code = folder
        for room in ROOMS:
            unused = shutil.ignore_patterns("__pycache__", "*.c", "*.pyx")
            shutil.copytree(ROOT / room, folder / room, ignore=unused, copy_function=os.link)
        about = folder / f"lockstep_venue-{number}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: lockstep-venue\nVersion: {number}\n")
        self.python, self.program = folder / "bin" / "python", folder / "bin" / "lockstep"
        self.python.parent.mkdir()
        _script(self.python, f'PYTHONPATH={folder} exec {sys.executable} -P "$@"')
        _script(self.program, f'exec {self.python} -m scripts "$@"')


def _script(file: Path, line: str) -> None:
    file.write_text(f"#!/bin/sh\n{line}\n")
    file.chmod(0o755)
