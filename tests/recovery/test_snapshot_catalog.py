"""A start begins with the newest snapshot that is whole and belongs to this journal and this code, or with none."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from lockstep.core.journal.end import chain_at
from lockstep.core.journal.format import file_name
from lockstep.core.journal.journal import segment_seqs
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.recovery import snapshot_catalog
from lockstep.core.recovery.snapshot_catalog import MANIFEST, SavedSnapshot, SnapshotError
from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import Snapshot
from lockstep.core.venue.snapshot_parts import Filed, Start, folder_of, part_name
from tests.models import journal as model

AGENTS = ("router", "matcher.1", "batcher")
MARKS = (10, 20, 30)
LAST_SEQ = 35


def numbers(seq: int) -> tuple[int, ...]:
    return (seq + 100, *(seq + matcher for matcher in range(1, 9)))


def mark(seq: int) -> bytes:
    router, *matchers = numbers(seq)
    record = Snapshot(seq=seq, epoch=1, time_ns=seq * 1000, event_numbers=tuple(matchers), router_number=router)
    return model.stamp(pack(record))


def write_journal(data: Path, amount: int = 1) -> None:
    records = [mark(seq) if seq in MARKS else model.record(seq, amount=amount) for seq in range(1, LAST_SEQ + 1)]
    with JournalWriter(data / "journal", segment_bytes=16 * 4096) as journal:
        for record in records:
            journal.append([record])


def save(data: Path, seq: int, agents: Sequence[str] = AGENTS) -> None:
    filed = Filed(data, Start.genesis())
    for agent in agents:
        filed.save(seq, agent, lambda saver, agent=agent: saver.object([agent, seq]))  # type: ignore[misc]
    deadline = time.monotonic() + 60
    while snapshot_catalog.missing(data, seq, agents):
        assert time.monotonic() < deadline
        time.sleep(0.005)  # until the children have renamed them
    filed.reap()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each part of a snapshot costs a process: they are saved once, and copied for each test."""
    folder = tmp_path_factory.mktemp("made")
    write_journal(folder)
    for seq in MARKS:
        save(folder, seq)
        snapshot_catalog.enter(folder, seq, AGENTS)
    return folder


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "data")


def test_without_a_snapshot_all_begins_with_the_journal(tmp_path: Path) -> None:
    assert snapshot_catalog.choose(tmp_path, AGENTS) == (Start.genesis(), [], 0)


def test_the_newest_is_chosen_and_says_where_everything_goes_on(data: Path) -> None:
    start, passed_over, known_seq = snapshot_catalog.choose(data, AGENTS)
    chain = chain_at(data / "journal", 30)
    assert start == Start(30, numbers(30), 30_000, 1, chain, str(folder_of(data, 30)))
    assert (passed_over, known_seq) == ([], 30)
    assert [entry.seq for entry in snapshot_catalog.entries(data)] == list(MARKS)


def test_for_a_look_back_one_that_lies_before_is_chosen(data: Path) -> None:
    assert [snapshot_catalog.choose(data, AGENTS, at).start.seq for at in (9, 10, 29, 30)] == [0, 10, 20, 30]


def test_the_journal_is_synced_before_the_manifest_is_there(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LOG-17: else a loss of power, without syncs of the journal, leaves a snapshot of what the log no more has."""
    manifest = folder_of(data, 30) / MANIFEST
    manifest.unlink()
    synced: list[tuple[Path, bool]] = []

    def note(fd: int) -> None:
        synced.append((Path(f"/proc/self/fd/{fd}").readlink(), manifest.exists()))

    monkeypatch.setattr(os, "fsync", note)
    snapshot_catalog.enter(data, 30, AGENTS)
    last = data / "journal" / file_name(max(seq for seq in segment_seqs(data / "journal") if seq <= 30))
    for path in (last, data / "journal", manifest.parent):
        assert (path, False) in synced
    assert synced[-1] == (manifest.parent, True)


def test_what_has_no_manifest_is_nothing(data: Path) -> None:
    """LOG-17: a snapshot is valid once its manifest is synced, and kept while it is needed."""
    (folder_of(data, 30) / MANIFEST).unlink()
    assert snapshot_catalog.choose(data, AGENTS).start.seq == 20
    snapshot_catalog.drop_unfinished(data)
    assert [path.name for path in sorted((data / "snapshots").iterdir())] == [f"{seq:020}" for seq in (10, 20)]


@pytest.mark.parametrize("content", [b"", b'{"parts": {"\xff": {"size": 1, "crc": 1}}}'])
def test_a_manifest_that_cant_be_read_is_of_no_snapshot(data: Path, content: bytes) -> None:
    (folder_of(data, 30) / MANIFEST).write_bytes(content)
    assert snapshot_catalog.choose(data, AGENTS).start.seq == 20


def change_layout(data: Path) -> None:
    file = folder_of(data, 30) / MANIFEST
    entry = msgspec.json.decode(file.read_bytes(), type=SavedSnapshot)
    file.write_bytes(msgspec.json.encode(structs.replace(entry, layout=entry.layout ^ 1)))


def damage_part(data: Path) -> None:
    part = folder_of(data, 30) / part_name("matcher.1")
    whole = bytearray(part.read_bytes())
    whole[len(whole) // 2] ^= 1
    part.write_bytes(whole)


def remove_part(data: Path) -> None:
    (folder_of(data, 30) / part_name("matcher.1")).unlink()


def swap_part(data: Path) -> None:
    (folder_of(data, 20) / part_name("batcher")).replace(folder_of(data, 30) / part_name("batcher"))
    save(data, 20)


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (change_layout, "lays its tables out in another way"),
        (damage_part, "matcher.1's part can't be loaded"),
        (remove_part, "matcher.1's part can't be loaded"),
        (swap_part, "batcher's part is not the one that was saved"),
    ],
)
def test_what_is_not_whole_is_passed_over_with_the_reason(data: Path, harm: object, reason: str) -> None:
    """LOG-17: a snapshot is valid once its manifest is synced, and kept while it is needed."""
    assert callable(harm)
    harm(data)
    choice = snapshot_catalog.choose(data, AGENTS)
    assert choice.start.seq == 20
    assert len(choice.passed_over) == 1
    assert choice.passed_over[0].startswith("snapshot 30 is passed over: ")
    assert reason in choice.passed_over[0]
    assert choice.known_seq == 30  # whatever became of it, the journal reached this far once


def test_another_journal_s_snapshots_are_of_no_use(data: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    write_journal(other, amount=2)
    (data / "snapshots").rename(other / "snapshots")
    choice = snapshot_catalog.choose(other, AGENTS)
    assert choice.start == Start.genesis()
    assert ["another journal" in reason for reason in choice.passed_over] == [True] * 3


def test_a_stage_that_was_not_there_then_begins_with_the_journal(data: Path) -> None:
    choice = snapshot_catalog.choose(data, (*AGENTS, "matcher.2"))
    assert choice.start == Start.genesis()
    assert choice.passed_over[0] == "snapshot 30 is passed over: it has no part of matcher.2"


def test_a_mark_that_the_log_does_not_have_is_refused(tmp_path: Path) -> None:
    write_journal(tmp_path)
    save(tmp_path, 11)
    with pytest.raises(SnapshotError, match="record 11 of the journal is no Snapshot"):
        snapshot_catalog.enter(tmp_path, 11, AGENTS)
    save(tmp_path, LAST_SEQ + 1)
    with pytest.raises(SnapshotError, match="journal"):
        snapshot_catalog.enter(tmp_path, LAST_SEQ + 1, AGENTS)
    assert snapshot_catalog.entries(tmp_path) == []


def test_old_ones_and_what_never_became_one_are_pruned(data: Path) -> None:
    (folder_of(data, 15)).mkdir()
    (folder_of(data, 25)).mkdir()
    (folder_of(data, 33)).mkdir()
    assert [entry.seq for entry in snapshot_catalog.prune(data, 2)] == [20, 30]
    assert [int(path.name) for path in sorted((data / "snapshots").iterdir())] == [20, 30, 33]
    assert [entry.seq for entry in snapshot_catalog.prune(data, 2)] == [20, 30]
    assert snapshot_catalog.prune(data / "nothing", 2) == []
