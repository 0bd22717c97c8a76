"""`lockstep check`: what a start with a configuration would find, and what it would change.

It checks the file against the machine, the database and the venue's own log, and starts nothing.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from msgspec import Struct

from lockstep.cli import differences
from lockstep.cli.doctor import Check, log_clock, show
from lockstep.cli.show import look
from lockstep.cli.state import current
from lockstep.cli.terminal import DEFAULT_CONFIG, EXIT_OK, EXIT_PROBLEM, ConfigPath, Json, console, load, print_json
from lockstep.config.errors import ConfigError
from lockstep.config.schema import Config
from lockstep.core.edge.listening import AddressError, tls_context
from lockstep.core.journal.end import end_of
from lockstep.core.journal.journal import JournalError, segment_seqs, verify
from lockstep.core.operations.formatting import Names, of_command
from lockstep.core.recovery.replay import CoreReplayError, ReplayedCore
from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import Code, Command, CommandType, Epoch
from lockstep.core.venue import first_journal, homes, node, venue_key
from lockstep.procs.batcher import database, position
from lockstep.procs.batcher.remedy import remedy
from lockstep.procs.replicator.certificates import CertificateError, Credentials
from lockstep.procs.router.config_records import GenesisError
from lockstep.shm.segment import RoleLock


class Report(Struct, frozen=True):
    """`checks` are what a start meets; `changes` what it would add to the log, in words, in the log's order."""

    checks: list[Check]
    changes: list[str]


def check(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Check a configuration against this machine and the venue's own log: say what a start with it would change.

    It starts nothing. While the venue runs, it describes the next start. lockstep doctor checks the machine itself.

    Exit codes: 0 a start would succeed; 1 something stands in its way; 2 the configuration is wrong.
    """
    loaded = load(config)
    found = examine(loaded)
    if json:
        print_json(found)
    else:
        show(found.checks)
        for line in found.changes:
            console().print(f"next start: {line}", markup=False, soft_wrap=True)
    return EXIT_PROBLEM if any(each.level == "fail" for each in found.checks) else EXIT_OK


def examine(config: Config) -> Report:
    """All that can be said without starting the venue."""
    data = Path(config.venue.data)
    pid = RoleLock.holder(data / "venue.lock")
    running = Check("venue", "ok", f"{config.venue.name} runs (process {pid})" if pid else "it does not run")
    ports = _ports(config, is_running=pid is not None)
    log, changes = _log(config, data)
    around = (_node(config, data), _sessions(config, data), _database(config, data))
    journal = (_journal(data, is_running=pid is not None), log_clock(data))
    return Report([running, _folder(data), *ports, *around, *journal, log], changes)


def _folder(data: Path) -> Check:
    there = data
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        return Check("data", "fail", f"{there} is no folder", "set venue.data to a folder, or to one that can be made")
    if not os.access(there, os.R_OK | os.W_OK | os.X_OK):
        return Check("data", "fail", f"{there} can't be written by this user", "run as its owner, or change venue.data")
    return Check("data", "ok", str(data) if data.exists() else f"{data}, which the first start makes")


def _ports(config: Config, *, is_running: bool) -> Iterator[Check]:
    for name, address, port in (
        *(("fix.port", config.fix.address, port) for port in config.fix.ports.values()),
        ("market_data.port", config.market_data.address, config.market_data.port),
        ("api.port", config.api.address, config.api.port),
        ("metrics.port", config.metrics.address, config.metrics.port),
        ("replication.port", config.replication.address, config.replication.port if config.replication.node else None),
    ):
        if port is None:
            continue
        where = f"{address}:{port}"
        if is_running:
            yield Check(name, "ok", f"{where}, not tried: the venue runs")
        elif problem := _bind_problem(address, port):
            yield Check(name, "fail", f"{where}: {problem}", f"choose another {name}, or stop what listens there")
        else:
            yield Check(name, "ok", where)
    if config.api.certificate:
        try:
            tls_context("api", config.api.certificate, config.api.key)
        except AddressError as error:
            yield Check("api.certificate", "fail", str(error), "the api would not listen before that is mended")
        else:
            yield Check("api.certificate", "ok", config.api.certificate)


def _node(config: Config, data: Path) -> Check:
    """The role of one of two nodes, and the key and certificates by which the two know each other."""
    try:
        role = node.load(data)
        if (found := Credentials.of(node.folder_of(data))) is not None:
            found.context(server=True)
    except (node.RoleError, CertificateError) as error:
        return Check("node", "fail", str(error), "put the file back from a backup, or pair the two nodes again")
    if config.replication.node is None:
        return Check("node", "ok", "the only one")
    paired = "paired" if found is not None else "without certificates: the other node is on this machine"
    return Check("node", "ok", f"{config.replication.node}, {role.role}, {paired}")


def _journal(data: Path, *, is_running: bool) -> Check:
    """Whether every record of the journal is whole: a start reads its last segments, this all of it."""
    if is_running:
        return Check("journal", "ok", "not read through: the venue runs (lockstep verify reads it)")
    try:
        report = verify(data / "journal") if (data / "journal").is_dir() else None
    except (JournalError, OSError) as error:
        return Check("journal", "fail", str(error), "see docs/operations.md, A damaged journal")
    if report is None or not report.segments:
        return Check("journal", "ok", "there is none")
    if report.corruption is not None:
        where = f"{report.corrupt_file} at offset {report.corrupt_offset}"
        return Check("journal", "fail", f"{where}: {report.corruption}", "lockstep repair-journal --from COPY")
    return Check("journal", "ok", f"whole, {report.records:,} records in {report.segments} segments")


def _sessions(config: Config, data: Path) -> Check:
    try:
        homes.wanted(config, data)
    except ConfigError as error:
        return Check("sessions", "fail", str(error), "leave sessions at the gateways that they have been at")
    return Check("sessions", "ok", "each is at the gateway that has its messages")


def _bind_problem(address: str, port: int) -> str:
    """Why nothing can listen there; "" if it can."""
    try:
        with socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET):
            return ""
    except OSError as error:
        return os.strerror(error.errno or errno.EINVAL)


def _database(config: Config, data: Path) -> Check:
    """Whether the server takes this user, and the database the rows of this venue's journal."""
    if not config.database.url:
        return Check("database", "ok", "embedded, starts and stops with the venue")
    try:
        with psycopg.connect(config.database.url, connect_timeout=database.CONNECT_TIMEOUT_S) as connection:
            version = connection.info.parameter_status("server_version")
            schema = database.check_rights(connection)
            foreign = _author(config, data, connection)
    except (JournalError, OSError) as error:
        return Check("database", "fail", f"its rows can't be held against the journal: {error}", "lockstep verify")
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0]
        todo = remedy(error) or "mend database.url or the server"
        return Check("database", "fail", reason, f"{todo}; rows would wait in the spool")
    if foreign:
        return Check("database", "fail", foreign, "rows would wait in the spool, or the start be refused")
    return Check("database", "ok", f"PostgreSQL {version}, schema {schema}")


def _author(config: Config, data: Path, connection: psycopg.Connection[Any]) -> str | None:
    """Why the database's rows are not of this journal; None if they are, or there are none."""
    journal = data / "journal"
    if not journal.is_dir() or not segment_seqs(journal):
        return None
    committed = end_of(journal).seq
    return position.objection(position.position(connection), journal, committed, config.replication.node or "")


def _log(config: Config, data: Path) -> tuple[Check, list[str]]:
    """How the log is, and what a start would add to it."""
    journal = data / "journal"
    try:
        if objection := first_journal.objection(config, data, node.load(data)):
            return Check("log", "fail", objection, "see docs/operations.md, The first start"), []
        if not journal.is_dir() or not segment_seqs(journal):
            return Check("log", "ok", "there is none yet: it comes from the node that leads"), []
        if not end_of(journal).seq:
            return Check("log", "ok", "it is empty: the first start brings the configuration into it"), []
        replay = current(config, data)
        last, before = replay.last_seq, look(replay)
        venue_key.needed(data, replay.router.core.sealed)
        added = _changes(replay.lead(), replay)
        changes = [*added, *differences.between(before, look(replay)), *_left_out(config, replay)]
    except venue_key.VenueKeyError as error:
        return Check("log", "fail", str(error), "a start is refused without it"), []
    except (JournalError, CoreReplayError, OSError, node.RoleError) as error:
        return Check("log", "fail", str(error), "lockstep verify says more, repair-journal mends a journal"), []
    except GenesisError as error:
        return Check("log", "fail", str(error), "take the change back: list another instrument instead"), []
    return Check("log", "ok", f"{last:,} records"), changes


def _changes(records: list[bytes], replay: ReplayedCore) -> Iterator[str]:
    names = Names.of_state(replay.router.core)
    extensions: list[Command] = []
    for record in records:
        command = unpack_command(record)
        if command.type >= CommandType.EXT_CLIENT_ID:
            extensions.append(command)
            continue
        verdict = Code(getattr(command, "verdict", Code.OK))
        refused = f", which the log refuses: {verdict.name}" if verdict != Code.OK else ""
        if not isinstance(command, Epoch):
            yield of_command(command, extensions, names) + refused
        extensions = []


def _left_out(config: Config, replay: ReplayedCore) -> Iterator[str]:
    """What the log has and the file lacks: it stays."""
    core = replay.router.core
    for what, listed, named in (
        ("asset", core.assets, [each.name for each in config.assets]),
        ("instrument", core.instruments, [each.symbol for each in config.instruments]),
        ("account", core.accounts, [each.name for each in config.accounts]),
    ):
        for name in sorted(set(listed) - {each.encode() for each in named}):
            yield f"{what} {name.decode()} is in the log and not in the file: it stays as it is"
