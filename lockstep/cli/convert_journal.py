"""`lockstep convert-journal`: rewrites a journal of an earlier schema of records so that this build reads it.

It does not change what it reads, and knows each conversion by name: a journal of any other schema is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NamedTuple

from cyclopts import Parameter
from msgspec import Struct

from lockstep.cli.errors import UsageError
from lockstep.cli.progress import Progress
from lockstep.cli.terminal import EXIT_OK, Json, console, fail, print_json
from lockstep.core.files.disk import Disk
from lockstep.core.journal.convert import header_of, with_schema
from lockstep.core.journal.format import JournalError, file_name
from lockstep.core.journal.journal import segment_seqs, verify
from lockstep.core.schema.layout import SCHEMA_HASH


def _same_records(segment: bytes) -> bytes:
    """For schemas whose records lie as today's do, and mean the same: only the header says otherwise."""
    return with_schema(segment, SCHEMA_HASH)


class Conversion(NamedTuple):
    """How a segment of an earlier schema becomes one of this build's."""

    what: str
    convert: Callable[[bytes], bytes] = _same_records


# By the schema hash of the journal. If you change the schema of a release, add the one that was before, and look at all
# of them: each leads to TARGET, which a test holds against the schema as it is.
TARGET = 0x5C640524E46E1CB6
CONVERSIONS: dict[int, Conversion] = {}


class Converted(Struct, frozen=True):
    """What was written, and what it was made from."""

    source: str
    target: str
    schema: str
    what: str
    segments: int
    records: int
    first_seq: int
    last_seq: int


def convert_journal(
    source: Annotated[Path, Parameter(help="The journal's folder (data/journal), of a stopped venue.")],
    target: Annotated[Path, Parameter(help="A folder that does not exist yet: the converted journal.")],
    *,
    json: Json = False,
) -> int:
    """Convert an earlier build's journal into one that this build reads; the original is not changed.

    Then put the new folder in place of the old one and start the venue: docs/operations.md says how, under "Upgrade".

    Example: lockstep convert-journal var/demo/journal var/demo/journal.new

    Exit codes: 0 it is written, and checked; 1 it can't be converted; 2 the command line is wrong.
    """
    if not source.is_dir():
        raise UsageError(f"{source} is no folder")
    if target.exists():
        raise UsageError(f"{target} exists: name a folder that does not")
    try:
        done = convert(source, target)
    except (JournalError, OSError) as error:
        return fail(str(error), json=json)
    if json:
        print_json(done)
    else:
        console().print(
            f"{done.records:,} records ({done.first_seq:,} to {done.last_seq:,}) in {done.segments} segments, of "
            f"schema {done.schema} ({done.what}), are now in {done.target}",
            soft_wrap=True,
        )
    return EXIT_OK


def convert(source: Path, target: Path) -> Converted:
    """Convert all segments, then check all that was written. JournalError, and nothing left in `target`; OSError."""
    disk = Disk.of(source)
    seqs = segment_seqs(disk)
    if not seqs:
        raise JournalError(f"there is no journal in {source}")
    if not disk.lock():
        raise JournalError(f"{source} is being written: stop the venue first")
    try:
        hashes = {header_of(disk, seq).schema_hash for seq in seqs}
        conversion = _conversion_of(source, hashes)
        _refuse_retained(source, seqs[0])
        _write(disk, target, seqs, conversion)
    finally:
        disk.unlock()
    report = verify(target)
    if report.corruption:
        file, offset = report.corrupt_file or "", report.corrupt_offset
        _remove(target)
        raise JournalError(f"{source / Path(file).name} at offset {offset}: {report.corruption}: it was so before, and "
                           "is not converted. The build that wrote it can repair it (repair-journal)")  # fmt: skip
    schema = f"{hashes.pop():016x}"
    return Converted(str(source), str(target), schema, conversion.what, report.segments, report.records,
                     report.first_seq, report.last_seq)  # fmt: skip


def _conversion_of(source: Path, hashes: set[int]) -> Conversion:
    if len(hashes) > 1:
        raise JournalError(f"{source} has segments of {len(hashes)} schemas: it is not one journal")
    (found,) = hashes
    if found == SCHEMA_HASH:
        raise JournalError(f"{source} is of this build's schema, {found:016x}, already: nothing is to be converted")
    if found not in CONVERSIONS or TARGET != SCHEMA_HASH:
        known = ", ".join(f"{each:016x} ({conversion.what})" for each, conversion in CONVERSIONS.items()) or "none"
        raise JournalError(f"{source} is of schema {found:016x}, and this build, of {SCHEMA_HASH:016x}, knows no "
                           f"conversion of that; it knows {known}")  # fmt: skip
    return CONVERSIONS[found]


def _refuse_retained(source: Path, first_seq: int) -> None:
    """A journal that begins after 1 goes on from a snapshot, which only the build that took it can read."""
    if first_seq != 1:
        raise JournalError(f"{source} begins with record {first_seq:,}: what was before is in snapshots of the other "
                           "build, which this one can't read. Convert a copy that begins with 1")  # fmt: skip


def _write(disk: Disk, target: Path, seqs: list[int], conversion: Conversion) -> None:
    made = Disk.of(target)
    made.create()
    with Progress("converting", len(seqs), "segments") as progress:
        for number, seq in enumerate(seqs):
            made.save(file_name(seq), conversion.convert(disk.load(file_name(seq))))
            progress.show(number + 1)
    made.settle_directory()


def _remove(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
