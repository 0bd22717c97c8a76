from pathlib import Path
from typing import NamedTuple

from shm.disk import Disk

class Repaired(NamedTuple):
    file: Path
    taken: list[tuple[int, int]]
    kept: Path

def repair(where: Path | Disk, copy: Path | Disk) -> list[Repaired]: ...
