from pathlib import Path
from typing import NamedTuple

from lockstep.core.files.disk import Disk
from lockstep.core.journal.end import End

class Repaired(NamedTuple):
    file: Path
    taken: list[tuple[int, int]]
    kept: Path

def repair(where: Path | Disk, copy: Path | Disk) -> list[Repaired]: ...

def tail(where: Path | Disk, end: End, last_seq: int) -> bytes: ...

class SegmentBuilder:
    def __init__(self, header: bytes, source: Disk) -> None: ...
    def until(self, old: bytes, last_seq: int) -> bytes: ...

def put(disk: Disk, name: str, data: bytes) -> None: ...
