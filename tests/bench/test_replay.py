"""The row `replay` at a small size: the journal of the workload replays, and starts from its snapshots are timed."""

from __future__ import annotations

from bench import replay

COMMANDS = 20_000


def test_a_replay_and_a_start_from_its_snapshot_are_measured() -> None:
    rows = replay.run(COMMANDS, (10_000, 1_000))
    assert [row["unit"] for row in rows] == ["records/s", "s", "s", "s", "ms"]
    assert all(float(str(row["value"])) > 0 for row in rows)
