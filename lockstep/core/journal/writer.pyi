from pathlib import Path

from lockstep.core.files.disk import Disk

SEGMENT_BYTES: int
MIN_SEGMENT_BYTES: int

class JournalFull(OSError): ...

class JournalWriter:
    first_seq: int
    segment: int
    max_batch: int
    synced: bool
    nearly_full: bool
    hole: bool
    directory: Path
    torn: Path | None
    def __init__(
        self,
        where: Path | Disk,
        durability: str = "local",
        segment_bytes: int = ...,
        *,
        reserve_bytes: int | None = None,
        trusted_seq: int | None = None,
        at_least: int = 0,
        journal_id: bytes | None = None,
        venue: str = "",
    ) -> None: ...
    @property
    def last_seq(self) -> int: ...
    @property
    def chain(self) -> int: ...
    def __enter__(self) -> JournalWriter: ...
    def __exit__(self, *error: object) -> None: ...
    def append(self, records: list[bytes], wrap_at: int | None = None) -> int: ...
    def retain(self, from_seq: int) -> list[int]: ...
    def finish(self) -> None: ...
    def close(self) -> None: ...
    def fileno(self) -> int: ...
