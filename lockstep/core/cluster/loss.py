"""What a venue would lose if it went on from a journal that ends early: which copies know more, in words.

It reads the files of a stopped venue and its database, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import psycopg
from msgspec import Struct

from lockstep.config.schema import Config
from lockstep.core.files.disk import Disk
from lockstep.core.journal import mark as journal_mark
from lockstep.core.journal.end import short_of
from lockstep.core.journal.journal import JournalReport, verify
from lockstep.core.journal.mark import Mark
from lockstep.core.journal.select import select
from lockstep.core.operations.directory import Directory
from lockstep.core.operations.formatting import Names, of_event
from lockstep.core.recovery import retained_definitions, snapshot_catalog
from lockstep.core.recovery.replay import ReplayedCore
from lockstep.core.schema.layout import unpack_event
from lockstep.core.tables.saved import DamagedPart
from lockstep.core.venue.topology import derive
from lockstep.procs.batcher import database, extent, position
from lockstep.procs.gateway import segments, starts, store_reader
from lockstep.procs.router.witnesses import Witnesses
from lockstep.shm.board import Board

SHOWN = 20  # of what a copy knows, in words; the rest is counted
# What a row is called by, of the tables that have more than definitions.
KEYS = {
    "orders": "'order ' || order_id || ' (' || cl_ord_id || ') of user ' || user_id || ' is ' || state",
    "trades": "'trade ' || trade_id || ' of matcher ' || matcher || ': ' || quantity || ' ' || symbol || ' at ' || "
    "price || ', users ' || maker_user_id || ' and ' || taker_user_id",
    "balances": "'user ' || user_id || ' has ' || free || ' free, ' || held || ' held of ' || asset",
    "phases": "symbol || ' is in ' || phase",
    "actions": "action || ' by user ' || user_id",
    "requests": "request || ' by ' || coalesce('user ' || asked_by, 'the configuration')",
    "corrections": "'trade ' || trade_id || ' of matcher ' || matcher || ' is corrected'",
    "replacements": "'order ' || order_id || ' was replaced as ' || cl_ord_id",
    "prevented_matches": "'orders ' || taker_order_id || ' and ' || maker_order_id || ' did not trade'",
}


class Known(Struct, frozen=True):
    """A copy that knows more than the journal: what that is, and the first things in words, of `count`."""

    who: str
    what: str
    says: list[str] = []
    count: int = 0


class Loss(Struct):
    """`end` is the journal's last record, `file` and `offset` where it ends, and `why`; `last` the last record that any
    copy knows (of events, not always). `unasked`: the copies that could not be asked, and why."""

    end: int
    last: int
    file: str
    offset: int
    why: str
    numbers: list[int]
    known: list[Known] = []
    unasked: list[str] = []


class LossError(Exception):
    """The loss is unknown, or can't be accepted: the message says why, and what to do."""


def examine(config: Config, data: Path) -> Loss:
    """Which copies know of more than the journal in `data`. LossError if that is damaged before its end; OSError."""
    journal = data / "journal"
    report = verify(journal, marked=False)
    if report.corruption is not None:
        raise LossError(
            f"{report.corrupt_file} at offset {report.corrupt_offset}: {report.corruption}. That is no loss of the "
            "journal's end, and only a copy mends it (--from)"
        )
    if not report.records:
        raise LossError(f"{journal} has no record left: restore a copy, or begin a new venue in another data folder")
    place = short_of(journal, report.last_seq, "")
    _, numbers = state_at(config, data, report.last_seq)
    why = place.reason.rstrip(": ")
    loss = Loss(report.last_seq, report.last_seq, str(place.file), place.offset, why, numbers)
    names = _names(data, report)
    _ask_mark(data, loss)
    _ask_snapshots(data, loss)
    _ask_spool(data, loss, names)
    for folder in segments.stores(data):
        _ask_store(folder, loss)
    _ask_database(config, data / "journal", loss)
    return loss


def objecting_mark(data: Path) -> Mark | None:
    """The mark of the last orderly stop, if that left another end, or a later one, than the whole journal has."""
    mark = journal_mark.read(Disk.of(data / "journal"))
    return mark if mark is not None and verify(data / "journal").corruption is not None else None


def snapshots_behind(data: Path, seq: int) -> list[int]:
    """The snapshots of records after `seq`."""
    return [entry.seq for entry in snapshot_catalog.entries(data) if entry.seq > seq]


def cut_of(folder: Path, numbers: Sequence[int]) -> int | None:
    """Where a message store begins to report events after `numbers`; None if it does not. StoreCorrupt."""
    last, cut = store_reader.reports(folder, list(numbers))
    bases = segments.bases(folder)
    started = starts.read(folder, bases[0]) if bases else None
    marks = started.watermarks if started else b""
    before = [int.from_bytes(marks[at : at + 8], "little") // 2 for at in range(0, len(marks), 8)]
    if any(number > known for number, known in zip(before, numbers, strict=False)):
        return 0
    return cut if any(number > known for number, known in zip(last, numbers, strict=True)) else None


def sent(folder: Path, cut: int) -> Iterator[bytes]:
    """The messages to clients in a message store from `cut` on, as they were sent."""
    bases = segments.bases(folder)
    end = bases[-1] + store_reader.path_of(folder, bases[-1]).stat().st_size
    entries = store_reader.Scan(folder, bases, max(cut, bases[0]), end)
    while (entry := entries.read()) is not None:
        kind, _, _, message = entry
        if kind == store_reader.OUT_APP:
            yield message


def shown(message: bytes) -> str:
    """A FIX message as people read it."""
    return message.decode(errors="replace").replace("\x01", "|")


class _Listener(Witnesses):
    """Takes the place of the copies that know more: it learns what the journal leads to, and objects to nothing."""

    def __init__(self) -> None:
        super().__init__(Board.private(), ())
        self.numbers: list[int] = []

    def objection(self, _seq: int, numbers: Sequence[int]) -> None:
        self.numbers = list(numbers)


def state_at(config: Config, data: Path, seq: int) -> tuple[ReplayedCore, list[int]]:
    """The core as the journal leads to it at record `seq`, and the last event of each ring, as a starting router finds
    them. LossError, JournalError, CoreReplayError."""
    start = snapshot_catalog.choose(data, derive(config).core_agents, seq).start
    try:
        replay = ReplayedCore(config, data, start, seq, reader=False)
    except DamagedPart as error:
        raise LossError(str(error)) from error
    replay.router.witnesses = listener = _Listener()
    replay.run()
    return replay, listener.numbers


def _names(data: Path, report: JournalReport) -> Names:
    directory = Directory()
    known_seq, records = retained_definitions.kept(data)
    directory.add(records)
    first = max(known_seq + 1, report.first_seq)
    if first <= report.last_seq:
        directory.add(select(data / "journal", first, report.last_seq, retained_definitions.TYPES))
    return Names.of_directory(directory)


def _ask_mark(data: Path, loss: Loss) -> None:
    if (mark := objecting_mark(data)) is not None:
        what = f"it stopped at record {mark.seq:,}" if mark.seq > loss.end else "it had other records up to there"
        _add(loss, "the last orderly stop", what, mark.seq)


def _ask_snapshots(data: Path, loss: Loss) -> None:
    for seq in snapshots_behind(data, loss.end):
        _add(loss, f"snapshot {seq:,}", "it has the state there", seq)


def _ask_spool(data: Path, loss: Loss, names: Names) -> None:
    seq = extent.known_seq(data / "spool")
    if seq <= loss.end:
        return
    events = [unpack_event(record) for _, record in extent.events_behind(data / "spool", loss.end)]
    said = [f"record {event.cause:,}: {of_event(event, names)}" for event in events]
    _add(loss, "the spool", f"it has what came of records up to {seq:,}", seq, said)


def _ask_store(folder: Path, loss: Loss) -> None:
    cut = cut_of(folder, loss.numbers)
    if cut is None:
        return
    said = [shown(message) for message in sent(folder, cut)]
    _add(loss, folder.name, f"it has sent {len(said):,} messages since it reported what is lost", 0, said)


def _ask_database(config: Config, journal: Path, loss: Loss) -> None:
    try:
        with database.started(config) as url, psycopg.connect(url, connect_timeout=database.CONNECT_TIMEOUT_S) as asked:
            at = position.position(asked)
            wrong = position.objection(at, journal, loss.end)
            if wrong is None or position.is_foreign(at, journal, loss.end):
                loss.unasked += [wrong] if wrong else []
                return
            said = [line for table in KEYS for line in _rows(asked, table, loss.end)]
    except (psycopg.Error, database.UnavailableError) as error:
        loss.unasked.append(f"the database: {str(error).strip()}")
        return
    what = f"it has everything up to record {at.complete_seq:,}, and rows up to {at.last_seq:,}"
    _add(loss, "the database", what, at.last_seq, said)


def _rows(asked: psycopg.Connection[tuple[str]], table: str, seq: int) -> list[str]:
    """A table's rows of records after `seq`."""
    query = f"SELECT {KEYS[table]} FROM {table} WHERE seq > %s ORDER BY seq"
    return [text for (text,) in asked.execute(query, [seq])]  # type: ignore[arg-type,unused-ignore]


def _add(loss: Loss, who: str, what: str, seq: int, said: Iterable[str] = ()) -> None:
    said = list(said)
    loss.known.append(Known(who, what, list(islice(said, SHOWN)), len(said)))
    loss.last = max(loss.last, seq)
