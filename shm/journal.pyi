from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

class JournalError(Exception): ...

class JournalCorrupt(JournalError):
    file: Path
    offset: int
    reason: str
    def __init__(self, file: Path, offset: int, reason: str) -> None: ...

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
    def __init__(self, directory: Path, first_seq: int = 1, limit: int | None = None, deep_from: int = 0) -> None: ...
    def __iter__(self) -> JournalReader: ...
    def __next__(self) -> bytes: ...
    def close(self) -> None: ...
    def tail(self) -> int: ...
    def path(self) -> Path: ...

def segment_path(directory: Path, first_seq: int) -> Path: ...
def segment_seqs(directory: Path) -> list[int]: ...
def verify(directory: Path) -> JournalReport: ...
