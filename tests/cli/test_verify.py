"""`lockstep verify` holds snapshots against the journal: they are what it leads to, or are named."""

from __future__ import annotations

import os
import random
import re
import shutil
from pathlib import Path

import msgspec
import pytest

from lockstep import config
from lockstep.cli import verify
from lockstep.cli.replay import Replay, differing, money_brought
from lockstep.cli.verify import Verdict, examine, replayed
from lockstep.config.schema import Config
from lockstep.core.journal.end import chain_at
from lockstep.core.journal.retain import retain
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.recovery.replay import ReplayedCore
from lockstep.core.recovery.snapshot_catalog import MANIFEST, Part, SavedSnapshot
from lockstep.core.tables.saved import Saver, layout_hash
from lockstep.core.venue.snapshot_parts import Start, folder_of, part_name
from lockstep.procs.matcher.matcher import Matcher
from lockstep.procs.router.router import Router
from tests.passwords import CHEAP_HASH, PASSWORD
from tests.pipeline.conftest import DEMO
from tests.router.random_driver import Everything
from tests.router.rig import FREE, Rig

SEGMENT_BYTES = 8 * 4096


class Busy:
    """A core that has been busy, its quiet moments, and the folder with its journal."""

    def __init__(self, folder: Path) -> None:
        self.rig = Rig().lead()
        everything = Everything(self.rig, random.Random(11))
        self.marks = []
        for _ in range(3):
            for _ in range(120):
                everything.step()
            self.rig.run()
            self.rig.tick()
            self.marks.append(len(self.rig.log))
        self.data = folder / "data"
        with JournalWriter(self.data / "journal", "none", SEGMENT_BYTES) as writer:
            for at in range(0, len(self.rig.log), 50):
                writer.append(self.rig.log[at : at + 50])
        self.file = folder / "venue.toml"
        text = DEMO.read_text().replace(f'password = "{PASSWORD}"', f'password_hash = "{CHEAP_HASH}"')
        self.file.write_text(re.sub(r"^data = .*$", f'data = "{self.data}"', text, flags=re.MULTILINE))
        self.config: Config = config.load(self.file)

    def core_at(self, seq: int) -> ReplayedCore:
        made = ReplayedCore(self.config, self.data, Start.genesis(), seq, reader=False)
        made.run()
        return made

    def save(self, seq: int, state: ReplayedCore) -> Path:
        """A snapshot at `seq` of what `state` is, as the stages and the supervisor leave it."""
        folder = folder_of(self.data, seq)
        folder.mkdir(parents=True)
        parts = {}
        savers: list[Router | Matcher] = [state.router, *state.matchers.values()]
        for agent in savers:
            file = folder / part_name(agent.name)
            fd = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
            saver = Saver(fd)
            agent.save(saver)
            saver.finish()
            os.close(fd)
            content = file.read_bytes()
            parts[agent.name] = Part(len(content), int.from_bytes(content[-8:-4], "little"))
        chain = chain_at(self.data / "journal", seq)
        entry = SavedSnapshot(seq, state.numbers, 1, 1, chain, layout_hash(), parts, 10**18)
        (folder / MANIFEST).write_bytes(msgspec.json.encode(entry))
        return folder


@pytest.fixture
def busy(tmp_path: Path) -> Busy:
    return Busy(tmp_path)


def run(busy: Busy) -> tuple[Verdict, Replay]:
    found = Verdict([])
    return found, replayed(busy.config, busy.data, found)


def test_snapshots_that_agree_are_gone_on_from(busy: Busy) -> None:
    for mark in busy.marks[:2]:
        busy.save(mark, busy.core_at(mark))
    found, replay = run(busy)
    assert found.problems == []
    assert [(each.seq, each.differing, each.unusable) for each in found.snapshots] == [
        (mark, [], "") for mark in busy.marks[:2]
    ]
    assert replay.state is not None
    assert (replay.state.start.seq, replay.state.router.core.state_hash()) == (
        busy.marks[1],
        busy.rig.core.state_hash(),
    )
    for ring, events in busy.rig.events.items():
        assert list(replay.events(ring)) == events
    replay.close()


@pytest.mark.parametrize("gone", [0, 1])
def test_snapshots_that_a_venue_removes_meanwhile_are_passed_over(
    busy: Busy, gone: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps only the newest snapshots: the one that the next leg begins with, or the one about to be read."""
    folders = [busy.save(mark, busy.core_at(mark)) for mark in busy.marks[:2]]
    start_at = verify._start_at

    def removed_then(config: Config, data: Path, entry: SavedSnapshot) -> tuple[Start | None, str]:
        found = start_at(config, data, entry)
        if entry.seq == busy.marks[1]:
            shutil.rmtree(folders[gone])
        return found

    monkeypatch.setattr(verify, "_start_at", removed_then)
    found, replay = run(busy)
    assert found.problems == []
    assert [each.seq for each in found.snapshots] == list(busy.marks[: 2 - gone])
    for ring, events in busy.rig.events.items():
        assert list(replay.events(ring)) == events
    replay.close()


def test_a_snapshot_of_other_state_is_named_and_not_gone_on_from(busy: Busy) -> None:
    busy.save(busy.marks[0], busy.core_at(busy.marks[0]))
    other = busy.core_at(busy.marks[1])
    listed = min(other.matchers[1].book.digests())
    other.matchers[1].book.give_away(int(listed.split()[1]))
    busy.save(busy.marks[1], other)
    found, replay = run(busy)
    assert [each.differing for each in found.snapshots] == [[], [f"matcher.1 ({listed})"]]
    assert len(found.problems) == 1
    for ring, events in busy.rig.events.items():
        assert list(replay.events(ring)) == events
    replay.close()


def test_a_snapshot_of_another_moment_is_named(busy: Busy) -> None:
    busy.save(busy.marks[0], busy.core_at(busy.marks[0] - 5))
    found, replay = run(busy)
    assert "can't be loaded" in found.snapshots[0].unusable
    assert len(found.problems) == 1
    replay.close()


def test_a_damaged_part_is_named(busy: Busy) -> None:
    folder = busy.save(busy.marks[0], busy.core_at(busy.marks[0]))
    file = folder / part_name("matcher.1")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    found, replay = run(busy)
    assert len(found.problems) == 1
    assert "matcher.1's part can't be loaded" in found.problems[0]
    replay.close()


def test_what_is_retained_is_replayed_from_the_oldest_snapshot(busy: Busy) -> None:
    for mark in busy.marks[:2]:
        busy.save(mark, busy.core_at(mark))
    assert retain(busy.data / "journal", busy.marks[0] + 1)
    found, replay = run(busy)
    assert (found.problems, found.replayed_from) == ([], busy.marks[0])
    before = replay.had_first()
    brought = money_brought(busy.data / "journal", busy.marks[0] + 1, found.committed)
    assert replay.state is not None
    held = replay.state.router.core.ledger.balances.totals()
    assert {asset: before[asset] + brought.get(asset, 0) for asset in before} == held
    assert before[1] >= FREE
    replay.close()


def test_a_damaged_journal_is_the_one_problem(busy: Busy) -> None:
    segment = sorted((busy.data / "journal").glob("*.journal"))[0]
    content = bytearray(segment.read_bytes())
    content[4096 + 300] ^= 1  # in the first batch, behind the segment's header
    segment.write_bytes(content)
    found = examine(busy.config, busy.data)
    assert [problem.startswith("journal: ") for problem in found.problems] == [True]
    assert segment.name in found.problems[0]
    assert len(found.notes) == 1


def test_a_difference_is_named_by_agent_and_table() -> None:
    said = {"router": {"balances": 1, "orders": 2, "all": 3}, "matcher.1": {"instrument 2": 4, "all": 5}}
    assert differing(said, said) == []
    orders = said | {"router": {"balances": 1, "orders": 9, "all": 8}}
    assert differing(said, orders) == ["router (orders)"]
    unlisted = orders | {"matcher.1": {"all": 6}}
    assert differing(said, unlisted) == ["router (orders)", "matcher.1 (instrument 2)"]
    assert differing(unlisted, said) == ["router (orders)", "matcher.1 (instrument 2)"]
    assert differing(said, said | {"router": {"balances": 1, "orders": 2, "all": 9}}) == ["router (all)"]
