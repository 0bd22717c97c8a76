"""Two nodes' states are held against each other at the mark of a snapshot."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from lockstep.config.schema import Config, InstrumentSection, ReplicationSection
from lockstep.core.diagnostics.refusal import FinalError
from lockstep.core.venue.snapshot_parts import digests_of, folder_of, part_name
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Venue
from lockstep.procs.replicator import comparison
from lockstep.procs.replicator.__main__ import build
from lockstep.procs.replicator.comparison import Difference, DifferenceError

AGENTS = ("router", "matcher.1")
TABLES = {"router": {"accounts": 1, "orders": 2}, "matcher.1": {"instrument 1": 3}}


def leave(data: Path, seq: int, tables: comparison.Digests) -> None:
    folder = folder_of(data, seq)
    folder.mkdir(parents=True)
    for agent, digests in tables.items():
        digests_of(folder, agent).write_bytes(msgspec.json.encode(digests))
        (folder / part_name(agent)).touch()


def test_what_stages_left_at_a_mark(tmp_path: Path) -> None:
    assert comparison.newest(tmp_path) == 0
    leave(tmp_path, 40, TABLES)
    leave(tmp_path, 9, TABLES)
    assert comparison.newest(tmp_path) == 40
    assert comparison.saved(tmp_path, 40, AGENTS) == TABLES
    (folder_of(tmp_path, 40) / part_name("matcher.1")).unlink()
    assert comparison.saved(tmp_path, 40, AGENTS) is None


@pytest.mark.parametrize("left", [b"", b"{", b"\0" * 40, b"\xff\xad\x02"])
def test_what_a_loss_of_power_left_of_it_is_nothing(tmp_path: Path, left: bytes) -> None:
    """A replicator that died of it would die again at each start."""
    leave(tmp_path, 40, TABLES)
    digests_of(folder_of(tmp_path, 40), "router").write_bytes(left)
    assert comparison.saved(tmp_path, 40, AGENTS) is None


@pytest.mark.parametrize(
    ("own", "agent", "table"),
    [
        ({**TABLES, "router": {"accounts": 1, "orders": 5}}, "router", "orders"),
        ({**TABLES, "router": {"accounts": 1}}, "router", "orders"),
        ({**TABLES, "matcher.1": {"instrument 1": 3, "instrument 2": 0}}, "matcher.1", "instrument 2"),
        ({"router": TABLES["router"]}, "matcher.1", "instrument 1"),
    ],
)
def test_the_first_table_that_differs_is_named(own: comparison.Digests, agent: str, table: str) -> None:
    assert comparison.compare(7, TABLES, TABLES) is None
    assert comparison.compare(7, own, TABLES) == Difference(7, agent, table)


def test_a_node_that_differs_does_not_start_again(tmp_path: Path) -> None:
    instrument = InstrumentSection(symbol="X", base="A", quote="B", tick="1", lot="1")
    config = Config(instruments=[instrument], replication=ReplicationSection(node="b"))
    comparison.keep(tmp_path, Difference(7, "router", "orders"))
    with pytest.raises(DifferenceError, match=r"DIFFERS: .*router has another state .* at record 7: orders"):
        build(Venue.private(derive(config), config, tmp_path))
    (tmp_path / "node" / comparison.FILE).write_bytes(b'{"agent": "\xff"}')
    with pytest.raises(FinalError, match=r"differs\.json says that this node's state differs .*, and can't be read"):
        build(Venue.private(derive(config), config, tmp_path))
