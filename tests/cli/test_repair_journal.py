"""`lockstep repair-journal`: a damaged journal is refused with the command that mends it, which then does."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lockstep.__main__ import command_line
from lockstep.cli.errors import UsageError
from lockstep.cli.repair_journal import examine
from lockstep.core.journal.journal import verify
from lockstep.core.journal.writer import JournalWriter
from tests.cli.conftest import SEGMENT_BYTES
from tests.models import journal as model
from tests.pipeline.conftest import RunningVenue

RECORDS = 4000
START_S = 60
FIRST_RECORD = 4096 + 64 + 16  # somewhere in it: the first batch may have no other, and then comes padding


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal of several segments, with a copy beside it."""
    folder = tmp_path / "data" / "journal"
    with JournalWriter(folder, "none", SEGMENT_BYTES) as writer:
        for seq in range(1, RECORDS, 50):
            writer.append([model.record(each) for each in range(seq, seq + 50)])
    shutil.copytree(folder, tmp_path / "copy")
    return folder


def flip(journal: Path, offset: int = 5000) -> Path:
    """Flip a bit in the first segment; returns its file."""
    file = min(journal.glob("*.journal"))
    data = bytearray(file.read_bytes())
    data[offset] ^= 4
    file.write_bytes(data)
    return file


def test_a_whole_journal_is_left_as_it_is(journal: Path, tmp_path: Path) -> None:
    outcome = examine(journal, tmp_path / "copy", dry_run=False, yes=True)
    assert outcome.outcome == "whole"
    assert not list(journal.glob("damaged-*"))


def test_a_dry_run_says_what_would_be_done_and_changes_nothing(journal: Path, tmp_path: Path) -> None:
    file = flip(journal)
    before = {each.name: each.read_bytes() for each in journal.iterdir()}
    outcome = examine(journal, tmp_path / "copy", dry_run=True, yes=False)
    assert outcome.outcome == "repairable"
    assert str(file) in outcome.damage
    assert "offset" in outcome.damage
    assert [segment.file for segment in outcome.segments] == [str(file)]
    assert outcome.segments[0].taken
    assert {each.name: each.read_bytes() for each in journal.iterdir()} == before
    assert [each.name for each in journal.parent.iterdir()] == ["journal"]


def test_it_asks_and_without_a_terminal_changes_nothing(journal: Path, tmp_path: Path) -> None:
    flip(journal)
    assert examine(journal, tmp_path / "copy", dry_run=False, yes=False).outcome == "refused"
    assert verify(journal).corruption


def test_it_mends_from_a_copy_and_keeps_the_damaged_file(journal: Path, tmp_path: Path) -> None:
    flip(journal)
    outcome = examine(journal, tmp_path / "copy", dry_run=False, yes=True)
    assert (outcome.outcome, outcome.records) == ("repaired", RECORDS)
    assert verify(journal).corruption is None
    assert Path(outcome.segments[0].kept).exists()


def test_a_copy_that_is_damaged_too_is_refused(journal: Path, tmp_path: Path) -> None:
    flip(journal)
    flip(tmp_path / "copy")
    outcome = examine(journal, tmp_path / "copy", dry_run=False, yes=True)
    assert outcome.outcome == "impossible"
    assert str(tmp_path / "copy") in outcome.says


def test_what_is_no_copy_is_named(tmp_path: Path) -> None:
    venue = RunningVenue(tmp_path)
    (tmp_path / "data" / "journal").mkdir(parents=True)
    for folder, says in ((tmp_path / "nowhere", "is no folder"), (tmp_path, "has no journal in it")):
        arguments = ["repair-journal", str(venue.config), "--from", str(folder)]
        with pytest.raises(UsageError, match=says):
            command_line(arguments)(arguments, exit_on_error=False)


def refusal(venue: RunningVenue) -> str:
    """What a venue says that refuses to start on its journal; it is stopped then."""
    with venue.log.open("wb") as log:
        command = [sys.executable, "-m", "lockstep", "run", str(venue.config)]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + START_S
    try:
        while "repair-journal" not in venue.log.read_text():
            assert time.monotonic() < deadline, venue.log.read_text()
            time.sleep(0.02)  # its only word is its output
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(START_S)
    return venue.log.read_text()


def test_a_venue_refuses_a_flipped_bit_with_the_command_that_mends_it(tmp_path: Path) -> None:
    venue = RunningVenue(tmp_path)
    venue.start()
    client = venue.client("TRADER1")  # a batch behind the damaged one, or that could be one that power cut off
    client.connect()
    client.order("one", "buy", "1.00", "0.001")
    client.await_report("one", "0")
    assert venue.command("repair-journal", "--from", str(tmp_path)).returncode == 2
    assert venue.stop() == 0
    journal = tmp_path / "data" / "journal"
    shutil.copytree(journal, tmp_path / "backup" / "journal")
    file = flip(journal, FIRST_RECORD)
    said = refusal(venue)
    assert f"{file} at offset 4096" in said
    assert "lockstep repair-journal --from COPY" in said
    done = venue.command("repair-journal", "--from", str(tmp_path / "backup"), "--yes", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["outcome"] == "repaired"
    venue.start()
    assert venue.stop() == 0
    venue.verify()
