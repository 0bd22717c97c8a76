"""Of a journal, the records of some types are found in order, in whatever range, over all its segments."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockstep.core.journal.journal import JournalError, segment_seqs
from lockstep.core.journal.select import Selection, select
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.schema.layout import pack, unpack_command
from lockstep.core.schema.records import Asset, CommandType
from tests.models.journal import record, stamp

COUNT = 2_000
EVERY = 100  # record lists an asset


def asset(seq: int) -> bytes:
    return stamp(pack(Asset(seq=seq, epoch=1, name=b"A%d" % seq, asset=seq, scale=0)))


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("venue") / "journal"
    with JournalWriter(folder, "none", segment_bytes=16 * 4096) as writer:
        for first in range(1, COUNT + 1, 50):
            writer.append([record(seq) if seq % EVERY else asset(seq) for seq in range(first, first + 50)])
    assert len(segment_seqs(folder)) > 2
    return folder


@pytest.mark.parametrize(
    ("first", "last"), [(1, COUNT), (1, 99), (100, 100), (101, 199), (150, 750), (COUNT, COUNT), (COUNT - 99, COUNT)]
)
def test_what_is_in_the_range_is_found_in_order(journal: Path, first: int, last: int) -> None:
    found = [unpack_command(each).seq for each in select(journal, first, last, [CommandType.ASSET])]
    assert found == [seq for seq in range(first, last + 1) if seq % EVERY == 0]


def test_types_are_chosen_together(journal: Path) -> None:
    assert len(select(journal, 1, COUNT, [CommandType.ASSET, CommandType.DEPOSIT])) == COUNT
    assert select(journal, 1, COUNT, [CommandType.CANCEL]) == []


def test_what_should_be_there_and_is_not_is_an_error(journal: Path) -> None:
    with pytest.raises(JournalError):
        select(journal, 1, COUNT + 1, [CommandType.ASSET])


def test_a_journal_that_grows_is_read_on(tmp_path: Path) -> None:
    selection = Selection(tmp_path / "journal", [CommandType.ASSET])
    found: list[int] = []
    with JournalWriter(tmp_path / "journal", "none", segment_bytes=16 * 4096) as writer:
        for first in range(1, COUNT + 1, 50):
            writer.append([record(seq) if seq % EVERY else asset(seq) for seq in range(first, first + 50)])
            found += [unpack_command(each).seq for each in selection.between(first, first + 49)]
    assert found == [seq for seq in range(1, COUNT + 1) if seq % EVERY == 0]
    with pytest.raises(JournalError):
        selection.between(COUNT + 1, COUNT + 1)
    assert len(selection.between(1, COUNT)) == len(found)
    selection.close()
