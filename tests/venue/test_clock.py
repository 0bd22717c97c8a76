"""A start with a wrong clock is refused before it leaves its mark in the journal; an operator can insist (LOG-4)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from msgspec import structs

from lockstep.core.journal.writer import JournalWriter
from lockstep.core.schema.layout import pack, unpack_command
from lockstep.core.venue import clock
from lockstep.core.venue.clock import LONGEST_REST_NS, SECOND_NS, TOLERANCE_NS, RunClock
from tests.models.journal import record, stamp

NOW = 1_790_000_000 * SECOND_NS
HOUR_NS = 3600 * SECOND_NS


def write(data: Path, end_ns: int) -> None:
    """Write a journal of two records, of which the last one has that time."""
    made = [structs.replace(unpack_command(record(seq)), time_ns=end_ns - 2 + seq) for seq in (1, 2)]
    with JournalWriter(data / "journal", "none", 65_536) as writer:
        writer.append([stamp(pack(each)) for each in made])


@pytest.mark.parametrize(
    ("end_ns", "words"),
    [
        (NOW, None),
        (NOW + TOLERANCE_NS, None),
        (NOW + TOLERANCE_NS + 1, "10.0 s before the journal's last record"),
        (NOW + 400 * 24 * HOUR_NS, "400 d 0 h before the journal's last record"),
        (NOW - LONGEST_REST_NS, None),
        (NOW - LONGEST_REST_NS - 1, "31 d 0 h after the journal's last record"),
    ],
)
def test_difference_beyond_the_bounds_is_refused(tmp_path: Path, end_ns: int, words: str | None) -> None:
    write(tmp_path, end_ns)
    assert clock.journal_end_ns(tmp_path) == end_ns
    said = clock.check(tmp_path, NOW)
    if words is None:
        assert said == ""
        return
    assert words in said
    assert clock.moment(end_ns) in said
    assert "timedatectl" in said
    assert "lockstep run --accept-clock" in said


def test_clock_without_a_battery_is_refused_without_a_journal_too(tmp_path: Path) -> None:
    assert clock.check(tmp_path, NOW) == ""
    assert "1970-01-01 00:01:00 UTC, which can't be" in clock.check(tmp_path, 60 * SECOND_NS)


def test_operator_who_insists_is_not_asked_again_until_it_has_caught_up(tmp_path: Path) -> None:
    write(tmp_path, NOW + HOUR_NS)
    file = tmp_path / clock.FILE
    assert clock.begin(tmp_path, NOW) != ""
    assert not file.exists()  # a refused start writes nothing
    assert clock.begin(tmp_path, NOW, accept=True) == ""
    assert clock.begin(tmp_path, NOW + 60 * SECOND_NS) == ""
    assert clock.begin(tmp_path, NOW - 60 * SECOND_NS) != ""  # it has not become less
    assert clock.begin(tmp_path, NOW + HOUR_NS) == ""
    assert not file.exists()
    assert clock.begin(tmp_path, NOW) != ""


def test_a_rest_that_may_be_a_wrong_clock_is_said(tmp_path: Path) -> None:
    """It can't be known which: at most 31 days are no refusal."""
    write(tmp_path, NOW)
    for rest_ns, says in ((HOUR_NS - SECOND_NS, ""), (30 * 24 * HOUR_NS, "30 d 0 h after the journal's last record")):
        assert clock.check(tmp_path, NOW + rest_ns) == ""
        assert says in (said := clock.long_rest(clock.journal_end_ns(tmp_path), NOW + rest_ns))
        assert bool(said) == bool(says)


def test_long_rest_is_accepted_once(tmp_path: Path) -> None:
    write(tmp_path, NOW - 2 * LONGEST_REST_NS)
    assert clock.begin(tmp_path, NOW, accept=True) == ""
    assert not (tmp_path / clock.FILE).exists()


def test_damaged_journal_is_left_to_whoever_opens_it(tmp_path: Path) -> None:
    write(tmp_path, NOW + HOUR_NS)
    (file,) = (tmp_path / "journal").glob("*.journal")
    file.write_bytes(b"no journal")
    assert clock.check(tmp_path, NOW) == ""


@pytest.mark.parametrize("set_s", [3600, -3600, 400 * 86_400])
def test_clock_that_is_set_while_the_venue_runs_moves_no_later_run(monkeypatch: pytest.MonkeyPatch, set_s: int) -> None:
    real_ns = time.time_ns
    run_clock = RunClock()
    first_ns, moved_ns = run_clock.anchor_ns()
    assert abs(first_ns - (real_ns() - time.monotonic_ns())) < SECOND_NS
    assert moved_ns == 0
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() + set_s * SECOND_NS)
    second_ns, moved_ns = run_clock.anchor_ns()
    assert abs(second_ns - first_ns) < SECOND_NS
    assert abs(moved_ns - set_s * SECOND_NS) < SECOND_NS


def test_small_adjustment_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    real_ns = time.time_ns
    run_clock = RunClock()
    first_ns, _ = run_clock.anchor_ns()
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() + 2 * SECOND_NS)
    second_ns, moved_ns = run_clock.anchor_ns()
    assert abs(second_ns - first_ns - 2 * SECOND_NS) < SECOND_NS
    assert moved_ns == 0
