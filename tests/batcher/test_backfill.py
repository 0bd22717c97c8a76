"""A database gets what it lacks from the journal, whatever it has; if that can't be done, the reason is given."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path

import msgspec
import psycopg
import pytest
from msgspec import structs

from lockstep import config
from lockstep.config.schema import Config, DatabaseSection
from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import (
    Code,
    CommandType,
    Deposit,
    Dismissal,
    Payment,
    WithdrawalChanged,
    WithdrawalState,
)
from lockstep.core.venue.snapshot_parts import Start
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Manifest
from lockstep.procs.batcher.author import Author
from lockstep.procs.batcher.backfill import fill
from lockstep.procs.batcher.backfill_process import BackfillProcess, FillError
from lockstep.procs.batcher.compare import compare
from lockstep.procs.batcher.expected_requests import COMMANDS
from lockstep.procs.batcher.requests import REQUESTED
from lockstep.procs.batcher.writer import RefusedError
from tests.router.random_driver import write_journal
from tests.router.rig import Rig
from tests.router.test_ledger import follow

DEMO = config.load(Path(__file__).parents[2] / "lockstep" / "config" / "demo.toml")
EXT = CommandType.EXT_DESTINATION
EPOCH = 1000  # of whoever fills: later than any in the journal


@pytest.fixture
def venue(database: str) -> Config:
    return structs.replace(DEMO, database=DatabaseSection(url=database))


def events_of(rig: Rig) -> Callable[[int], Iterable[bytes]]:
    return lambda ring: rig.events.get(ring, [])


def commands_of(rig: Rig) -> list[bytes]:
    return [record for record in rig.log if record[4] in COMMANDS]


def born_ns(rig: Rig) -> int:
    return unpack_command(rig.log[0]).time_ns


def test_an_empty_database_gets_everything(rig: Rig, journal: Path, venue: Config, database: str) -> None:
    fill(venue, journal, Author(EPOCH), born_ns(rig), len(rig.log))
    report = compare(database, events_of(rig), commands_of(rig))
    assert report.clean, report
    assert report.complete_seq == len(rig.log)


def test_what_was_requested_is_there_by_whom_with_its_values(
    rig: Rig, journal: Path, venue: Config, database: str
) -> None:
    fill(venue, journal, Author(EPOCH), born_ns(rig), len(rig.log))
    report = compare(database, events_of(rig), commands_of(rig)).tables["requests"]
    asked = [unpack_command(record) for record in rig.log if record[4] in REQUESTED]
    done = {each.seq: each for each in asked if getattr(each, "verdict", None) in (Code.OK, Code.SECOND_NEEDED)}
    assert report.rows == len(done) > 0
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT seq, request, asked_by, approves, target_id FROM requests").fetchall()
        assert {request for _, request, *_ in rows} >= {"DEPOSIT", "LIMITS", "ACCOUNT_LIMITS"}
        for seq, request, asked_by, approves, target in rows:
            command = done[seq]
            waits = getattr(command, "verdict", Code.OK) == Code.SECOND_NEEDED
            is_proposal = waits or (isinstance(command, Deposit) and bool(command.flags))
            assert request == CommandType(command.type).name + ("_PROPOSAL" if is_proposal else "")
            assert (asked_by or 0) == (command.asked_by if isinstance(command, Payment) else command.account)
            approved = getattr(command, "withdrawal", getattr(command, "proposal", 0))
            assert (approves or 0) == (0 if isinstance(command, Dismissal) else approved)
            assert target == (command.owner if isinstance(command, Payment) else getattr(command, "target", None))
        connection.execute("UPDATE requests SET asked_by = 77 WHERE seq = (SELECT min(seq) FROM requests)")
        connection.execute("UPDATE requests SET terms = terms || '{\"max_value\": \"1\"}' WHERE request = 'LIMITS'")
        limits = sum(request == "LIMITS" for _, request, *_ in rows)
    assert compare(database, events_of(rig), commands_of(rig)).tables["requests"].differing == 1 + limits


def test_the_view_of_withdrawals_has_what_the_model_and_the_events_have(
    rig: Rig, journal: Path, venue: Config, database: str
) -> None:
    for last_seq in (*(seq for seq, record in enumerate(rig.log, 1) if record[4] == EXT), len(rig.log)):
        fill(venue, journal, Author(EPOCH), born_ns(rig), last_seq)  # between a destination and its request, too
    last = {event.withdrawal: event for event in rig.outcomes(0) if isinstance(event, WithdrawalChanged)}
    model = follow(rig)
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT withdrawal, user_id, state, amount, destination, first_approved_by, second_approved_by,"
            " requested <= ended, ended_by FROM withdrawals ORDER BY withdrawal"
        ).fetchall()
    assert [row[0] for row in rows] == sorted(last)
    assert {WithdrawalState[row[2]] for row in rows} > {WithdrawalState.PAID, WithdrawalState.REQUESTED}
    for number, user, state, amount, destination, first, second, in_order, ended_by in rows:
        event = last[number]
        assert (user, WithdrawalState[state]) == (event.account, event.state)
        assert amount == Decimal(event.amount).scaleb(-2)
        assert destination.startswith("vault ")
        assert in_order is (None if number in model.withdrawals else True)
        if number in model.withdrawals:
            approved = [*model.withdrawals[number].approved, None, None]
            assert (first, second, ended_by) == (approved[0], approved[1], None)
        else:
            assert ended_by == event.asked_by


def test_a_database_of_before_gets_older_requests_too(rig: Rig, journal: Path, venue: Config, database: str) -> None:
    half = len(rig.log) // 2
    fill(venue, journal, Author(EPOCH), born_ns(rig), half)
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM requests")
        connection.execute("UPDATE writer SET requests_seq = 0")
    fill(venue, journal, Author(EPOCH), born_ns(rig), len(rig.log))
    assert compare(database, events_of(rig), commands_of(rig)).clean


def test_a_database_that_has_a_part_gets_the_rest(rig: Rig, journal: Path, venue: Config, database: str) -> None:
    for last_seq in (len(rig.log) // 3, len(rig.log) // 3, len(rig.log)):
        fill(venue, journal, Author(EPOCH), born_ns(rig), last_seq)
        report = compare(database, events_of(rig), commands_of(rig))
        assert report.clean, report
        assert report.complete_seq == last_seq
    assert list(journal.iterdir()) == [journal / "journal"]


def test_a_process_of_its_own_fills_what_a_batcher_lacks(
    rig: Rig, journal: Path, venue: Config, database: str, tmp_path: Path
) -> None:
    manifest = Manifest("0" * 32, "", str(journal), venue, derive(venue), Start.genesis())
    file = tmp_path / "manifest.json"
    file.write_bytes(msgspec.json.encode(manifest))
    BackfillProcess(file, lambda: len(rig.log))(EPOCH, born_ns(rig), threading.Event())
    assert compare(database, events_of(rig), commands_of(rig)).clean
    with pytest.raises(FillError, match="another journal"):
        BackfillProcess(file, lambda: len(rig.log))(EPOCH, born_ns(rig) + 1, threading.Event())


def test_another_journal_s_events_are_refused(rig: Rig, journal: Path, venue: Config) -> None:
    with pytest.raises(ValueError, match="another journal"):
        fill(venue, journal, Author(EPOCH), born_ns(rig) + 1, len(rig.log))


def test_a_later_venue_s_database_is_refused(rig: Rig, journal: Path, venue: Config) -> None:
    fill(venue, journal, Author(EPOCH), born_ns(rig), len(rig.log))
    with pytest.raises(RefusedError, match="OLD_EPOCH"):
        fill(venue, journal, Author(EPOCH - 1), born_ns(rig), len(rig.log))


def test_a_journal_that_does_not_reach_back_is_named(rig: Rig, venue: Config, tmp_path: Path) -> None:
    write_journal(rig, tmp_path / "journal", 4 * 4096, batch=64)
    segments = sorted((tmp_path / "journal").glob("*.journal"))
    assert len(segments) > 1
    segments[0].unlink()
    with pytest.raises(FillError, match=r"up to record 0 only, and the journal begins with .* `lockstep rebuild-db`"):
        fill(venue, tmp_path, Author(EPOCH), born_ns(rig), len(rig.log))
