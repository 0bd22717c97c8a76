"""The row `matcher-w1` at a small size: what it measures is the matcher doing all of the workload, and nothing else."""

from __future__ import annotations

import time
from array import array
from pathlib import Path

import pytest

from bench import drive, matcher_w1
from bench.encode import Encoder
from bench.tally import Tally
from bench.workload import W1

COMMANDS = 20_000


def test_the_matchers_book_is_the_plain_book_after_every_thousand_commands() -> None:
    workload, rig = W1(COMMANDS), matcher_w1.Rig()
    encoder = Encoder(workload)
    for count in range(1000, COMMANDS, 1000):
        prefix = W1(count)
        took = drive.in_one_thread(encoder, rig.log, rig.matcher, rig.events, prefix.count)
        assert took > 0
        assert matcher_w1.levels_of(rig.matcher.book) == prefix.replayed().levels()
        rig.matcher.book.check()


def test_each_command_is_answered_by_complete_events() -> None:
    workload, rig = W1(COMMANDS), matcher_w1.Rig()
    expected = workload.replayed()
    tally = Tally()
    encoder = Encoder(workload)
    while encoder.next < workload.count:
        drive.write(rig.log, encoder, 100)
        while rig.matcher.step(time.time_ns()):
            tally.drain(rig.events)
    mix = workload.mix()
    assert tally.damaged == 0
    assert tally.accepted == mix["N"] + mix["M"]
    assert tally.traded == expected.trades
    assert tally.rejected == expected.gone
    assert tally.replaced + tally.rejected >= mix["V"]


def test_the_row_says_all_it_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(matcher_w1, "ROUNDS", 1)
    monkeypatch.setattr(matcher_w1, "CHART", tmp_path / "chart.svg")
    rows = matcher_w1.run(COMMANDS)
    assert {row["row"] for row in rows} == {"matcher-w1"}
    assert [row["unit"] for row in rows] == ["commands/s"] * 6 + ["us"] * 8 + ["commands"]
    assert (tmp_path / "chart.svg").read_text().startswith("<svg")


def test_lateness_counts_from_the_planned_time_so_that_a_stall_counts_against_all_it_delayed() -> None:
    rig = matcher_w1.Rig()
    out = array("q", bytes(8 * 1000))
    # One nanosecond a command is more than any machine can do: each is later than the one before it was.
    drive.from_planned_times(Encoder(W1(2000)), rig.log, rig.matcher, rig.events, 1, out)
    assert all(out)
    assert out[-1] > out[0]
