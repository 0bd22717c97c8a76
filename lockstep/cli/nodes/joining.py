"""Makes a stopped secondary's data from a copy that the primary sends: what it had is set aside, nothing is removed.

The copy is made whole beside what is there, in a folder of its own. From then on a file beside the role says so: a kill
behind that is gone on from, and no venue starts on what is half in its place.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from lockstep.cli.backup import pace, restoring, stream, tables
from lockstep.cli.backup.pace import Pace
from lockstep.cli.backup.repository import Point
from lockstep.cli.backup.stream import StreamError
from lockstep.cli.backup.taking import DATABASE, JOURNAL, SMALL, SPOOL
from lockstep.config.schema import Config
from lockstep.core.cluster import set_aside
from lockstep.core.files import atomic_file
from lockstep.core.journal import cut as journal_cut
from lockstep.core.journal.end import end_of
from lockstep.core.journal.journal import segment_seqs
from lockstep.core.venue import node, snapshot_parts
from lockstep.procs.batcher import database
from lockstep.procs.gateway import segments
from lockstep.procs.replicator import comparison, fetching
from lockstep.procs.replicator.certificates import Credentials
from lockstep.procs.replicator.greeting import greeting_of
from lockstep.procs.replicator.handshake import Hello, LinkError, Refusal
from lockstep.procs.replicator.transport import Dialer, show_address

STAGE = "joining"
DIAL_S = 15.0  # a replicator that has died is there again within a second or two
TRIES = 3
AGAIN = (Refusal.DAMAGED, Refusal.STALE, Refusal.OUT_OF_ORDER, Refusal.SILENT)  # another connection may do better
POSTGRES = "postgres"


class Joined(Struct):
    """A node whose log ends with record `seq`, its database's rows up to `database_seq` (None: they are made from the
    journal), and where what it had before is ("": it had nothing)."""

    seq: int
    first_seq: int
    snapshot: int
    size_bytes: int
    database_seq: int | None
    sessions: int = 0
    leap: int = 0
    set_aside: str = ""


class Pending(Struct, frozen=True):
    """A copy that is whole, in `STAGE`: what it has at its top, and where goes what was there before."""

    names: list[str]
    aside: str
    joined: Joined


def join(config: Config, data: Path, say: Callable[[str], None], show: Callable[[int], None]) -> Joined:
    """Have the node in `data`, whose folder the caller holds, begin with a copy of the one that leads. `show` is told
    how many bytes have come.

    LinkError, StreamError, JournalError, StoreCorrupt, psycopg.Error, RefusedError, UnavailableError, OSError: nothing
    has changed, or (OSError) it is gone on from when this is called again.
    """
    begun = _pending(data)
    if begun is None:
        own = _greeting(config, data)
        stage = data / STAGE
        try:
            point = _fetch(config, data, own, stage, say, show)
            begun = _prepare(config, data, stage, point)
        except BaseException:
            shutil.rmtree(stage, ignore_errors=True)
            raise
    say("the copy is whole: it takes the place of what is here")
    database.server(config, data).stop()
    _install(data, begun)
    return begun.joined


def _pending(data: Path) -> Pending | None:
    try:
        return msgspec.json.decode((node.folder_of(data) / node.JOINING).read_bytes(), type=Pending)
    except FileNotFoundError:
        return None


def _greeting(config: Config, data: Path) -> Hello:
    """Who this node is, and how far its journal goes: one that the other node lacks the end of is not to be set aside
    unseen. JournalError."""
    journal = data / JOURNAL
    if journal.is_dir() and segment_seqs(journal):
        return greeting_of(config, data, end_of(journal).seq)
    journal_id = bytes.fromhex(node.load(data).journal_id)
    return Hello(config.venue.name, config.replication.node or "", journal_id, 0, 0, 0, 0)


def _fetch(
    config: Config, data: Path, own: Hello, stage: Path, say: Callable[[str], None], show: Callable[[int], None]
) -> Point:
    """Have a copy in `stage`; begin again where it comes to grief on its way."""
    address = show_address(config.replication.peer_address, config.replication.peer_port)
    credentials = Credentials.of(node.folder_of(data))
    for left in reversed(range(TRIES)):
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir(mode=0o700)
        say(f"asking {address} for a copy of the venue")
        try:
            return stream.unpack(_counted(fetching.contents(Dialer(address, credentials), own, DIAL_S), show), stage)
        except (LinkError, StreamError) as error:
            if not left or (isinstance(error, LinkError) and error.code not in AGAIN):
                raise
            say(f"the copy has come to grief on its way ({error}): once more, from its beginning")
    raise AssertionError("the last try returns or raises")


def _counted(chunks: Iterator[bytes], show: Callable[[int], None]) -> Iterator[bytes]:
    done = 0
    for data in chunks:
        done += len(data)
        show(done)
        yield data


def _prepare(config: Config, data: Path, stage: Path, point: Point) -> Pending:
    """Make what has come into what a start takes, and write down that it is whole."""
    end = end_of(stage / JOURNAL)
    if (end.seq, end.chain) != (point.seq, point.chain):
        raise StreamError(f"its journal ends with record {end.seq:,}, and it should with {point.seq:,}, of one chain")
    journal_cut.mark(stage / JOURNAL)
    joined = Joined(point.seq, point.first_seq, point.snapshot, point.size, point.database_seq)
    joined.sessions, joined.leap = restoring.leap(stage, point.taken_ns)
    rows = stage / DATABASE
    if rows.is_dir():
        _load(config, stage, rows)
        shutil.rmtree(rows)
    (stage / f"{POSTGRES}.lock").unlink(missing_ok=True)
    restoring.sync(stage)
    aside = set_aside.folder_for(data)
    if any(_old(data)):
        joined.set_aside = str(aside)
    begun = Pending(sorted(each.name for each in stage.iterdir()), str(aside), joined)
    atomic_file.sync(data)
    atomic_file.replace_durably(node.folder_of(data) / node.JOINING, msgspec.json.encode(begun))
    return begun


def _load(config: Config, stage: Path, rows: Path) -> None:
    """Fill the database that is to be this node's: the embedded one is made in `stage`, and moves with the rest."""
    server = database.server(config, stage)
    started = server.start()
    try:
        tables.load(
            server.url, ((path.name, pace.chunks(path, path.stat().st_size, Pace())) for path in rows.iterdir())
        )
    finally:
        if started:
            server.stop()


def _old(data: Path) -> Iterator[Path]:
    """All of the node in `data` that a copy takes the place of; the journal first."""
    own = (JOURNAL, snapshot_parts.FOLDER, SPOOL, POSTGRES, *SMALL)
    found = [data / name for name in own] + [*segments.stores(data), node.folder_of(data) / comparison.FILE]
    yield from (path for path in found if path.exists())


def _install(data: Path, begun: Pending) -> None:
    """What was here goes aside, the journal first; what is new comes, the journal last. May be repeated. OSError."""
    stage, aside = data / STAGE, Path(begun.aside)
    if begun.joined.set_aside:
        aside.mkdir(parents=True, mode=0o700, exist_ok=True)
        atomic_file.sync(aside.parent)
    for path in _old(data):
        if path.name not in begun.names or (stage / path.name).exists():  # else it is the new one
            os.rename(path, aside / path.name)
            atomic_file.sync(aside)
    for name in sorted(begun.names, key=lambda name: name == JOURNAL):
        if (stage / name).exists():
            os.rename(stage / name, data / name)
            atomic_file.sync(data)
    with contextlib.suppress(FileNotFoundError):  # killed behind this line
        stage.rmdir()
    (node.folder_of(data) / node.JOINING).unlink()
    atomic_file.sync(node.folder_of(data))
