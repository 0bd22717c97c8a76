from pathlib import Path
from typing import NamedTuple

from lockstep.core.files.disk import Disk
from lockstep.core.journal.format import JournalShort as JournalShort

class End(NamedTuple):
    journal_id: bytes
    seq: int
    chain: int
    segment: int
    offset: int

class Header(NamedTuple):
    first_seq: int
    journal_id: bytes
    number: int
    chain: int
    venue: str

def chain_at(where: Path | Disk, seq: int) -> int: ...
def end_of(where: Path | Disk, seq: int | None = None) -> End: ...
def end_before(where: Path | Disk, seq: int) -> End: ...
def segment_header(where: Path | Disk, first_seq: int) -> Header: ...
def first_header(where: Path | Disk) -> Header | None: ...
def short_of(where: Path | Disk, seq: int, reason: str) -> JournalShort: ...
