"""Whether a version may take a node over: it replays the journal, and must come to the states that are saved."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from lockstep.cli.release import version
from lockstep.core.cluster import trial
from lockstep.core.cluster.trial import Trial
from lockstep.core.journal.retain import retain
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.recovery.snapshot_catalog import MANIFEST, SavedSnapshot
from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import Epoch
from lockstep.core.venue.snapshot_parts import digests_of, folder_of
from lockstep.core.venue.venue import CODE
from lockstep.procs.router.sequencer import RULES
from tests.cli.test_verify import SEGMENT_BYTES, Busy
from tests.models.journal import stamp


class Node(Busy):
    """A core that has been busy, and the snapshots of a node whose states are compared."""

    def keep(self, at: int) -> Path:
        """The snapshot at the so-manieth quiet moment, with the digests that cores leave there."""
        seq = self.marks[at]
        state = self.core_at(seq)
        folder = self.save(seq, state)
        digests_of(folder, "router").write_bytes(msgspec.json.encode(state.router.core.digests()))
        for number, matcher in state.matchers.items():
            digests_of(folder, f"matcher.{number}").write_bytes(msgspec.json.encode(matcher.book.digests()))
        return folder

    def tried(self) -> Trial:
        return trial.examine(self.config, self.data, version(), lambda *_: None)


@pytest.fixture
def busy(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_a_version_that_comes_to_the_same_states_may_take_the_node_over(busy: Node) -> None:
    busy.keep(0)
    assert busy.tried() == Trial(version(), str(CODE), RULES, RULES, 0, busy.marks[0])
    folder = busy.keep(2)
    assert busy.tried() == Trial(version(), str(CODE), RULES, RULES, busy.marks[0], busy.marks[2])
    digests = digests_of(folder, "matcher.1")
    saved = msgspec.json.decode(digests.read_bytes())
    digests.write_bytes(msgspec.json.encode(saved | {min(saved): 4711}))
    assert busy.tried().problem == f"it comes to another state at record {busy.marks[2]:,}: matcher.1, {min(saved)}"


def test_without_a_snapshot_there_is_nothing_to_compare_with(busy: Node) -> None:
    assert busy.tried().problem == trial.NO_SNAPSHOT
    for agent in ("router", "matcher.1", "matcher.2"):
        digests_of(busy.keep(0), agent).unlink(missing_ok=True) if agent == "router" else None
    assert busy.tried().problem == trial.NO_SNAPSHOT


def test_there_is_no_way_back_once_the_log_goes_by_newer_rules(busy: Node) -> None:
    """LOG-23."""
    begun = busy.marks[2] + 1
    newer = Epoch(seq=begun, epoch=2, time_ns=2**62, rules_version=RULES + 1, members=1, boot_id=b"b" * 16)
    with JournalWriter(busy.data / "journal", "none", SEGMENT_BYTES) as writer:
        writer.append([stamp(pack(newer))])
    folder = busy.keep(2)
    manifest = folder / MANIFEST
    entry = structs.replace(msgspec.json.decode(manifest.read_bytes(), type=SavedSnapshot), seq=begun)
    manifest.write_bytes(msgspec.json.encode(entry))
    folder.rename(folder_of(busy.data, begun))
    assert busy.tried().problem == (
        f"from record {begun:,} on the log goes by rules version {RULES + 1}, and this version of the software knows "
        f"version {RULES}: there is no way back to it"
    )


def test_a_version_that_can_use_no_snapshot_needs_the_whole_journal(busy: Node) -> None:
    folder = busy.keep(0)
    entry = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=SavedSnapshot)
    (folder / MANIFEST).write_bytes(msgspec.json.encode(structs.replace(entry, layout=1)))
    busy.keep(2)
    assert busy.tried() == Trial(version(), str(CODE), RULES, RULES, 0, busy.marks[2])
    assert retain(busy.data / "journal", busy.marks[0])
    assert "the journal no longer begins with record 1" in busy.tried().problem
