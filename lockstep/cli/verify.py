"""`lockstep verify`: whether journal, snapshots, database and money of a venue agree.

It compares and reports; it repairs nothing, and it may run while the venue does.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from msgspec import Struct, field

from lockstep.cli import copies
from lockstep.cli.copies import Copies
from lockstep.cli.progress import Progress
from lockstep.cli.replay import Replay, differing, digests_of, money_brought
from lockstep.cli.running import attach
from lockstep.cli.terminal import (
    DEFAULT_CONFIG,
    EXIT_OK,
    EXIT_PROBLEM,
    ConfigPath,
    Json,
    console,
    load,
    print_json,
)
from lockstep.config.schema import Config
from lockstep.core.diagnostics.counts import counted
from lockstep.core.journal import journal as journal_module
from lockstep.core.journal.journal import JournalError, segment_seqs
from lockstep.core.journal.select import Selection
from lockstep.core.recovery.replay import CoreReplayError, ReplayedCore
from lockstep.core.recovery.snapshot_catalog import MANIFEST, SavedSnapshot, choose, entries
from lockstep.core.tables.saved import DamagedPart
from lockstep.core.venue import voided_commands
from lockstep.core.venue.committed import committed
from lockstep.core.venue.snapshot_parts import Start, folder_of
from lockstep.core.venue.topology import derive
from lockstep.procs.batcher import compare, database
from lockstep.procs.batcher.expected_requests import COMMANDS
from lockstep.procs.batcher.position import EMPTY, Position

AT_ONCE = 2**20  # records that are read at a time, of which those that matter are held


class MoneyReport(Struct, frozen=True):
    """Of one asset, in smallest units: what the log brought in (deposits less withdrawals, and adjustments), and what
    all accounts hold, fees included."""

    asset: int
    deposited: int
    held: int


class SnapshotReport(Struct, frozen=True):
    """A kept snapshot: the stages of which it has other state than the journal leads to, each with a table that
    differs, or why it can't be loaded."""

    seq: int
    saved: str
    differing: list[str]
    unusable: str = ""


class Verdict(Struct):
    """What verify found. `problems` is empty if all is well; `notes` are what could not be looked at, and why.

    `replayed_from` is the record after which the replay begins: 0, or the mark of the oldest snapshot if the journal no
    longer begins with 1. `hole`: what a power loss left after one, none of it durable, is cut at the start.
    """

    problems: list[str]
    committed: int = 0
    segments: int = 0
    replayed_from: int = 0
    hole: bool = False
    torn_bytes: int = 0
    orders_resting: int = 0
    snapshots: list[SnapshotReport] = []
    database_complete: int = 0
    rows: dict[str, int] = {}
    money: list[MoneyReport] = []
    voided: list[int] = []
    copies: Copies = field(default_factory=Copies)
    notes: list[str] = []


def verify(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Prove that journal, snapshots, database and money agree: each kept snapshot has the state that the journal leads
    to, each row of the database matches a replay, and no money has appeared or vanished.

    Replays the journal with the real router and matchers, which takes as long as a restart without a snapshot would.
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
            return stack.enter_context(contextlib.closing(replayed(config, data, found)))

        try:
            # A running venue's journal is read when the database's snapshot needs it: it has all of that by then.
            if attach(data) is None:
                replay()
            _compare(config, data, lambda ring: replay().events(ring), _commands(data, found), found)
            _count_money(data, replay(), found)
        except (CoreReplayError, JournalError) as error:
            found.problems.append(f"journal: {error}")
    return found


def replayed(config: Config, data: Path, found: Verdict) -> Replay:
    """Check the journal's checksums, and replay it up to what is committed, through every snapshot."""
    journal = data / "journal"
    running = attach(data)
    report = None if running else journal_module.verify(journal)
    if report is not None:
        found.hole, found.torn_bytes = report.hole, report.torn_bytes
        if report.corruption:
            place = f"{report.corrupt_file}, offset {report.corrupt_offset}"
            found.notes.append(
                "nothing was compared with the journal: what it does not have would seem wrong everywhere"
            )
            raise JournalError(f"{report.corruption} ({place}); lockstep repair-journal mends it")
    # A running venue's last batch may be half written: nothing counts beyond what is committed.
    found.committed = committed(running) if running else report.last_seq if report else 0
    seqs = segment_seqs(journal)
    found.segments = len(seqs)
    found.voided = sorted(voided_commands.load(data).commands)
    first = _first(config, data, seqs, found)
    found.replayed_from = first.seq
    replay = Replay(config, data, first)
    _run(config, data, replay, found)
    if replay.state is not None:
        found.orders_resting = sum(matcher.book.resting for matcher in replay.state.matchers.values())
    return replay


def _first(config: Config, data: Path, seqs: list[int], found: Verdict) -> Start:
    """Where the replay begins: the journal's beginning, or the oldest usable snapshot that it goes on behind."""
    if not seqs or seqs[0] == 1:
        return Start.genesis()
    for entry in entries(data):
        if entry.seq + 1 >= seqs[0]:
            start, reason = _start_at(config, data, entry)
            if start is not None:
                return start
            found.problems.append(f"snapshot {entry.seq:,}: {reason}")
    raise JournalError(f"it begins with record {seqs[0]:,}, and no usable snapshot leads there")


def _start_at(config: Config, data: Path, entry: SavedSnapshot) -> tuple[Start | None, str]:
    """The start that a snapshot stands for, or why it is none."""
    choice = choose(data, derive(config).core_agents, entry.seq)
    if choice.start.seq == entry.seq:
        return choice.start, ""
    return None, choice.passed_over[0] if choice.passed_over else "it is not there any more"


def _run(config: Config, data: Path, replay: Replay, found: Verdict) -> None:
    """Replay leg by leg. A snapshot is compared with the state at the end of the leg to its mark.

    The next leg begins with that snapshot if they agree: this shows that going on from each snapshot leads to the
    same. One that does not agree is a problem, and the leg that ends there is replayed on from where it began.
    """
    start = replay.first

    def is_gone(entry: SavedSnapshot) -> bool:
        """Whether a venue that runs has removed a snapshot since: it keeps the newest only."""
        if (folder_of(data, entry.seq) / MANIFEST).exists():
            return False
        found.notes.append(f"snapshot {entry.seq:,}: it was removed meanwhile, as older ones are")
        return True

    with Progress("replaying", found.committed, "records") as progress:
        for entry in entries(data):
            if not start.seq < entry.seq <= found.committed:
                continue
            saved = f"{datetime.fromtimestamp(entry.saved_ns / 1e9, UTC):%Y-%m-%d %H:%M:%S}"
            at, reason = _start_at(config, data, entry)
            if at is None and is_gone(entry):
                continue
            if at is None:
                found.snapshots.append(SnapshotReport(entry.seq, saved, [], reason))
                found.problems.append(f"snapshot {entry.seq:,}: {reason}")
                continue
            mark = replay.mark()
            expected = digests_of(_leg(replay, start, entry.seq, progress.show))
            try:
                actual = digests_of(ReplayedCore(config, data, at, entry.seq, reader=False))
            except FileNotFoundError:
                if not is_gone(entry):
                    raise
                replay.forget(mark)
                continue
            except (ValueError, DamagedPart) as error:
                found.snapshots.append(SnapshotReport(entry.seq, saved, [], f"it can't be loaded: {error}"))
                found.problems.append(f"snapshot {entry.seq:,}: it can't be loaded: {error}")
                replay.forget(mark)
                continue
            other = differing(expected, actual)
            found.snapshots.append(SnapshotReport(entry.seq, saved, other))
            if other:
                said = f"{', '.join(other)} has other state than the journal leads to"
                found.problems.append(f"snapshot {entry.seq:,}: {said}")
                replay.forget(mark)
            else:
                start = at
        _leg(replay, start, found.committed, progress.show)


def _leg(replay: Replay, start: Start, last_seq: int, show: Callable[[int], None]) -> ReplayedCore:
    """A leg of the replay. If the snapshot that it begins with is gone by now, all up to it is replayed again."""
    try:
        return replay.leg(start, last_seq, show)
    except FileNotFoundError:
        if start.seq == replay.first.seq:
            raise
        replay.forget({})
        return replay.leg(replay.first, last_seq, show)


def _commands(data: Path, found: Verdict) -> Iterator[bytes]:
    """The committed records of what operators asked for; to be begun once the replay is done."""
    selection = Selection(data / "journal", COMMANDS)
    for first in range(1, found.committed + 1, AT_ONCE):
        yield from selection.between(first, min(first + AT_ONCE - 1, found.committed))
    selection.close()


def _compare(
    config: Config, data: Path, events: Callable[[int], Iterable[bytes]], commands: Iterable[bytes], found: Verdict
) -> None:
    """Compare the database with the replay, starting the embedded server meanwhile if the venue is stopped."""
    try:
        with database.started(config) as url:
            if _place(url, config, data, found) is EMPTY:
                return
            # A journal whose beginning was removed says nothing about earlier rows.
            if segment_seqs(data / "journal")[:1] not in ([], [1]):
                found.notes.append("database: it has rows from before the journal begins, and is not compared")
                return
            report = compare.compare(url, events, commands)
    except (psycopg.Error, database.UnavailableError) as error:
        found.problems.append(f"database: it can't be compared: {str(error).strip()}")
        return
    found.database_complete = report.complete_seq
    if report.missing:
        found.notes.append(f"database: positions that are being made again are not compared: {report.missing:,}")
    found.rows = {name: table.rows for name, table in report.tables.items()}
    for ring, count in report.short.items():
        found.problems.append(
            f"database: it has {counted(count, 'event')} of ring {ring} that the journal does not have"
        )
    for name, rows in report.tables.items():
        for difference in rows.first:
            expected, actual = difference.expected or "no such row", difference.actual or "no such row"
            found.problems.append(f"database: {name} {difference.key}: is {actual}, the journal says {expected}")
        if rows.differing > len(rows.first):
            found.problems.append(f"database: {rows.differing - len(rows.first)} more rows of {name} differ")


def _place(url: str, config: Config, data: Path, found: Verdict) -> Position:
    """Judge how far each copy is, and whether the database moves, or will; return where the database is."""
    venue = attach(data)
    if venue is not None:
        found.copies = copies.look(data, committed(venue))
        found.copies.spool = None  # it is being written
        found.problems += copies.judge_running(url, data, venue.board, found.copies)
        return copies.place_of(url).at
    found.copies = copies.look(data, found.committed)
    problems, notes = copies.judge_stopped(url, config, found.copies)
    found.problems += problems
    found.notes += notes
    return copies.place_of(url).at


def _count_money(data: Path, replay: Replay, found: Verdict) -> None:
    """I1: all accounts have what they had at the beginning of the replay, and what came in since."""
    if replay.state is None:
        return
    brought = money_brought(data / "journal", replay.first.seq + 1, found.committed)
    for asset, units in replay.had_first().items():
        brought[asset] = brought.get(asset, 0) + units
    held = replay.state.router.core.ledger.balances.totals()
    for asset in sorted(brought.keys() | held.keys()):
        report = MoneyReport(asset, brought.get(asset, 0), held.get(asset, 0))
        found.money.append(report)
        if report.deposited != report.held:
            found.problems.append(
                f"money: asset {asset} has {report.held:,} units where {report.deposited:,} were brought in"
            )


def _print(found: Verdict) -> None:
    out = console()
    if found.committed:
        begun = f", replayed from {found.replayed_from:,}" if found.replayed_from else ""
        out.print(f"journal   {counted(found.committed, 'record')} in {counted(found.segments, 'segment')}{begun}, "
                  f"{counted(found.orders_resting, 'resting order')}", soft_wrap=True)  # fmt: skip
        if found.voided:
            out.print(f"voided    {', '.join(f'{seq:,}' for seq in found.voided)}", soft_wrap=True)
        if found.hole or found.torn_bytes:
            what = "batches behind a hole" if found.hole else f"{found.torn_bytes:,} bytes of an interrupted write"
            out.print(f"tail      {what}: nothing of it was durable; the next start cuts it off", soft_wrap=True)
        for each in found.snapshots:
            word = each.unusable or (
                f"{', '.join(each.differing)} differs" if each.differing else "as the journal says"
            )
            out.print(f"snapshot  {each.seq:,} of {each.saved}: {word}", soft_wrap=True, markup=False)
        _print_copies(found.copies)
        if found.database_complete:
            rows = ", ".join(f"{name} {count:,}" for name, count in found.rows.items())
            out.print(f"database  complete up to record {found.database_complete:,}; {rows}", soft_wrap=True)
        out.print(f"money     {len(found.money)} assets, what came in equal to what accounts hold: "
                  f"{sum(each.deposited == each.held for each in found.money)}")  # fmt: skip
    else:
        _print_copies(found.copies)
    for note in found.notes:
        out.print(f"note: {note}", markup=False, soft_wrap=True)
    for problem in found.problems:
        out.print(problem, style="red", markup=False, soft_wrap=True)
    out.print("verified: all is well" if not found.problems else counted(len(found.problems), "problem"))


def _print_copies(found: Copies) -> None:
    spool = f"{found.spool_bytes:,} bytes" if found.spool is None else f"{found.spool:,} ({found.spool_bytes:,} bytes)"
    has = "can't be asked" if found.database is None else f"{found.database:,}"
    stores = "".join(f", {name} {size:,} bytes" for name, size in found.stores.items())
    line = f"commit {found.committed:,}, spool {spool}, database {has}, newest snapshot {found.snapshot:,}{stores}"
    console().print(f"copies    {line}", soft_wrap=True)
