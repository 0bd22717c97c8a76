from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lockstep.core.files.disk import Disk
from lockstep.core.journal.format import JournalCorrupt as JournalCorrupt
from lockstep.core.journal.format import JournalError as JournalError
from lockstep.core.journal.format import JournalShort as JournalShort
from lockstep.core.journal.format import segment_path as segment_path

class Ending(NamedTuple):
    torn_bytes: int
    beyond: list[int]
    hole: bool

class JournalReport(NamedTuple):
    segments: int
    batches: int
    records: int
    first_seq: int
    last_seq: int
    chain: int
    torn_bytes: int
    corruption: str | None
    corrupt_file: str | None
    corrupt_offset: int
    hole: bool = False

class JournalReader(Iterator[bytes]):
    next_seq: int
    first_seq: int
    limit: int
    chain: int
    epoch: int
    offset: int
    segments: int
    batches: int
    directory: Path
    def __init__(
        self, where: Path | Disk, first_seq: int = 1, limit: int | None = None, deep_from: int = 0
    ) -> None: ...
    def __iter__(self) -> JournalReader: ...
    def __next__(self) -> bytes: ...
    def close(self) -> None: ...
    def ending(self) -> Ending: ...
    def check_reached(self, known_seq: int, who: str) -> None: ...
    def check_mark(self) -> None: ...
    def header_bytes(self) -> bytes: ...
    def path(self) -> Path: ...

def segment_seqs(where: Path | Disk) -> list[int]: ...
def verify(where: Path | Disk, *, marked: bool = ...) -> JournalReport: ...
