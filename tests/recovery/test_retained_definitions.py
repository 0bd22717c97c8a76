"""Definitions outlive the part of the journal that had them, and each is kept once."""

from __future__ import annotations

from pathlib import Path

import pytest

from procs.recovery import retained_definitions
from shm.journal import segment_seqs
from shm.journal_retain import retain
from shm.journal_writer import JournalWriter
from shm.layout import pack, unpack_command
from shm.records import Asset
from tests.models.journal import record, stamp

COUNT = 600
EVERY = 100  # record lists an asset


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with JournalWriter(tmp_path / "journal", "none", segment_bytes=4 * 4096) as journal:
        for seq in range(1, COUNT + 1):
            asset = stamp(pack(Asset(seq=seq, epoch=1, name=b"A%d" % seq, asset=seq, scale=0)))
            journal.append([record(seq) if seq % EVERY else asset])
    return tmp_path


def seqs(data: Path) -> list[int]:
    return [unpack_command(each).seq for each in retained_definitions.kept(data)[1]]


def test_without_a_file_the_journal_has_all(data: Path) -> None:
    assert retained_definitions.kept(data) == (0, [])


def test_what_is_removed_from_the_journal_is_kept_once(data: Path) -> None:
    for last_seq in (250, 200, 250, 430):
        retained_definitions.keep(data, last_seq)
        retain(data / "journal", last_seq + 1)
    assert segment_seqs(data / "journal")[0] > 300
    assert retained_definitions.kept(data)[0] == 430
    assert seqs(data) == [100, 200, 300, 400]
    assert (data / "definitions").stat().st_mode & 0o777 == 0o600
