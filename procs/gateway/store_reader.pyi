from pathlib import Path

PATTERN: str
MAGIC: bytes
OLD_MAGIC: bytes
OUT_APP: int

class StoreCorrupt(RuntimeError): ...

def path_of(folder: Path, base: int) -> Path: ...

class Scan:
    torn: bool
    def __init__(self, folder: Path, bases: list[int], position: int, end: int) -> None: ...
    def read(self) -> tuple[int, int, int, bytes] | None: ...

def reports(folder: Path, known: list[int]) -> tuple[list[int], int]: ...
