"""What the log defines and administers, kept beside the journal when its beginning is removed: a few records of many.

It keeps records as they are; what they come to is the reader's to say.

Layout of `definitions` in the data folder::

    │ last 8: the log sequence up to which all are here │ record 120 │ record 120 │ …

It is replaced as a whole: renaming publishes it.
"""

from __future__ import annotations

from pathlib import Path

from procs.disk import atomic_file
from shm.journal_format import JournalError
from shm.journal_select import select
from shm.layout import unpack_command
from shm.records import RECORD_SIZE, CommandType

FILE = "definitions"
HEADER_SIZE = 8
TYPES = (
    CommandType.ASSET,
    CommandType.INSTRUMENT,
    CommandType.ACCOUNT,
    CommandType.EXT_CREDENTIAL,
    CommandType.LIMITS,
    CommandType.ACCOUNT_LIMITS,
    CommandType.FEE_TIER,
    CommandType.ADJUSTMENT,
    CommandType.CORRECTION_PROPOSAL,
    CommandType.CORRECTION,
)


def keep(data: Path, last_seq: int) -> None:
    """Have all definitions up to record `last_seq` kept; from there on the journal is enough. JournalError, OSError."""
    known_seq, records = kept(data)
    if last_seq <= known_seq:
        return
    records += select(data / "journal", known_seq + 1, last_seq, TYPES)
    atomic_file.replace_durably(data / FILE, last_seq.to_bytes(HEADER_SIZE, "little") + b"".join(records))


def forget_behind(data: Path, last_seq: int) -> None:
    """Have nothing kept of records behind `last_seq`, of which the journal has lost all. OSError."""
    known_seq, records = kept(data)
    if known_seq > last_seq:
        records = [each for each in records if unpack_command(each).seq <= last_seq]
        atomic_file.replace_durably(data / FILE, last_seq.to_bytes(HEADER_SIZE, "little") + b"".join(records))


def kept(data: Path) -> tuple[int, list[bytes]]:
    """Up to which record of the log definitions are kept, and these; 0 and none if the journal has its beginning.

    JournalError if the file is cut short.
    """
    try:
        content = (data / FILE).read_bytes()
    except FileNotFoundError:
        return 0, []
    if len(content) < HEADER_SIZE or (len(content) - HEADER_SIZE) % RECORD_SIZE:
        raise JournalError(f"{data / FILE} is damaged: restore it (lockstep backup keeps it)")
    places = range(HEADER_SIZE, len(content), RECORD_SIZE)
    return int.from_bytes(content[:HEADER_SIZE], "little"), [content[at : at + RECORD_SIZE] for at in places]
