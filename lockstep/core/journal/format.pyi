from pathlib import Path

from lockstep.core.diagnostics.refusal import FinalError

SUFFIX: str
OWN_SCHEMA: int  # of the records that this build writes and reads, as `lockstep.core.schema.layout` derives it

class JournalError(FinalError): ...

class JournalCorrupt(JournalError):
    file: Path
    offset: int
    reason: str
    def __init__(self, file: Path, offset: int, reason: str) -> None: ...

class JournalShort(JournalCorrupt): ...

def file_name(first_seq: int) -> str: ...
def segment_path(directory: Path, first_seq: int) -> Path: ...
def first_seqs(directory: Path, names: list[str]) -> list[int]: ...
