"""Finds a record of the log by its sequence, a time, an order id or a client order id.

It only reads the journal, up to what is committed. If nothing matches, its error says what there is.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from lockstep.cli.errors import UsageError
from lockstep.cli.running import attach
from lockstep.config.nearest import nearest
from lockstep.config.schema import Config
from lockstep.core.journal.journal import JournalReader, segment_seqs
from lockstep.core.journal.select import select
from lockstep.core.operations.formatting import NANOSECONDS, time_text
from lockstep.core.recovery import inspection
from lockstep.core.recovery.replay import ReplayedCore
from lockstep.core.recovery.snapshot_catalog import choose, entries
from lockstep.core.schema.alphabet import unshown
from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import Account, Code, Command, CommandType
from lockstep.core.venue.committed import committed
from lockstep.core.venue.topology import derive

EXTENSIONS = 16  # the most records of a request, the main one included
TIME = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?")


class Retained(NamedTuple):
    """The journal of a venue, as far as it reaches: its first record, and the last that is committed."""

    journal: Path
    first: int
    last: int
    running: bool


class Request(NamedTuple):
    """A main record and its extensions right before it; `first` is the first of them."""

    command: Command
    extensions: list[Command]

    @property
    def first(self) -> int:
        return self.extensions[0].seq if self.extensions else self.command.seq


def retained(data: Path) -> Retained:
    """UsageError if the venue has no journal, or an empty one. JournalError."""
    journal = data / "journal"
    seqs = segment_seqs(journal) if journal.is_dir() else []
    if not seqs:
        raise UsageError(f"there is no journal in {data}: the venue has never run")
    running = attach(data)
    if running is not None:
        last = committed(running)
    else:
        reader = JournalReader(journal, seqs[-1])
        for _ in reader:
            pass
        last = reader.next_seq - 1
    if last < seqs[0]:
        raise UsageError(f"the journal in {journal} has no record yet")
    return Retained(journal, seqs[0], last, running is not None)


def of_text(text: str, kept: Retained) -> int:
    """The record that a sequence, or a time, means: of a time, the last one until then."""
    if text.isdecimal():
        return within(int(text), kept)
    found = TIME.fullmatch(text)
    if found is None:
        raise UsageError(f"{text} is neither a sequence of the log nor a time such as 2026-01-31T12:00:00.5Z")
    if found[3] is None:
        raise UsageError(f"{text} may be any zone's: add Z for UTC, or an offset such as +01:00")
    zone = found[3].replace("Z", "+00:00")
    try:
        moment = datetime.fromisoformat(found[1].replace(" ", "T") + zone).astimezone(UTC)
    except ValueError as error:
        raise UsageError(f"{text} is no time: {error}") from None
    return _of_time(int(moment.timestamp()) * NANOSECONDS + int((found[2] or "0").ljust(9, "0")), text, kept)


def within(seq: int, kept: Retained) -> int:
    """`seq`, if the journal has it. UsageError."""
    if seq > kept.last:
        now = "committed now" if kept.running else "the journal's last"
        raise UsageError(f"record {seq:,} is not there yet: {kept.last:,} is {now}")
    if seq < kept.first:
        raise UsageError(f"record {seq:,} is no longer there: the journal begins with {kept.first:,}")
    return seq


def of_order(order_id: int, kept: Retained) -> int:
    """The record that brought an order: its id is that record's sequence. UsageError if that is no order."""
    command = read(kept, within(order_id, kept), order_id)[0]
    if command.type not in (CommandType.NEW_ORDER, CommandType.EXT_LEG):
        raise UsageError(f"there is no order {order_id}: record {order_id} is {CommandType(command.type).name}")
    return order_id


def of_client_id(account: int, name: str, text: str, kept: Retained) -> tuple[int, list[int]]:
    """The record by which an account sent a client order id, and all others with the same.

    The last one that was no repetition is meant: an id may be used again once it is forgotten. UsageError.
    """
    found = inspection.with_client_id(kept.journal, kept.first, kept.last, account, _id_of(text))
    if not found:
        since = "" if kept.first == 1 else f" since record {kept.first:,}, with which the journal begins"
        raise UsageError(f"{name} has sent no order, cancel or replace with client order id {text}{since}")
    original = [seq for seq in found if not _is_repetition(kept, seq)]
    chosen = (original or found)[-1]
    return chosen, [seq for seq in found if seq != chosen]


def _id_of(text: str) -> bytes:
    """A client order id as `at` and the database show it. UsageError if no id is shown like this."""
    try:
        return unshown(text)
    except ValueError as error:
        raise UsageError(str(error)) from None


def request_at(seq: int, kept: Retained) -> Request:
    """The whole request that record `seq` belongs to; an extension whose main record is not there stands for itself."""
    last = seq
    record = read(kept, seq, seq)[0]
    while record.type >= CommandType.EXT_CLIENT_ID and last < min(kept.last, seq + EXTENSIONS):
        last += 1
        record = read(kept, last, last)[0]
    extensions: list[Command] = []
    for each in reversed(read(kept, max(kept.first, last - EXTENSIONS), last - 1) if last > kept.first else []):
        if each.type < CommandType.EXT_CLIENT_ID or each.account != record.account:
            break
        extensions.insert(0, each)
    return Request(record, extensions)


def account_number(config: Config, data: Path, name: str, kept: Retained) -> int:
    """The account called `name`. UsageError if there is none such."""
    start = choose(data, derive(config).core_agents, kept.last).start
    known = ReplayedCore(config, data, start, start.seq, reader=False).router.core.accounts
    if name.encode() in known:
        return known[name.encode()]
    names = [each.decode() for each in known]
    for record in select(kept.journal, max(kept.first, start.seq + 1), kept.last, (CommandType.ACCOUNT,)):
        command = unpack_command(record)
        if isinstance(command, Account) and command.verdict == Code.OK:
            if command.name == name.encode():
                return command.number
            names.append(command.name.decode())
    raise UsageError(f"there is no account {name}; {nearest(name, names)}")


def read(kept: Retained, first: int, last: int) -> list[Command]:
    """Records of the log."""
    reader = JournalReader(kept.journal, first, last)
    try:
        return [unpack_command(record) for record in reader]
    finally:
        reader.close()


def oldest_reachable(data: Path, kept: Retained) -> int:
    """The first record after which the state can be known."""
    if kept.first == 1:
        return 1
    return next((entry.seq for entry in entries(data) if entry.seq >= kept.first - 1), kept.last + 1)


def _of_time(time_ns: int, text: str, kept: Retained) -> int:
    begins = [seq for seq in segment_seqs(kept.journal) if seq <= kept.last]
    times = [read(kept, seq, seq)[0].time_ns for seq in begins]
    if time_ns < times[0]:
        raise UsageError(f"{text} lies before the journal, which begins at {time_text(times[0])}")
    last = read(kept, kept.last, kept.last)[0].time_ns
    if time_ns > last and not (kept.running and time_ns <= datetime.now(UTC).timestamp() * NANOSECONDS):
        raise UsageError(f"{text} lies behind the journal, which ends at {time_text(last)}")
    at = max(number for number, each in enumerate(times) if each <= time_ns)
    end = begins[at + 1] - 1 if at + 1 < len(begins) else kept.last
    return inspection.last_before(kept.journal, begins[at], end, time_ns)


def _is_repetition(kept: Retained, seq: int) -> bool:
    return getattr(read(kept, seq, seq)[0], "verdict", Code.OK) == Code.DUPLICATE_CLIENT_ID
