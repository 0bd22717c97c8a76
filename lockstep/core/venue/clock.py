"""The wall clock against the log's time: what stands against a start, and what an operator has accepted (LOG-4).

Log time only moves forward, so a start with a wrong clock leaves its mark in the journal: it is refused before that.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from lockstep.core.files import atomic_file
from lockstep.core.journal.end import end_of
from lockstep.core.journal.journal import JournalError, JournalReader, segment_seqs
from lockstep.core.schema.layout import unpack_command
from lockstep.shm.board import Word

if TYPE_CHECKING:
    from lockstep.core.venue.venue import Venue

SECOND_NS = 10**9
# What a clock may be behind the journal's end: ordinary adjustments, and leap seconds, are below it.
TOLERANCE_NS = 10 * SECOND_NS
LONG_REST_NS = 3600 * SECOND_NS  # from which on a start says for how long the venue was stopped, by its clock
LONGEST_REST_NS = 31 * 86_400 * SECOND_NS  # for which a venue may have been stopped without further question
EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)  # an earlier clock has lost its battery
FILE = "clock.json"  # in the data folder, while log time is ahead of the clock by more than the tolerance
ACCEPT = "lockstep run --accept-clock"


class Accepted(Struct, frozen=True):
    """How far log time may be ahead of the clock at a start: an operator has said so, and it only gets less."""

    ahead_ns: int = 0


def journal_end_ns(data: Path) -> int | None:
    """Return the log time of the last record of a stopped venue's journal.

    None if it has none, or can't be read: what opens it says what is wrong.
    """
    journal = data / "journal"
    try:
        return _time_of(journal, end_of(journal).seq) if journal.is_dir() and segment_seqs(journal) else None
    except (JournalError, OSError, ValueError):
        return None


def _time_of(journal: Path, seq: int) -> int | None:
    """Return the log time of a record that is durable; None if the journal has none."""
    reader = JournalReader(journal, seq, seq)
    try:
        record = next(reader, None)
    finally:
        reader.close()
    return None if record is None else unpack_command(record).time_ns


def check(data: Path, now_ns: int) -> str:
    """Return why a start must not begin at this time of the wall clock, or ""."""
    return objection(journal_end_ns(data), now_ns, _accepted(data / FILE).ahead_ns)


def begin(data: Path, now_ns: int, *, accept: bool = False) -> str:
    """Check that as a start does. With `accept` an operator wants it all the same.

    How far the log is ahead then is kept for the starts to come, until the clock has caught up.
    """
    end_ns, file = journal_end_ns(data), data / FILE
    said = objection(end_ns, now_ns, _accepted(file).ahead_ns)
    ahead_ns = 0 if end_ns is None else end_ns - now_ns
    if ahead_ns <= TOLERANCE_NS:
        file.unlink(missing_ok=True)
    elif said and accept:
        atomic_file.replace_durably(file, msgspec.json.encode(Accepted(ahead_ns)))
    return "" if accept else said


def objection(end_ns: int | None, now_ns: int, accepted_ns: int = 0) -> str:
    """Return what speaks against a start now, behind a journal that ends at `end_ns`, or ""."""
    now = f"this machine's clock says {moment(now_ns)}"
    if now_ns < EARLIEST.timestamp() * SECOND_NS:
        return f"{now}, which can't be. Set it (timedatectl), then start again"
    if end_ns is None:
        return ""
    end = f"the journal's last record ({moment(end_ns)})"
    if end_ns - now_ns > max(TOLERANCE_NS, accepted_ns + TOLERANCE_NS):
        return (
            f"{now}, {span(end_ns - now_ns)} before {end}. Most likely the clock is wrong: set it (timedatectl), then "
            f"start again. If it is right, an earlier start had a wrong one: {ACCEPT} continues behind the journal's "
            "end, and log time runs at half speed until the clock has caught up"
        )
    if now_ns - end_ns > LONGEST_REST_NS:
        return (
            f"{now}, {span(now_ns - end_ns)} after {end}. If the clock is wrong, set it (timedatectl), then start "
            f"again: the log's time can't be set back. If the venue was stopped for so long: {ACCEPT}"
        )
    return ""


def long_rest(end_ns: int | None, now_ns: int) -> str:
    """Return what a start says, and can't judge, if its clock is long after the journal's end; else ""."""
    if end_ns is None or now_ns - end_ns < LONG_REST_NS:
        return ""
    return (
        f"this machine's clock says {moment(now_ns)}, {span(now_ns - end_ns)} after the journal's last record. If the "
        "venue was not stopped for so long, the clock is wrong, and log time can't be set back"
    )


def peer_offset_ns(venue: Venue) -> int | None:
    """Return how far the clock of a secondary's run is ahead of its primary's, as that said last; None: not known."""
    peer_ns = venue.board.get(Word.PEER_ANCHOR_NS)
    return venue.anchor_ns - peer_ns if peer_ns else None


def objection_to_promotion(venue: Venue) -> str:
    """Return what speaks against having this secondary lead, by its clock; "" if nothing does.

    JournalError, OSError where its log can't be read.
    """
    durable, now_ns, offset_ns = venue.board.get(Word.DURABLE_SEQ), venue.now_ns(), peer_offset_ns(venue)
    end_ns = _time_of(venue.data / "journal", durable) if durable else None
    rest_ns = now_ns - end_ns if end_ns is not None else 0
    if offset_ns is not None and abs(offset_ns) > TOLERANCE_NS:
        way = "ahead of" if offset_ns > 0 else "behind"
        said = f"{span(offset_ns)} {way} the other node's. One of the two is wrong"
    elif end_ns is not None and not -TOLERANCE_NS <= rest_ns <= LONGEST_REST_NS:
        said = f"{span(rest_ns)} {'before' if rest_ns < 0 else 'after'} its log's last record ({moment(end_ns)})"
    else:
        return ""
    return (
        f"this node's clock says {moment(now_ns)}, {said}, and the log's time can't be set back. If this clock is "
        "wrong, set it (timedatectl), stop and start this node, then repeat the command; if it is right: --accept-clock"
    )


def moment(time_ns: int) -> str:
    """Return a time as people read it, in UTC."""
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time_ns // SECOND_NS):%Y-%m-%d %H:%M:%S} UTC"


def span(time_ns: int) -> str:
    """Return a duration in its two greatest units."""
    seconds = abs(time_ns) // SECOND_NS
    days, hours, minutes = seconds // 86_400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days:,} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{abs(time_ns) / SECOND_NS:.1f} s"


class RunClock:
    """The wall clock of a supervisor's runs, each of which reads it once.

    It was right at the first run's start. Whoever sets it while the venue runs moves no later run: time goes on as
    counted by CLOCK_BOOTTIME, which nobody sets, and which counts on while the machine is suspended.
    """

    def __init__(self) -> None:
        self._first_ns: int | None = None  # what the wall clock was ahead of CLOCK_BOOTTIME

    def anchor_ns(self) -> tuple[int, int]:
        """Return what the runs' clock is ahead of the monotonic one, and how far the wall clock was set meanwhile."""
        boottime_ns, monotonic_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME), time.monotonic_ns()
        fresh_ns = time.time_ns() - boottime_ns
        if self._first_ns is None or abs(fresh_ns - self._first_ns) <= TOLERANCE_NS:
            self._first_ns = fresh_ns
        return self._first_ns + boottime_ns - monotonic_ns, fresh_ns - self._first_ns


def _accepted(file: Path) -> Accepted:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Accepted)
    except (FileNotFoundError, ValueError):
        return Accepted()
