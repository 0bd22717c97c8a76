"""`lockstep backup` and `lockstep restore`: a venue's copies in a folder, and a venue from a copy.

They report the outcome to a person or a program; their neighbours know what a backup has and how it is put back.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import psycopg
from cyclopts import Parameter
from msgspec import Struct

from lockstep.cli.backup import pace, proving, restoring
from lockstep.cli.backup.pace import Pace
from lockstep.cli.backup.proving import Proof
from lockstep.cli.backup.repository import POINTS, Repository, RepositoryError
from lockstep.cli.backup.restoring import Restored
from lockstep.cli.backup.taking import JOURNAL, Taking
from lockstep.cli.errors import UsageError
from lockstep.cli.progress import Progress
from lockstep.cli.rights import act_as_owner
from lockstep.cli.terminal import (
    DEFAULT_CONFIG,
    EXIT_OK,
    EXIT_PROBLEM,
    ConfigPath,
    Json,
    console,
    fail,
    load,
    print_json,
)
from lockstep.core.journal.format import JournalError
from lockstep.procs.batcher.database import UnavailableError
from lockstep.procs.batcher.writer import RefusedError
from lockstep.procs.gateway.store_reader import StoreCorrupt
from lockstep.shm.segment import RoleTakenError

MEGA = 10**6
Folder = Annotated[Path, Parameter(help="The folder that the backups are in.")]
Rate = Annotated[float, Parameter(help="Read at most this many MB a second, and give way to all others; 0: no bound.")]


class Outcome(Struct):
    """A backup: where its log ends, what it has, and how much of that was new in the folder."""

    seq: int
    point: str
    files: int
    size_bytes: int
    added_bytes: int
    snapshot: int
    first_seq: int
    database_seq: int | None
    kept: int
    seconds: float


def backup(
    folder: Folder,
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    verify: Annotated[
        bool, Parameter(negative=(), help="Prove the backups in the folder instead of making one.")
    ] = False,
    keep: Annotated[int, Parameter(help="Keep this many backups, the newest; 0: keep all.")] = 0,
    rate: Rate = 40.0,
    json: Json = False,
) -> int:
    """Back up a venue, running or stopped, into a folder: its journal, newest snapshot, FIX session stores, and what
    only its database has. Files already in the folder are not copied again, and each backup is complete.

    With --verify: check every file, then replay the newest backup from its oldest snapshot, and compare states.

    Examples: lockstep backup /backup/venue lockstep/config/demo.toml; lockstep backup /backup/venue --verify

    Exit codes: 0 the backup is made, or all is well; 1 it is not, and earlier backups are unchanged; 2 the command line
    or the configuration is wrong, or the folder belongs to another venue.
    """
    _check(rate)
    if keep < 0:
        raise UsageError("--keep is 0 or more")
    if verify:
        return _verify(folder, rate, json=json)
    loaded = load(config)
    data = Path(loaded.venue.data)
    if not any((data / JOURNAL).glob("*.journal")):
        raise UsageError(f"there is no journal in {data}: the venue has never run")
    where, own = folder.resolve(), data.resolve()
    if own in where.parents or where in (own, *own.parents):
        raise UsageError(f"{folder} and {data} are in each other: name another folder, best on another disk")
    begun_s = time.monotonic()
    repository = Repository(folder)
    if rate:
        pace.give_way()
    try:
        lock = repository.lock()
        try:
            with Progress("backing up", 0, "bytes") as progress:
                point = Taking(loaded, repository, Pace(int(rate * MEGA), progress.show)).take()
            path = repository.publish(point)
            kept = repository.prune(keep)
        finally:
            lock.release()
    except RoleTakenError as error:
        raise UsageError(f"another backup is being made: {error}") from None
    except RepositoryError as error:
        raise UsageError(str(error)) from None
    except (JournalError, OSError, EOFError, psycopg.Error, UnavailableError) as error:
        reason = f"no backup was made, those from before are what they were: {str(error).strip()}"
        return fail(reason, json=json)
    outcome = Outcome(
        point.seq, str(path), len(point.files), point.size, repository.added, point.snapshot, point.first_seq,
        point.database_seq, kept, round(time.monotonic() - begun_s, 3),
    )  # fmt: skip
    print_json(outcome) if json else _print_outcome(outcome)
    return EXIT_OK


def restore(
    folder: Folder,
    *,
    to: Annotated[Path, Parameter(help="The data folder to make: new or empty.")],
    at_seq: Annotated[
        int | None, Parameter(help="Go back to this record of the log; everything after it is lost.")
    ] = None,
    database: Annotated[str, Parameter(help="The URL of an empty database for the rows, if the backup has any.")] = "",
    rate: Rate = 0.0,
    json: Json = False,
) -> int:
    """Make a data folder from the newest backup, or as of an earlier record of the log.

    The folder gets a configuration, venue.toml, with hashes in place of passwords: start the venue with that, or with
    your own file after changing its venue.data. Never run it beside the original venue for the same clients.

    Example: lockstep restore /backup/venue --to /srv/lockstep

    Exit codes: 0 it is done; 1 it is not, and the folder is as it was; 2 the command line is wrong.
    """
    _check(rate)
    if rate:
        pace.give_way()
    repository = Repository(folder)
    to = to.resolve()
    if not (folder / POINTS).is_dir():
        raise UsageError(f"{folder} has no backups in it")
    begun_s = time.monotonic()
    try:
        to.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (to / restoring.STAGE).exists():
            raise UsageError(f"{to} is what an interrupted restore has left: remove it, then restore again")
        if any(to.iterdir()):
            raise UsageError(f"{to} is not empty: name a folder that is not there yet")
        chosen = restoring.plan(repository.points(), at_seq)
        with Progress("restoring", sum(file.size for file in chosen.files()), "bytes") as progress:
            done = restoring.restore(repository, chosen, to, database, Pace(int(rate * MEGA), progress.show))
    except (
        RepositoryError, JournalError, StoreCorrupt, OSError, psycopg.Error, RefusedError, UnavailableError
    ) as error:  # fmt: skip
        return fail(f"nothing was restored: {str(error).strip()}", json=json)
    done.seconds = round(time.monotonic() - begun_s, 3)
    print_json(done) if json else _print_restored(done)
    return EXIT_OK


def _check(rate: float) -> None:
    if not 0 <= rate < MEGA:  # nor nan
        raise UsageError(f"--rate is 0 or more MB, and less than {MEGA:,}")


def _verify(folder: Path, rate: float, *, json: bool) -> int:
    repository, found = Repository(folder), Proof([])
    if not (folder / POINTS).is_dir():
        raise UsageError(f"{folder} has no backups in it")
    act_as_owner(folder)  # a proof works in it, too: root must leave nothing there that its owner can't open
    if rate:
        pace.give_way()
    try:
        points = repository.points()
        if not points:
            raise UsageError(f"{folder} has no backups in it")
        total = sum({file.sha256: file.size for point in points for file in point.files}.values())
        with Progress("checking", total, "bytes") as progress:
            proving.check_files(repository, points, found, Pace(int(rate * MEGA), progress.show))
        # Those that were removed meanwhile need no proof.
        points = [point for point in repository.points() if point in points]
        if not found.problems and points:
            with Progress("replaying", points[-1].seq, "records") as progress:
                proving.replay(repository, points, found, progress.show)
    except (RepositoryError, OSError) as error:
        found.problems.append(str(error))
    print_json(found) if json else _print_proof(found)
    return EXIT_PROBLEM if found.problems else EXIT_OK


def _print_outcome(outcome: Outcome) -> None:
    out = console()
    out.print(
        f"backup {outcome.seq:,}: {outcome.files:,} files, {outcome.size_bytes:,} bytes, {outcome.added_bytes:,} of "
        f"them new, in {outcome.seconds:,.1f} s: {outcome.point}", soft_wrap=True, markup=False
    )  # fmt: skip
    if outcome.database_seq is not None:
        out.print(f"the journal begins with {outcome.first_seq:,}: the database's rows up to record "
                  f"{outcome.database_seq:,} are in it", soft_wrap=True)  # fmt: skip
    proof = f"lockstep backup {Path(outcome.point).parents[1]} --verify"
    out.print(f"backups there: {outcome.kept}; `{proof}` proves them", soft_wrap=True, markup=False)


def _print_restored(done: Restored) -> None:
    out = console()
    out.print(f"restored {done.data} up to record {done.seq:,}, of the backup of {done.taken} UTC: {done.size_bytes:,} "
              f"bytes in {done.seconds:,.1f} s", soft_wrap=True, markup=False)  # fmt: skip
    if done.seq < done.lost_seq:
        out.print(f"records {done.seq + 1:,} to {done.lost_seq:,} are lost, although clients may have seen them")
    out.print(f"database: {done.database}", soft_wrap=True, markup=False)
    out.print(f"sessions: {done.sessions} go on {done.leap:,} numbers later; a client that was sent more since begins "
              "at 1 (ResetSeqNumFlag)", soft_wrap=True)  # fmt: skip
    out.print(f"start it: lockstep run {done.config}", soft_wrap=True, markup=False)


def _print_proof(found: Proof) -> None:
    out = console()
    out.print(f"files     {found.files:,} of {found.backups} backups, {found.size_bytes:,} bytes")
    if found.seq:
        out.print(
            f"journal   replayed from {found.replayed_from:,} to {found.seq:,}, {found.orders_resting:,} orders rest"
        )
    for seq in found.compared:
        out.print(f"snapshot  {seq:,}: as the journal says")
    for problem in found.problems:
        out.print(problem, style="red", markup=False, soft_wrap=True)
    out.print("verified: all is well" if not found.problems else f"{len(found.problems)} problems")
