"""`lockstep convert-journal`: a journal of an earlier schema becomes one of this build's; others are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockstep.cli import convert_journal
from lockstep.cli.convert_journal import CONVERSIONS, TARGET, Conversion, convert
from lockstep.core.journal.convert import header_of, with_schema
from lockstep.core.journal.journal import JournalCorrupt, JournalError, JournalReader, verify
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.schema.layout import SCHEMA_HASH
from tests.cli.conftest import SEGMENT_BYTES
from tests.models import journal as model

EARLIER = 0x1234_5678_9ABC_DEF0
RECORDS = 4000


def written(folder: Path, schema_hash: int) -> list[bytes]:
    """A journal of several segments, its headers saying that it is of that schema; returns its records."""
    records = [model.record(seq) for seq in range(1, RECORDS + 1)]
    with JournalWriter(folder, "none", SEGMENT_BYTES) as writer:
        for at in range(0, RECORDS, 50):
            writer.append(records[at : at + 50])
    for file in folder.glob("*.journal"):
        file.write_bytes(with_schema(file.read_bytes(), schema_hash))
    return records


def test_every_conversion_leads_to_the_schema_as_it_is() -> None:
    assert TARGET == SCHEMA_HASH, (
        "the schema has changed: add a conversion of what it was, look at those that there are, and say so in TARGET"
    )
    assert SCHEMA_HASH not in CONVERSIONS


@pytest.fixture(autouse=True)
def _released_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """There was a version with another schema."""
    monkeypatch.setitem(CONVERSIONS, EARLIER, Conversion("before the test: all records are the same"))


def test_a_journal_of_an_earlier_schema_is_read_after_conversion(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    records = written(old, EARLIER)
    before = {file.name: file.read_bytes() for file in old.iterdir()}
    with pytest.raises(JournalCorrupt, match="written with another schema"):
        JournalReader(old)
    done = convert(old, new)
    assert (done.records, done.first_seq, done.last_seq) == (RECORDS, 1, RECORDS)
    assert done.schema == f"{EARLIER:016x}"
    assert list(JournalReader(new)) == records
    assert verify(new).corruption is None
    assert {file.name: file.read_bytes() for file in old.iterdir()} == before
    with JournalWriter(new, "none", SEGMENT_BYTES) as writer:
        assert writer.append([model.record(RECORDS + 1)]) == RECORDS + 1


def test_a_conversion_makes_each_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here records of the earlier schema lack a byte that is always there now."""
    records = written(tmp_path / "old", EARLIER)
    for file in (tmp_path / "old").glob("*.journal"):
        file.write_bytes(file.read_bytes()[:-1])

    def with_byte(segment: bytes) -> bytes:
        return with_schema(segment + b"\0", SCHEMA_HASH)

    monkeypatch.setitem(CONVERSIONS, EARLIER, Conversion("before the last byte", with_byte))
    done = convert(tmp_path / "old", tmp_path / "new")
    assert (done.records, done.what) == (RECORDS, "before the last byte")
    assert list(JournalReader(tmp_path / "new")) == records


def test_an_unknown_schema_is_refused_by_name(tmp_path: Path) -> None:
    written(tmp_path / "old", 0x1234)
    with pytest.raises(JournalError, match=r"of schema 0000000000001234, .* knows no conversion"):
        convert(tmp_path / "old", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_journal_of_this_build_needs_no_conversion(tmp_path: Path) -> None:
    written(tmp_path / "old", SCHEMA_HASH)
    with pytest.raises(JournalError, match="of this build's schema"):
        convert(tmp_path / "old", tmp_path / "new")


def test_segments_of_two_schemas_are_no_journal(tmp_path: Path) -> None:
    written(tmp_path / "old", EARLIER)
    file = min((tmp_path / "old").glob("*.journal"))
    file.write_bytes(with_schema(file.read_bytes(), SCHEMA_HASH))
    with pytest.raises(JournalError, match="segments of 2 schemas"):
        convert(tmp_path / "old", tmp_path / "new")


def test_what_was_damaged_before_is_not_converted(tmp_path: Path) -> None:
    written(tmp_path / "old", EARLIER)
    file = min((tmp_path / "old").glob("*.journal"))
    data = bytearray(file.read_bytes())
    data[5000] ^= 1
    file.write_bytes(data)
    with pytest.raises(JournalError, match=rf"{file} at offset 4096: .* it was so before"):
        convert(tmp_path / "old", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_what_begins_behind_a_snapshot_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "old", EARLIER)
    min((tmp_path / "old").glob("*.journal")).unlink()
    with pytest.raises(JournalError, match="what was before is in snapshots of the other build"):
        convert(tmp_path / "old", tmp_path / "new")


def test_a_header_that_is_none_is_named(tmp_path: Path) -> None:
    written(tmp_path / "old", EARLIER)
    file = min((tmp_path / "old").glob("*.journal"))
    file.write_bytes(b"\0" * 4096)
    with pytest.raises(JournalCorrupt, match=str(file)):
        header_of(tmp_path / "old", 1)
    with pytest.raises(JournalError):
        convert_journal.convert(tmp_path / "old", tmp_path / "new")
