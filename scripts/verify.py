"""`lockstep verify`: whether journal, database and money of a venue are as they must be.

It compares and reports; it repairs nothing, and it may run while the venue does.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable
from pathlib import Path

import psycopg
from msgspec import Struct

from config.schema import Config
from procs.batcher import compare, database
from scripts.replay import Replay, ReplayError
from scripts.status import attach
from scripts.terminal import DEMO, EXIT_OK, EXIT_PROBLEM, ConfigPath, Json, console, load, print_json
from shm import journal
from shm.board import Word
from shm.journal import JournalError


class MoneyReport(Struct, frozen=True):
    """Of one asset, in smallest units: what the log brought in (deposits less withdrawals, and adjustments), and what
    all accounts hold, fees included."""

    asset: int
    deposited: int
    held: int


class Verdict(Struct):
    """What verify found. `problems` is empty where all is well."""

    problems: list[str]
    committed: int = 0
    segments: int = 0
    orders_resting: int = 0
    database_complete: int = 0
    rows: dict[str, int] = {}
    money: list[MoneyReport] = []


def verify(config: ConfigPath = DEMO, *, json: Json = False) -> int:
    """Check the journal's checksums, the database against a replay of the journal, and that no money came or went.

    Works while the venue runs (up to what is committed) and when it is stopped.

    Exit codes: 0 all is well; 1 something is not; 2 the configuration is wrong.
    """
    loaded = load(config)
    found = examine(loaded, Path(loaded.venue.data))
    print_json(found) if json else _print(found)
    return EXIT_PROBLEM if found.problems else EXIT_OK


def examine(config: Config, data: Path) -> Verdict:
    """Check the venue whose folder is `data`."""
    found = Verdict([])
    if not (data / "journal").is_dir():
        found.problems.append(f"there is no journal in {data}: the venue has never run")
        return found
    with contextlib.ExitStack() as stack:

        @functools.cache
        def replay() -> Replay:
            return stack.enter_context(contextlib.closing(_replay(config, data, found)))

        try:
            # The journal is read when the database's snapshot asks for it: so it has all that the database can have.
            _compare(config, data, lambda ring: replay().events(ring), found)
            _count_money(replay(), found)
        except (ReplayError, JournalError) as error:
            found.problems.append(f"journal: {error}")
    return found


def _replay(config: Config, data: Path, found: Verdict) -> Replay:
    """Check the journal's checksums, and replay it up to what is committed."""
    running = attach(data)
    report = None if running else journal.verify(data / "journal")
    if report is not None and report.corruption:
        place = f"{report.corrupt_file}, offset {report.corrupt_offset}"
        found.problems.append(f"journal: {report.corruption} ({place})")
    # A running venue's last batch may be half written: beyond what is committed, nothing is said yet.
    found.committed = running.board.get(Word.DURABLE_SEQ) if running else report.last_seq if report else 0
    found.segments = len(journal.segment_seqs(data / "journal"))
    replay = Replay(config, data, found.committed)
    found.orders_resting = replay.orders_resting
    return replay


def _compare(config: Config, data: Path, events: Callable[[int], Iterable[bytes]], found: Verdict) -> None:
    """Compare the database with the replay, starting the embedded server for as long where the venue is stopped."""
    server = database.server(config, data)
    try:
        started = server.start()
        try:
            report = compare.compare(server.url, events)
        finally:
            if started and attach(data) is None:
                server.stop()
    except (psycopg.Error, database.UnavailableError) as error:
        found.problems.append(f"database: it can't be compared: {error}")
        return
    found.database_complete = report.complete_seq
    found.rows = {name: table.rows for name, table in report.tables.items()}
    for ring, count in report.short.items():
        found.problems.append(f"database: it has {count} events of ring {ring} that the journal does not have")
    for name, rows in report.tables.items():
        for difference in rows.first:
            expected, actual = difference.expected or "no such row", difference.actual or "no such row"
            found.problems.append(f"database: {name} {difference.key}: is {actual}, the journal says {expected}")
        if rows.differing > len(rows.first):
            found.problems.append(f"database: {rows.differing - len(rows.first)} more rows of {name} differ")


def _count_money(replay: Replay, found: Verdict) -> None:
    for asset, (deposited, held) in sorted(replay.money().items()):
        found.money.append(MoneyReport(asset, deposited, held))
        if deposited != held:
            found.problems.append(f"money: asset {asset} has {held:,} units where {deposited:,} were brought in")


def _print(found: Verdict) -> None:
    out = console()
    if found.committed:
        out.print(
            f"journal   {found.committed:,} records in {found.segments} segments, {found.orders_resting:,} orders rest"
        )
        rows = ", ".join(f"{name} {count:,}" for name, count in found.rows.items())
        out.print(f"database  complete up to record {found.database_complete:,}; {rows}", soft_wrap=True)
        out.print(f"money     {len(found.money)} assets, what came in equal to what accounts hold: "
                  f"{sum(each.deposited == each.held for each in found.money)}")  # fmt: skip
    for problem in found.problems:
        out.print(problem, style="red", markup=False, soft_wrap=True)
    out.print("verified: all is well" if not found.problems else f"{len(found.problems)} problems")
