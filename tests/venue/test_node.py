"""What a node is, in a file that outlives runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockstep.config.schema import Config, ReplicationSection, VenueSection
from lockstep.core.venue import node
from lockstep.core.venue.node import Node


def test_a_node_is_a_primary_until_a_file_says_otherwise(tmp_path: Path) -> None:
    assert node.load(tmp_path) == Node("primary")
    node.save(tmp_path, Node("secondary", ("a", "b"), "a is off: pulled its plug"))
    assert node.load(tmp_path) == Node("secondary", ("a", "b"), "a is off: pulled its plug")
    assert (tmp_path / "node").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b'{"role": "leader"}', b'{"rule": "primary"}', b'{"journal_id": "0x"}', b"\xff",
        b'{"statement": "\xff"}',
    ],
)  # fmt: skip
def test_a_damaged_role_is_named(tmp_path: Path, content: bytes) -> None:
    node.save(tmp_path, Node())
    (tmp_path / "node" / "role.json").write_bytes(content)
    with pytest.raises(node.RoleError, match=r"role\.json can't be read"):
        node.load(tmp_path)


@pytest.mark.parametrize(
    ("durability", "members", "paired"),
    [
        ("local", ("a", "b"), False),
        ("none", ("a", "b"), False),
        ("replicated", (), False),
        ("replicated", ("a",), False),
        ("replicated", ("a", "b"), True),
        ("both", ("a", "b"), True),
    ],
)
def test_commits_wait_for_a_member(durability: str, members: tuple[str, ...], paired: bool) -> None:
    venue = VenueSection(durability=durability)  # type: ignore[arg-type]
    config = Config(venue=venue, replication=ReplicationSection(node="a"))
    assert node.is_paired(config, Node("primary", members)) == paired


@pytest.mark.parametrize(
    ("name", "durability", "known", "said"),
    [
        (None, "both", Node(), 1),  # as every record of before
        ("a", "local", Node("primary", ("a", "b")), 1 | 2 << 8),
        ("a", "replicated", Node("primary", ("a",)), 1 | 3 << 8),
        ("a", "both", Node("primary", ("a", "b")), 2 | 4 << 8),
        ("a", "both", Node("primary", ("a",), "b is off: pulled its plug"), 1 | 4 << 8 | 1 << 16),
    ],
)
def test_an_epoch_says_whom_commits_wait_for(name: str | None, durability: str, known: Node, said: int) -> None:
    venue = VenueSection(durability=durability)  # type: ignore[arg-type]
    assert node.in_epoch(Config(venue=venue, replication=ReplicationSection(node=name)), known) == said


@pytest.mark.parametrize(("own", "peer", "parity"), [("a", "b", 1), ("b", "a", 0), ("a", "", -1), (None, "", -1)])
def test_epochs_of_two_nodes_are_odd_and_even(own: str | None, peer: str, parity: int) -> None:
    config = Config(replication=ReplicationSection(node=own))
    assert node.parity_of(config, Node(peer=peer)) == parity
