"""A database rebuilt beside the one that is there: a schema of its own is filled, then takes its place at once.

Until then the old tables stay as they are; if this is interrupted, only that schema is left, and the next run removes
it. Whatever else depends on the old tables is named before anything is done.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
from msgspec import Struct
from psycopg import sql

from lockstep.config.schema import Config
from lockstep.core.journal.journal import JournalError, JournalReader, segment_seqs, verify
from lockstep.core.recovery.replay import ReplayedCore
from lockstep.core.schema.layout import unpack_command
from lockstep.core.venue.committed import committed
from lockstep.core.venue.snapshot_parts import Start
from lockstep.core.venue.venue import attach
from lockstep.procs.batcher import database, requests
from lockstep.procs.batcher.author import Author
from lockstep.procs.batcher.backfill_writer import Filling
from lockstep.procs.batcher.database import CONNECT_TIMEOUT_S, migrate
from lockstep.procs.batcher.writer import APPLICATION, RefusedError, Session

SCHEMA = "lockstep_rebuild"
# Any two runs in one database exclude each other by this advisory lock ("lockanew" as a number).
LOCK = 0x6C6F636B616E6577
LEAVING_S = 3.0  # for the server to see that a batcher which has just ended is gone
LOOK_S = 0.05
LOCK_TIMEOUT_S = 10  # for readers of the old tables, at the swap

# Of a schema: what kind, its name as DROP and ALTER want it, and its name alone. Partitions go with their tables.
OBJECTS = """
    SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END AS kind,
           format('%%I.%%I', %(schema)s::text, relname) AS named, relname::text AS name, relispartition AS is_part
    FROM pg_class WHERE relnamespace = to_regnamespace(%(schema)s) AND relkind IN ('r', 'p', 'v', 'c')
    UNION ALL
    SELECT CASE prokind WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END,
           format('%%I.%%I(%%s)', %(schema)s::text, proname, pg_get_function_identity_arguments(oid)),
           proname::text, false
    FROM pg_proc WHERE pronamespace = to_regnamespace(%(schema)s)
"""
KINDS = ("VIEW", "TABLE", "AGGREGATE", "FUNCTION", "TYPE")  # in the order in which they can be dropped
DETACHED = """
    SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind IN ('r', 'p')
    AND relname ~ '^trades_[0-9]{8}$' AND NOT relispartition ORDER BY 1
"""
# What others have added to our tables; it goes with them.
ADDED = """
    WITH ours AS (SELECT oid, relname FROM pg_class
                  WHERE relnamespace = to_regnamespace(%(home)s) AND relname = ANY(%(names)s))
    SELECT format('trigger %%s on %%s', tgname, relname) FROM pg_trigger JOIN ours ON tgrelid = ours.oid
    WHERE NOT tgisinternal AND tgparentid = 0
    UNION ALL
    SELECT format('policy %%s on %%s', polname, relname) FROM pg_policy JOIN ours ON polrelid = ours.oid
    UNION ALL
    SELECT format('constraint %%s on %%s', conname, relname) FROM pg_constraint JOIN ours ON conrelid = ours.oid
    WHERE contype <> 'n' AND conname NOT IN (
        SELECT conname FROM pg_constraint WHERE connamespace = to_regnamespace(%(schema)s))
    UNION ALL
    SELECT format('index %%s on %%s', indexname, tablename) FROM pg_indexes WHERE schemaname = %(home)s
    AND tablename = ANY(%(names)s) AND indexname NOT IN (SELECT indexname FROM pg_indexes WHERE schemaname = %(schema)s)
    AND indexname NOT IN (SELECT conname FROM pg_constraint WHERE connamespace = to_regnamespace(%(home)s))
    ORDER BY 1
"""
# GRANT's words for what others may do with the old relations, and with columns of them.
GRANTS = """
    SELECT format('GRANT %%s ON %%I.%%I TO %%s%%s', privilege_type, %(schema)s::text, relname,
                  CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
                  CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM pg_class, aclexplode(relacl)
    WHERE relnamespace = to_regnamespace(%(home)s) AND relname = ANY(%(names)s) AND grantee <> relowner
    UNION ALL
    SELECT format('GRANT %%s (%%I) ON %%I.%%I TO %%s%%s', privilege_type, attname, %(schema)s::text, relname,
                  CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
                  CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid, aclexplode(attacl)
    WHERE relnamespace = to_regnamespace(%(home)s) AND relname = ANY(%(names)s) AND grantee <> relowner
    AND EXISTS (SELECT FROM information_schema.columns AS c WHERE c.table_schema = %(schema)s
                AND c.table_name = relname AND c.column_name = attname)
"""


class Outcome(Struct):
    """The outcome. `problem` is empty if the database is whole: it has everything up to record `complete` then.

    `lost`: what others had added to the old tables (triggers, indexes…), which the new ones don't have.
    """

    problem: str = ""
    lost: list[str] = []
    complete: int = 0
    events: int = 0
    seconds: float = 0.0


class Rebuild:
    """A schema with our tables and no rows, at `url`, until `swap` puts it in place of the old ones.

    `lost` names what others have added to the old tables, which the new ones won't have. Made by `begun`.
    """

    def __init__(self, connection: psycopg.Connection, url: str) -> None:
        self._connection = connection
        self.url = within(url, SCHEMA)
        row = connection.execute("SELECT current_schema()").fetchone()
        if row is None or row[0] is None:
            raise RefusedError("the database's user has no schema to write to (search_path)")
        self._home = str(row[0])
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        migrate(self.url)
        self._names = sorted({name for _, _, name, is_part in self._objects(SCHEMA) if not is_part})
        self.lost = [what for (what,) in connection.execute(ADDED, self._parameters)]
        self._rehearse()

    def swap(self) -> None:
        """Replace the old objects by the new schema's, all at once. RefusedError, psycopg.Error."""
        with self._connection.transaction():
            self._connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'")
            for (statement,) in self._connection.execute(GRANTS, self._parameters).fetchall():
                self._connection.execute(statement)
            self._drop()
            for kind, named, _, _ in sorted(self._objects(SCHEMA), key=lambda each: KINDS.index(each[0])):
                self._connection.execute(f"ALTER {kind} {named} SET SCHEMA {sql.Identifier(self._home).as_string()}")
            self._connection.execute(f"DROP SCHEMA {SCHEMA}")

    @property
    def _parameters(self) -> dict[str, object]:
        return {"home": self._home, "schema": SCHEMA, "names": self._names}

    def _objects(self, schema: str) -> list[tuple[str, str, str, bool]]:
        return self._connection.execute(OBJECTS, {"schema": schema}).fetchall()

    def _rehearse(self) -> None:
        """Check that the old objects can be dropped, and that the new ones' names are free then. RefusedError."""
        with self._connection.transaction(force_rollback=True):
            self._connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'")
            self._drop()
            detached = [name for (name,) in self._connection.execute(DETACHED, [self._home])]
        if detached:
            raise RefusedError(
                f"nothing was changed: {', '.join(detached)} are no partitions of trades any more, and in the way of"
                " new ones: give them other names, or another schema"
            )

    def _drop(self) -> None:
        """Drop the objects with our names. RefusedError, naming what depends on them, if something does."""
        there = self._objects(self._home)
        for wanted in KINDS:
            named = [
                each for kind, each, name, is_part in there if kind == wanted and name in self._names and not is_part
            ]
            if not named:
                continue
            try:
                with self._connection.transaction():
                    self._connection.execute(f"DROP {wanted} {', '.join(named)} RESTRICT")
            except psycopg.errors.DependentObjectsStillExist as error:
                who = (error.diag.message_detail or str(error)).replace("\n", "; ")
                raise RefusedError(
                    f"nothing was changed: others depend on the database's tables ({who}). Drop them first, and make"
                    " them again afterwards; or fill another database (--into URL)"
                ) from error


def remake(
    config: Config, data: Path, outcome: Outcome, show: Callable[[int, int], None], *, replace: bool = False
) -> None:
    """Rebuild the stopped venue's own database from the journal in `data`, whose folder the caller holds. As `make`."""
    server = database.server(config, data)
    started = False
    try:
        last_seq(data)
        started = server.start()
        make(config, data, server.url, outcome, show, replace=replace)
        # The database has everything in it, and it may belong to a journal that is gone.
        shutil.rmtree(data / "spool", ignore_errors=True)
    finally:
        if started:
            server.stop()


def make(
    config: Config, data: Path, url: str, outcome: Outcome, show: Callable[[int, int], None], *, replace: bool = False
) -> None:
    """Rebuild the database at `url` from the journal in `data`, and note the result in `outcome`. `show` is told how
    many records are done, and of how many.

    OtherVersionError, JournalError, CoreReplayError, RefusedError, UnavailableError, psycopg.Error.
    """
    begun_s = time.monotonic()
    last, born_ns = last_seq(data), _born_ns(data)
    with begun(url, born_ns, replace=replace) as made:
        outcome.lost = made.lost
        session = Session(made.url, Author(), born_ns, requests.records_of(data / "journal"))
        try:
            filling = Filling(ReplayedCore(config, data, Start.genesis(), last), session, config.database.batch_rows)
            filling.run(lambda done: show(done, last))
            filling.complete()
        finally:
            session.close()
        if session.complete_seq < last or session.has_refused:
            raise RefusedError("not every row was taken: what was there stays")
        made.swap()
    outcome.complete, outcome.events = session.complete_seq, filling.events
    outcome.seconds = round(time.monotonic() - begun_s, 3)


def last_seq(data: Path) -> int:
    """The last record that belongs into the database. JournalError if the journal is damaged, or not whole."""
    journal = data / "journal"
    seqs = segment_seqs(journal)
    if not seqs:
        raise JournalError(f"there is no journal in {data}")
    if seqs[0] != 1:
        raise JournalError(
            f"the journal begins with record {seqs[0]}: the database can be rebuilt from record 1 only. Put the earlier"
            " segments back, or restore a backup of the database; the venue brings that up to date by itself"
        )
    if running := attach(data):
        return committed(running)
    report = verify(journal)
    if report.corruption:
        raise JournalError(f"{report.corruption} ({report.corrupt_file}, offset {report.corrupt_offset})")
    return report.last_seq


def _born_ns(data: Path) -> int:
    reader = JournalReader(data / "journal", 1, 1)
    try:
        return unpack_command(next(reader)).time_ns
    finally:
        reader.close()


@contextmanager
def begun(url: str, born_ns: int, *, replace: bool) -> Iterator[Rebuild]:
    """A new schema for the rows of the journal that was born then. It is removed unless it is swapped in.

    RefusedError if the database is not to be rebuilt: somebody writes to it, it has rows of another journal (that
    is ignored with `replace`), or others depend on its tables. psycopg.Error.
    """
    with psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as connection:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()
        if row is None or not row[0]:
            raise RefusedError("another lockstep rebuild-db is rebuilding it")
        _check(connection, born_ns, replace=replace)
        try:
            yield Rebuild(connection, url)
        finally:
            if not connection.broken:
                connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


def _check(connection: psycopg.Connection, born_ns: int, *, replace: bool) -> None:
    deadline_s = time.monotonic() + LEAVING_S
    while _has_batcher(connection):
        if time.monotonic() > deadline_s:
            raise RefusedError("a batcher is connected to the database")
        time.sleep(LOOK_S)  # the server tells nobody
    if replace or connection.execute("SELECT FROM pg_class WHERE oid = to_regclass('writer')").rowcount == 0:
        return
    row = connection.execute("SELECT journal_born_ns FROM writer").fetchone()
    if row is not None and row[0] not in (0, born_ns):
        raise RefusedError("the database has rows of another journal, which would be lost")


def _has_batcher(connection: psycopg.Connection) -> bool:
    found = connection.execute(
        "SELECT FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()", [APPLICATION]
    )
    return found.rowcount > 0


def within(url: str, schema: str) -> str:
    """The URL of the same database, where names are looked up in one schema, and made there."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    query["options"] = f"{query.get('options', '')} -csearch_path={schema}".strip()
    return urlunsplit(parts._replace(query=urlencode(query)))
