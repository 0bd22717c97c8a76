"""`lockstep repair-journal`: mends a damaged journal from a copy of it, or lets the venue go on without what is lost.

Whole parts stay, missing ones come from the copy, and nothing is invented: `journal.repair` sees to that.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec import Struct

from lockstep.cli.errors import UsageError
from lockstep.cli.progress import Progress
from lockstep.cli.terminal import (
    DEFAULT_CONFIG,
    EXIT_OK,
    EXIT_PROBLEM,
    ConfigPath,
    Json,
    Yes,
    is_sure,
    load,
    print_json,
    say,
    stopped,
)
from lockstep.config.schema import Config
from lockstep.core.cluster import loss, set_aside
from lockstep.core.cluster.loss import Loss, LossError
from lockstep.core.journal import mark as journal_mark
from lockstep.core.journal.format import SUFFIX
from lockstep.core.journal.journal import JournalError, JournalReport, verify
from lockstep.core.journal.repair import Repaired, repair
from lockstep.core.recovery.replay import CoreReplayError
from lockstep.procs.gateway.store_reader import StoreCorrupt


class Segment(Struct, frozen=True):
    """A segment that was rebuilt: the sequences (first, last) that came from the copy, and the damaged file."""

    file: str
    taken: list[tuple[int, int]]
    kept: str


class Outcome(Struct, frozen=True):
    """`outcome`: whole (nothing was damaged), repairable (a dry run), repaired, refused, or impossible.

    With --accept-loss, whole: nothing knows of more; acceptable (a dry run), accepted. Then `loss` is what is lost,
    `set_aside` the folder of what knew more, and `to_do` what could not be done.
    """

    outcome: str
    says: str
    damage: str = ""
    segments: list[Segment] = []
    records: int = 0
    loss: Loss | None = None
    set_aside: str = ""
    to_do: list[str] = []


def repair_journal(
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    copy: Annotated[
        Path | None,
        Parameter(name="--from", help="A copy of the journal's folder, or of the data folder that it is in."),
    ] = None,
    accept_loss: Annotated[
        bool,
        Parameter(
            negative=(), help="Without a copy: continue from what the journal has, and set aside what knows more."
        ),
    ] = False,
    dry_run: Annotated[bool, Parameter(negative=(), help="Say what would be done, and change nothing.")] = False,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Repair the damaged segments of a stopped venue's journal from a copy of it: a backup, or the other node's.

    Whole batches stay as they are, records of damaged ones come from the copy, and checksums, sequences and the chained
    hash must agree, or nothing is changed. Each damaged file is kept beside the journal as damaged-….bin.

    If no copy has what others know of (the last orderly stop, snapshots, spool, gateways' stores, database), use
    --accept-loss: it says what is lost, which then never happened, whatever clients saw. What knows more is moved into
    set-aside/ in the data folder, and the database is rebuilt from the journal. If it is interrupted, run it again.

    Example: lockstep repair-journal lockstep/config/demo.toml --from /backup/journal --dry-run

    Exit codes: 0 the journal is whole, or the loss accepted; 1 it is not, or (with --dry-run) it is damaged and can be
    repaired; 2 the command line is wrong, or the venue runs.
    """
    if accept_loss == (copy is not None):
        raise UsageError("name one: --from COPY, which mends the journal, or --accept-loss, where there is no copy")
    loaded = load(config)
    data = Path(loaded.venue.data)
    if not (data / "journal").is_dir():
        raise UsageError(f"there is no journal in {data}: the venue has never run")
    with stopped(data):
        if copy is not None:
            outcome = examine(data / "journal", _journal_in(copy), dry_run=dry_run, yes=yes)
        else:
            outcome = accept(loaded, data, dry_run=dry_run, yes=yes, show=not json)
    return _tell(outcome, json=json)


def accept(config: Config, data: Path, *, dry_run: bool, yes: bool, show: bool) -> Outcome:
    """Say what is lost (if `show`), ask, and set aside the copies that know more than the journal."""
    try:
        lost = loss.examine(config, data)
        if not lost.known:
            says = f"nothing has more than the journal: it ends at record {lost.end:,}"
            return Outcome("whole", says, loss=lost)
        damage = f"{lost.file} at offset {lost.offset}: {lost.why}"
        if show:
            _print_loss(lost, damage)
        if dry_run:
            return Outcome("acceptable", f"the venue would go on from record {lost.end:,}", damage, loss=lost)
        question = f"The venue goes on from record {lost.end:,}, and nothing of this has happened. Accept the loss?"
        if not yes and not is_sure(question):
            return Outcome("refused", "not confirmed (--yes confirms): nothing was changed", damage, loss=lost)
        aside = set_aside.folder_for(data)
        with Progress("rebuilding", 0, "records") as progress:
            to_do = set_aside.accept(config, data, lost, aside, say if show else lambda _: None, progress.show)
    except (LossError, JournalError, CoreReplayError, StoreCorrupt, OSError) as error:
        return Outcome("impossible", f"the loss can't be accepted: {error}")
    says = f"accepted: the venue goes on from record {lost.end:,}; what knew more is in {aside}"
    return Outcome("accepted", says, damage, loss=lost, set_aside=str(aside), to_do=to_do)


def _print_loss(lost: Loss, damage: str) -> None:
    say(f"damaged: {damage}")
    behind = f"records {lost.end + 1:,} to {lost.last:,}" if lost.last > lost.end else "what came of its last records"
    say(f"the journal ends at record {lost.end:,}; lost: {behind}")
    for known in lost.known:
        say(f"{known.who} knows more: {known.what}")
        for line in known.says:
            say(f"  {line}")
        if known.count > len(known.says):
            say(f"  and {known.count - len(known.says):,} more")
    for line in lost.unasked:
        say(f"not asked: {line}", "red")


def examine(journal: Path, copy: Path, *, dry_run: bool, yes: bool) -> Outcome:
    """Try the repair on links to the journal's files; then carry it out, unless this is a dry run."""
    report = verify(journal)
    damage = f"{report.corrupt_file} at offset {report.corrupt_offset}: {report.corruption}"
    if report.corruption is None:
        damage = f"the journal ends at record {report.last_seq:,}"
    try:
        planned, whole = _try(journal, copy)
        if not planned:
            return Outcome("whole", f"the journal is whole: {report.records:,} records, nothing to repair",
                           records=report.records)  # fmt: skip
        if dry_run:
            return _outcome("repairable", "would take", planned, damage, whole, journal)
        question = f"{damage}. {_taken(planned)} would come from {copy}. Repair the journal?"
        if not yes and not is_sure(question):
            return Outcome("refused", "you were not sure: nothing was changed", damage)
        return _outcome("repaired", "took", repair(journal, copy), damage, verify(journal), journal)
    except (JournalError, OSError) as error:
        return Outcome("impossible", f"it can't be repaired from {copy}: {error}", damage)


def _try(journal: Path, copy: Path) -> tuple[list[Repaired], JournalReport]:
    """Repair links to the files, in a folder beside them: a repair changes no file, it puts new ones in their place."""
    with tempfile.TemporaryDirectory(dir=journal.parent, prefix="repair-") as name:
        folder = Path(name)
        for file in (*journal.glob(f"*{SUFFIX}"), *journal.glob(journal_mark.NAME)):
            os.link(file, folder / file.name)
        return repair(folder, copy), verify(folder)


def _outcome(
    outcome: str, verb: str, repaired: list[Repaired], damage: str, whole: JournalReport, journal: Path
) -> Outcome:
    segments = [Segment(str(journal / each.file.name), each.taken, str(journal / each.kept.name)) for each in repaired]
    says = f"{outcome}: {len(segments)} of {whole.segments} segments; it {verb} {_taken(repaired)} from the copy"
    return Outcome(outcome, says, damage, segments, whole.records)


def _taken(repaired: list[Repaired]) -> str:
    ranges = [f"{first:,} to {last:,}" for each in repaired for first, last in each.taken]
    return "records " + ", ".join(ranges) if ranges else "no record, headers only,"


def _journal_in(folder: Path) -> Path:
    """The journal in `folder`: itself, or the one in a data folder."""
    if not folder.is_dir():
        raise UsageError(f"--from {folder} is no folder")
    found = folder / "journal" if (folder / "journal").is_dir() else folder
    if not any(found.glob(f"*{SUFFIX}")):
        raise UsageError(f"--from {folder} has no journal in it")
    return found


def _tell(outcome: Outcome, *, json: bool) -> int:
    is_whole = outcome.outcome in ("whole", "repaired", "accepted") and not outcome.to_do
    if json:
        print_json(outcome)
        return EXIT_OK if is_whole else EXIT_PROBLEM
    if outcome.damage and outcome.loss is None:
        say(f"damaged: {outcome.damage}")
    say(outcome.says, "" if is_whole else "red")
    for segment in outcome.segments:
        where = f"; the damaged file is kept as {segment.kept}" if outcome.outcome == "repaired" else ""
        say(f"  {segment.file}{where}")
    for line in outcome.to_do:
        say(line, "red")
    if outcome.outcome == "accepted":
        say("have every client begin at 1 (ResetSeqNumFlag), and ask how its orders stand")
    return EXIT_OK if is_whole else EXIT_PROBLEM
