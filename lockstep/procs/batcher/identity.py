"""Schema `identity` (people's sessions and profiles), which PostgreSQL alone has, on both nodes: logical replication
between their embedded servers. The node that leads publishes the schema, and the other subscribes to it.

It decides no role, and makes no table: both nodes' tables are made alike before rows are in them. Each call may be
repeated, and goes on where one before it was interrupted.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from lockstep.core.venue.database_url import NAME
from lockstep.procs.batcher import csv
from lockstep.procs.batcher.database import CONNECT_TIMEOUT_S, IDENTITY

SCHEMA = "identity"
NAMED = sql.Identifier(IDENTITY)  # role, publication and subscription
SHOWN_LOG_BYTES = 65_536
ERROR_LINES = 4  # message, detail and what follows it
LOOK_S = 0.05

PREPARE = """
    CREATE SCHEMA IF NOT EXISTS identity;
    GRANT USAGE ON SCHEMA identity TO lockstep_identity;
    GRANT SELECT ON ALL TABLES IN SCHEMA identity TO lockstep_identity;
    ALTER DEFAULT PRIVILEGES IN SCHEMA identity GRANT SELECT ON TABLES TO lockstep_identity;
"""
TABLES = (
    "SELECT oid, relname FROM pg_class WHERE relnamespace = to_regnamespace('identity') AND relkind = 'r' ORDER BY 2"
)
HAS_ROLE = "SELECT FROM pg_roles WHERE rolname = 'lockstep_identity'"
HAS_PUBLICATION = "SELECT FROM pg_publication WHERE pubname = 'lockstep_identity'"
SUBSCRIPTION = """
    SELECT EXISTS (SELECT FROM pg_subscription_rel WHERE srsubid = s.oid AND srsubstate NOT IN ('r', 's')),
           EXISTS (SELECT FROM pg_stat_subscription AS t
                   WHERE t.subid = s.oid AND t.pid IS NOT NULL AND t.latest_end_lsn IS NOT NULL)
    FROM pg_subscription AS s
    WHERE subname = 'lockstep_identity' AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
# Numbers that a table gives by itself are not replicated: behind those that have come, before new ones are given.
OWNED_SEQUENCES = """
    SELECT pg_get_serial_sequence(attrelid::regclass::text, attname), attrelid::regclass::text, attname
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = to_regnamespace('identity') AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
    AND pg_get_serial_sequence(attrelid::regclass::text, attname) IS NOT NULL
"""
# Lines of a server's log.
WORKER = re.compile(r'\[(\d+)\] LOG: .*worker for subscription "lockstep_identity".* has started')
CONFLICT = re.compile(r'^conflict detected on relation "([^"]+)"')
KEY = re.compile(r"Key (\(.*?\)=\(.*?\))[.;]")
# What a server says that kept its log for as long as it may, or lost what it knew of a subscriber. A connection that is
# cut while the copy of a table ends may leave the subscriber with a slot that is gone: it would ask for it for ever.
GONE = re.compile(r'can no longer |replication slot "(?:lockstep_identity|pg_\d+_sync_\d+_\d+)" does not exist')
LOST = "LOST"  # a problem that `follow` mends, with `again`
# What subscribers of before have left, which would keep the server's log for ever.
STALE_SLOTS = """
    SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
    WHERE database = current_database() AND NOT active
    AND (slot_name = 'lockstep_identity' OR slot_name ~ '^pg_[0-9]+_sync_[0-9]+_[0-9]+$')
"""
HAS_SLOT = "SELECT FROM pg_replication_slots WHERE slot_name = 'lockstep_identity'"
END_SENDER = """
    SELECT pg_terminate_backend(active_pid, 1000) FROM pg_replication_slots
    WHERE slot_name = 'lockstep_identity' AND active_pid IS NOT NULL
"""
CLEARING_S = 10.0


class IdentityError(Exception):
    """The message begins with a stable code, and says what to do."""


class State(NamedTuple):
    """`role`: "leads", "follows" or "apart". `problem`: why nothing comes, "" if it does. `is_copied`: a follower has
    had all rows of the other node once."""

    role: str
    problem: str = ""
    is_copied: bool = True


def address(port: int, password: str) -> str:
    """What a server that follows calls the other one by, at a port of this host."""
    return f"host=127.0.0.1 port={port} dbname={NAME} user={IDENTITY} password={password} connect_timeout=5"


def prepare(url: str, password: str) -> None:
    """Have the schema, and the role by which the other node's server comes. IdentityError, psycopg.Error."""
    with _connected(url) as connection:
        level = connection.execute("SHOW wal_level").fetchone()
        if level != ("logical",):
            raise IdentityError(
                "NOT_SHIPPING: this node's PostgreSQL was started before replication.node was set: restart the venue"
            )
        verb = "ALTER" if connection.execute(HAS_ROLE).rowcount else "CREATE"
        role = sql.SQL("{} ROLE {} LOGIN REPLICATION PASSWORD {}")
        connection.execute(role.format(sql.SQL(verb), NAMED, sql.Literal(password)))
        connection.execute(PREPARE)


def lead(url: str) -> list[str]:
    """Publish the schema, and follow no more. Returns the tables that had not been copied from the other node.

    It needs no other node. psycopg.Error.
    """
    with _connected(url) as connection, connection.transaction():
        missing = []
        if (found := connection.execute(SUBSCRIPTION).fetchone()) is not None:
            missing = _not_copied(connection) if found[0] else []
            _unsubscribe(connection)
        for sequence, table, column in connection.execute(OWNED_SEQUENCES).fetchall():
            connection.execute(
                sql.SQL("SELECT setval({}, greatest(max({}), 1), max({}) IS NOT NULL) FROM {}").format(
                    sql.Literal(sequence), sql.Identifier(column), sql.Identifier(column), sql.SQL(table)
                )
            )
        if not connection.execute(HAS_PUBLICATION).rowcount:
            connection.execute(sql.SQL("CREATE PUBLICATION {} FOR TABLES IN SCHEMA identity").format(NAMED))
        return missing


def follow(url: str, peer: str, aside: Path, *, again: bool = False) -> None:
    """Have what the server at `peer` (see `address`) publishes, from now on.

    The rows of a node that led before give way to the other's: they are in `aside` then, a CSV file for each table. So
    do those of one that follows, with `again`. Of any other node they are refused. IdentityError, psycopg.Error.
    """
    with _connected(url) as connection:
        _check_peer(connection, peer)
        found = connection.execute(SUBSCRIPTION).fetchone()
        if found is not None and not again:
            _go_on(connection, peer)
            return
        led = bool(connection.execute(HAS_PUBLICATION).rowcount)
        filled = _filled(connection)
        if filled and not (led or again):
            raise IdentityError(
                f"ROWS_THERE: {', '.join(filled)}: this node has rows of its own, which those of the other would"
                " meet. Move them to the node that leads, or remove them here, and do this again"
            )
        _keep_aside(connection, filled, aside)
        with connection.transaction():
            if found is not None:
                _unsubscribe(connection)
            if filled:
                connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.SQL(", ").join(map(sql.SQL, filled))))
            connection.execute(sql.SQL("DROP PUBLICATION IF EXISTS {}").format(NAMED))
        connection.execute(STALE_SLOTS)
        _clear(peer)
        _subscribe(connection, peer)


def state(url: str, log: Path | None = None) -> State:
    """What this node's server does; `log` is its log, which says why nothing comes. psycopg.Error."""
    with _connected(url) as connection:
        found = connection.execute(SUBSCRIPTION).fetchone()
        if found is None:
            return State("leads" if connection.execute(HAS_PUBLICATION).rowcount else "apart")
        is_copying, is_connected = found
        problem = _trouble(log) if is_copying or not is_connected else ""
        if not problem and not is_connected:
            problem = "AWAY: the other node does not answer; it is tried again"
        return State("follows", problem, not is_copying)


def await_shipped(url: str, timeout_s: float) -> bool:
    """Whether the follower comes to have all that this server, which leads, has now. psycopg.Error."""
    deadline = time.monotonic() + timeout_s
    shipped = "SELECT confirmed_flush_lsn >= %s::pg_lsn FROM pg_replication_slots WHERE slot_name = %s AND active"
    with _connected(url) as connection:
        end = connection.execute("SELECT pg_current_wal_lsn()::text").fetchone()
        assert end is not None
        while connection.execute(shipped, [end[0], IDENTITY]).fetchone() != (True,):
            if time.monotonic() >= deadline:
                return False
            time.sleep(LOOK_S)  # the server tells nobody of it
        return True


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as connection:
        yield connection


def _check_peer(connection: psycopg.Connection[Any], peer: str) -> None:
    """IdentityError unless the other server answers, leads, and is another one."""
    who = "SELECT system_identifier FROM pg_control_system()"
    try:
        with _connected(peer) as other:
            if other.execute(SUBSCRIPTION).rowcount:
                raise IdentityError("BOTH_FOLLOW: the other node follows as well: promote it first (lockstep failover)")
            if not other.execute(HAS_PUBLICATION).rowcount:
                raise IdentityError("NOT_LEADING: the other node publishes nothing yet: it has to lead first")
            if other.execute(who).fetchone() == connection.execute(who).fetchone():
                raise IdentityError("SAME_NODE: replication.peer_database_port leads to this node's own PostgreSQL")
    except psycopg.OperationalError as error:
        reason = " ".join(str(error).split())
        raise IdentityError(f"AWAY: the other node's PostgreSQL does not answer: {reason}") from error


def _go_on(connection: psycopg.Connection[Any], peer: str) -> None:
    """Follow as before, with what has changed since: where the other node is, and its tables."""
    connection.execute(sql.SQL("ALTER SUBSCRIPTION {} CONNECTION {}").format(NAMED, sql.Literal(peer)))
    connection.execute(sql.SQL("ALTER SUBSCRIPTION {} REFRESH PUBLICATION").format(NAMED))


def _clear(peer: str) -> None:
    """Have the other server keep nothing more for what this one followed by before. IdentityError."""
    deadline = time.monotonic() + CLEARING_S
    with _connected(peer) as other:
        while other.execute(HAS_SLOT).rowcount:
            if time.monotonic() >= deadline:
                raise IdentityError("AWAY: the other node's PostgreSQL still serves an old connection: try again")
            other.execute(END_SENDER)
            other.execute(STALE_SLOTS)


def _subscribe(connection: psycopg.Connection[Any], peer: str) -> None:
    statement = sql.SQL("CREATE SUBSCRIPTION {name} CONNECTION {peer} PUBLICATION {name} WITH (origin = none)")
    try:
        connection.execute(statement.format(name=NAMED, peer=sql.Literal(peer)))
    except psycopg.errors.UndefinedTable as error:
        reason = (error.diag.message_primary or str(error)).strip()
        raise IdentityError(f"TABLES_DIFFER: {reason} on this node: both need the same version of Lockstep") from error


def _unsubscribe(connection: psycopg.Connection[Any]) -> None:
    """Without asking the other node, which may be gone: it drops what it keeps for this one when it follows."""
    for what in (
        "ALTER SUBSCRIPTION {} DISABLE",
        "ALTER SUBSCRIPTION {} SET (slot_name = NONE)",
        "DROP SUBSCRIPTION {}",
    ):
        connection.execute(sql.SQL(what).format(NAMED))


def _not_copied(connection: psycopg.Connection[Any]) -> list[str]:
    query = "SELECT srrelid::regclass::text FROM pg_subscription_rel WHERE srsubstate NOT IN ('r', 's') ORDER BY 1"
    return [name for (name,) in connection.execute(query)]


def _filled(connection: psycopg.Connection[Any]) -> list[str]:
    """The tables of the schema that have rows, as statements name them."""
    names = [sql.Identifier(SCHEMA, name) for _, name in connection.execute(TABLES).fetchall()]
    has_rows = sql.SQL("SELECT FROM {} LIMIT 1")
    return [name.as_string() for name in names if connection.execute(has_rows.format(name)).rowcount]


def _keep_aside(connection: psycopg.Connection[Any], tables: list[str], aside: Path) -> None:
    if tables:
        aside.mkdir(parents=True, exist_ok=True, mode=0o700)
    for table in tables:
        name = table.replace('"', "").replace("/", "_")
        with (aside / f"{name}.csv").open("wb") as file:
            file.writelines(csv.parts_of(connection, sql.SQL("SELECT * FROM {}").format(sql.SQL(table))))


def _trouble(log: Path | None) -> str:
    """What the last worker of the subscription wrote into the server's log before it ended; "" if it has not ended."""
    lines: list[str] = []
    if log is not None and log.exists():
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - SHOWN_LOG_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    workers = [match[1] for line in lines if (match := WORKER.search(line))]
    last = f"[{workers[-1]}] ERROR:" if workers else "\0"
    at = next((i for i, line in enumerate(lines) if last in line), len(lines))
    said = [line.partition("ERROR:")[2].strip() or line for line in lines[at : at + ERROR_LINES]]
    if match := CONFLICT.search(said[0] if said else ""):
        # The row itself may be secret: its key is enough to find it.
        key = next((found[1] for line in said if (found := KEY.search(line))), "of the same key")
        return (
            f"CONFLICT: {match[1]}: the row {key} is on this node already, and not by the other: remove it here;"
            " nothing comes until then"
        )
    if said and GONE.search(said[0]):
        return f"{LOST}: what this node has to get is gone from the other one ({said[0]}): all is copied again"
    return f"AWAY: {said[0]}; it is tried again" if said else ""
