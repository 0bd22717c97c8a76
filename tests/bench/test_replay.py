"""The row `replay` at a small size: the journal of the workload replays, and its snapshot loads."""

from __future__ import annotations

from bench import replay

COMMANDS = 20_000


def test_a_replay_and_a_start_from_its_snapshot_are_measured() -> None:
    rows = replay.run(COMMANDS)
    assert [row["unit"] for row in rows] == ["records/s", "ms", "s", "s"]
    assert all(float(str(row["value"])) > 0 for row in rows)
