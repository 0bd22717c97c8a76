"""Sets aside what knows of more than the journal has, so that a venue goes on from that; nothing is removed for good.

Each step leaves a venue that either refuses to start, or may start: whatever interrupts them, they are taken again, by
what is there then. What was there is below `set-aside` in the data folder, in a folder named after the time.
"""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from msgspec import structs
from psycopg import sql

from lockstep.config.schema import Config
from lockstep.core.cluster import loss
from lockstep.core.cluster.loss import Loss
from lockstep.core.cluster.steps import Say, Show
from lockstep.core.files import atomic_file
from lockstep.core.journal import mark as journal_mark
from lockstep.core.journal.journal import JournalError
from lockstep.core.recovery import retained_definitions
from lockstep.core.recovery.replay import CoreReplayError
from lockstep.core.venue import voided_commands
from lockstep.core.venue.snapshot_parts import folder_of
from lockstep.procs.batcher import csv, database, extent, position, rebuild, writer
from lockstep.procs.gateway import segments, seq_num_file, starts, store_reader

FOLDER = "set-aside"
LOST_BOOT = b"a loss was accepted"  # in place of the host's boot: what was reserved counts as given


def folder_for(data: Path) -> Path:
    """A folder for what is set aside now, named after the time; it is made by the first step."""
    return data / FOLDER / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S.%fZ}"


def accept(config: Config, data: Path, lost: Loss, aside: Path, say: Say, show: Show) -> list[str]:
    """Set aside in `aside` what of the stopped venue in `data`, whose folder the caller holds, knows of more than
    `lost` has as the journal's end. Returns what is left to do by hand. `say` is told each step, and `show` how many
    records are in a database that is rebuilt, and of how many. OSError, StoreCorrupt.
    """
    aside.mkdir(parents=True, mode=0o700)
    atomic_file.sync(aside.parent)
    if loss.objecting_mark(data) is not None:
        _move(data / "journal" / journal_mark.NAME, aside, say)
    for seq in loss.snapshots_behind(data, lost.end):
        _move(folder_of(data, seq), aside, say)
    _forget_voids(data, lost.end, aside, say)
    _forget_definitions(data, lost.end, aside, say)
    if extent.known_seq(data / "spool") > lost.end:
        _move(data / "spool", aside, say)
    for store in segments.stores(data):
        cut = loss.cut_of(store, lost.numbers)
        if cut is not None:
            _cut_store(store, cut, aside, say)
    return _remake_database(config, data, lost.end, aside, say, show)


def _move(path: Path, aside: Path, say: Say) -> None:
    os.rename(path, aside / path.name)
    atomic_file.sync(aside)
    atomic_file.sync(path.parent)
    say(f"{path} is in {aside}")


def _keep(path: Path, aside: Path) -> None:
    """Have `aside` hold a file, too, that is about to be replaced."""
    os.link(path, aside / path.name)
    atomic_file.sync(aside)


def _forget_voids(data: Path, seq: int, aside: Path, say: Say) -> None:
    """What was voided behind the end is another command now."""
    done = voided_commands.load(data)
    kept = {command: shown for command, shown in done.commands.items() if command <= seq}
    if kept != done.commands:
        _keep(data / voided_commands.FILE, aside)
        voided_commands.save(data, structs.replace(done, commands=kept))
        say(f"{data / voided_commands.FILE} names records up to {seq:,} only")


def _forget_definitions(data: Path, seq: int, aside: Path, say: Say) -> None:
    if retained_definitions.kept(data)[0] > seq:
        _keep(data / retained_definitions.FILE, aside)
        retained_definitions.forget_behind(data, seq)
        say(f"{data / retained_definitions.FILE} has records up to {seq:,} only")


def _cut_store(store: Path, cut: int, aside: Path, say: Say) -> None:
    """End a message store at `cut`, with all of it in `aside`; its sessions' numbers go on behind what was given.

    Numbers first: once nothing of the store is behind the journal, it is not looked at again. Then the last segment
    first, so that what is there is the beginning of a store at any time.
    """
    (aside / store.name).mkdir(mode=0o700)
    for path in store.iterdir():
        (os.link if path.suffix == ".fix" else shutil.copy2)(path, aside / store.name / path.name)
    atomic_file.sync(aside / store.name)
    atomic_file.sync(aside)
    if (store / seq_num_file.NAME).exists():
        seq_num_file.write(store, LOST_BOOT, seq_num_file.read(store)[1])
    bases = segments.bases(store)[::-1]
    for base in bases:
        if base + segments.HEADER_SIZE <= cut:
            atomic_file.replace_durably(store_reader.path_of(store, base), _beginning(store, base, cut))
            break
        starts.path_of(store, base).unlink(missing_ok=True)
        store_reader.path_of(store, base).unlink()
        atomic_file.sync(store)
    say(f"{store} ends at {cut:,}; all of it is in {aside / store.name}")


def _beginning(store: Path, base: int, cut: int) -> bytes:
    """A segment up to `cut`, as another boot's: the next one begins a segment, so no entry has an old one's place."""
    with store_reader.path_of(store, base).open("rb") as segment:
        data = bytearray(segment.read(cut - base))
    data[segments.BOOT] = LOST_BOOT.ljust(segments.BOOT.stop - segments.BOOT.start, b"\0")
    return bytes(data)


def _remake_database(config: Config, data: Path, seq: int, aside: Path, say: Say, show: Show) -> list[str]:
    """Rebuild the database if it knows more, saving the lost records' rows as CSV files; return what is left to do."""
    outcome = rebuild.Outcome()
    try:
        with database.started(config) as url:
            with psycopg.connect(url, connect_timeout=database.CONNECT_TIMEOUT_S) as asked:
                at = position.position(asked)
                if position.is_foreign(at, data / "journal", seq) or not position.objection(at, data / "journal", seq):
                    return []
                _export(asked, seq, aside / "database")
            rebuild.remake(config, data, outcome, show)
    except (psycopg.Error, database.UnavailableError) as error:
        reason = str(error).strip()
        return [f"the database does not answer ({reason}): if it has more, run `lockstep rebuild-db`"]
    except (JournalError, CoreReplayError, writer.RefusedError) as error:
        return [f"the database has more than the journal, and can't be rebuilt: {error}"]
    say(f"the database is rebuilt up to record {outcome.complete:,}; rows after {seq:,} are in {aside / 'database'}")
    return []


def _export(asked: psycopg.Connection[tuple[object, ...]], seq: int, folder: Path) -> None:
    """Write what the tables have of records behind `seq` into a file each, synced."""
    folder.mkdir(mode=0o700)
    for table in loss.KEYS:
        query = sql.SQL("SELECT * FROM {} WHERE seq > {}").format(sql.Identifier(table), sql.Literal(seq))
        with (folder / f"{table}.csv").open("wb") as written:
            written.writelines(csv.parts_of(asked, query))
            written.flush()
            os.fsync(written.fileno())
    atomic_file.sync(folder)
