"""`lockstep status`: what a running venue is doing, read from its shared memory, and its phases from PostgreSQL.

It only looks: it gates no ring and rings no bell.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import psycopg
from cyclopts import Parameter
from msgspec import structs
from rich.text import Text

from lockstep.cli.running import attach
from lockstep.cli.sessions import sessions_of, show
from lockstep.cli.terminal import (
    DEFAULT_CONFIG,
    EXIT_OK,
    EXIT_PROBLEM,
    ConfigPath,
    Json,
    console,
    load,
    print_json,
    table,
)
from lockstep.config.schema import Config
from lockstep.core.diagnostics.counts import counted
from lockstep.core.files import space
from lockstep.core.operations.status import InstrumentStatus, LeaseStatus, NodeStatus, Status
from lockstep.core.venue import clock, database_url
from lockstep.core.venue.venue import Venue
from lockstep.procs.batcher import refused
from lockstep.procs.monitor import reading

WATCH_S = 1.0
STAGE_COLUMNS = (
    "stage", "process", "pid>", "restarts>", "core>", "state", "heartbeat>", "records>", "per s>", "blocked>",
)  # fmt: skip
WIDE = 110  # columns of a terminal that has room for these, too; else --json has them
WIDE_ONLY = ("pid>", "core>", "blocked>")
SAMPLE_S = 0.5  # between the two looks that make a rate
DATABASE_TIMEOUT_S = 2
SHOWN_REASONS = 5
SHOWN_OFFSET_S = 1.0  # between log time and the machine's clock


def status(
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    sessions: Annotated[bool, Parameter(negative=(), help="Show every FIX session too.")] = False,
    watch: Annotated[
        bool, Parameter(name=["--watch", "-w"], negative=(), help="Repeat each second until Ctrl-C.")
    ] = False,
    json: Json = False,
) -> int:
    """Show a running venue: processes, rates, ring fill, commit and database lag.

    Exit codes: 0 every stage runs; 1 the venue, or a stage of it, does not; 2 the configuration is wrong.
    """
    loaded = load(config, secrets=False)
    code = _show(loaded, sessions=sessions, json=json)
    try:
        while watch:
            time.sleep(WATCH_S)  # as often as people read
            console().clear()
            code = _show(loaded, sessions=sessions, json=json)
    except KeyboardInterrupt:
        pass  # what --watch ends by
    return code


def _show(loaded: Config, *, sessions: bool, json: bool) -> int:
    """Look once, and print that."""
    data = Path(loaded.venue.data)
    venue = attach(data)
    stopped = Status(loaded.venue.name, str(data), running=False)
    found = whole(venue, loaded, sessions=sessions) if venue else stopped
    print_json(found) if json else _print(found)
    if venue and sessions and not json:
        show(found.sessions)
    return EXIT_OK if found.running else EXIT_PROBLEM


def whole(venue: Venue, config: Config, *, sessions: bool) -> Status:
    """What the venue shows, and what PostgreSQL and, where `sessions` are asked for, the gateways say."""
    found = structs.replace(look(venue), **_ask_database(config, venue.data))
    return structs.replace(found, sessions=sessions_of(venue)) if sessions else found


def look(venue: Venue, sample_s: float = SAMPLE_S) -> Status:
    """Look at the venue twice, `sample_s` seconds apart."""
    before, since = reading.counts(venue), time.monotonic()
    time.sleep(sample_s)  # the sample itself: a rate needs two looks
    after, elapsed_s = reading.counts(venue), time.monotonic() - since
    rates = {name: round((count - before.get(name, 0)) / elapsed_s) for name, count in after.items()}
    return Status(**structs.asdict(reading.read(venue, rates)))


def _ask_database(config: Config, data: Path) -> dict[str, Any]:
    """What only PostgreSQL knows: refused rows, and the phases, which begin in matchers, out of sight."""
    try:
        url = database_url.of(config, data)
        with psycopg.connect(
            url, connect_timeout=DATABASE_TIMEOUT_S, options=f"-c statement_timeout={DATABASE_TIMEOUT_S}s"
        ) as connection:
            rows, why = refused.reasons(connection, SHOWN_REASONS)
            phases = connection.execute(
                "SELECT symbol, phase, since, ends FROM current_phases ORDER BY symbol"
            ).fetchall()
    except psycopg.Error as error:
        return {"database_problem": str(error).strip()}
    instruments = [InstrumentStatus(symbol, phase, _time(since), _time(ends)) for symbol, phase, since, ends in phases]
    return {"refused_rows": rows, "refused": why, "instruments": instruments}


def _time(moment: datetime | None) -> str | None:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if moment else None


def _print_nodes(own: NodeStatus, epoch: int) -> None:
    """Both nodes, and what is between them, each in a line; what is wrong in others."""
    out, peer = console(), own.peer
    is_primary = own.role == "primary"
    waits = f", commits wait for {peer.name}" if own.waits else ", solo" if is_primary else ""
    out.print(f"this node   {own.name}, {own.role}{_of_epoch(epoch)}{waits}", soft_wrap=True)
    what = f"{peer.name}, {peer.role}{_of_epoch(peer.epoch)}" if peer.name else "it has not said yet who it is"
    out.print(f"other node  {what}, at {peer.address}", soft_wrap=True)
    said = [own.link.replace("_", " ")]
    if peer.name:
        ms = "an unknown time" if own.behind_ms is None else f"{own.behind_ms:,} ms"
        said.append(f"the secondary is {counted(own.behind, 'record')} and {ms} behind")
        said.append(f"same state at record {own.compared:,}" if own.compared else "states not compared yet")
    out.print(f"link        {', '.join(said)}", soft_wrap=True)
    secondary = "the secondary's" if is_primary else "its"
    for wrong in (
        own.why,
        "another node is to lead: nothing is released here any more" if own.fenced else "",
        "it was stopped for a while, and releases nothing before the other node has answered" if own.lapsed else "",
        f"{secondary} state differs at record {own.differs:,}: it must not lead" if own.differs else "",
    ):
        if wrong:
            out.print(f"  {wrong}", markup=False, soft_wrap=True, style="yellow")


def _of_epoch(epoch: int) -> str:
    return f" of epoch {epoch}" if epoch else ""


def _print_lease(lease: LeaseStatus) -> None:
    """Who leads by the witness, in a line; what is wrong in another."""
    left = f", {lease.left_s:.1f} s left here" if lease.left_s else ""
    members = f"; members {', '.join(lease.members)}" if lease.members else ""
    console().print(f"lease: {f'node {lease.leader}' if lease.leader else 'nobody'}{left}{members}", soft_wrap=True)
    if lease.trouble:
        console().print(f"  {lease.trouble}", markup=False, soft_wrap=True, style="yellow")


def _print(found: Status) -> None:
    out = console()
    if not found.boot_id:
        out.print(f"venue {found.venue} is not running (data: {found.data})", soft_wrap=True)
        return
    leads = f", epoch {found.epoch}" if found.epoch or found.node is None else ""
    out.print(f"venue {found.venue}{leads}, boot {found.boot_id[:8]}, data {found.data}", soft_wrap=True)
    if found.node is not None:
        _print_nodes(found.node, found.epoch)
    if found.lease is not None:
        _print_lease(found.lease)
    out.print(f"log {found.log_end:,}, committed {found.commit:,} (lag {found.commit_lag:,})", soft_wrap=True)
    if found.stalled_ms:
        said = f"no order has been acknowledged for {found.stalled_ms / 1000:.0f} s: /health/ready says why"
        out.print(said, markup=False, soft_wrap=True, style="red")
    if found.snapshot is None:
        out.print(f"no snapshot yet, generation {found.generation}", soft_wrap=True)
    else:
        saved = found.snapshot
        size = f"{saved.size_bytes / 2**20:,.1f} MiB"
        out.print(
            f"snapshot {saved.seq:,} ({size}, {saved.age_s:,} s ago), generation {found.generation}", soft_wrap=True
        )
    out.print(
        f"database {found.database:,} (lag {found.database_lag:,}), spool {found.spool_bytes:,} bytes", soft_wrap=True
    )
    if found.loader_problem:
        said = f"the database takes no rows since {found.loader_problem_since}: {found.loader_problem}"
        out.print(said, markup=False, soft_wrap=True, style="red")
    if abs(found.clock_offset_s) >= SHOWN_OFFSET_S:
        way = "ahead of" if found.clock_offset_s > 0 else "behind"
        off = clock.span(round(found.clock_offset_s * clock.SECOND_NS))
        out.print(f"clock: log time is {off} {way} this machine's clock", style="yellow", soft_wrap=True)
    refused_for = ": nearly full, new orders are refused" if found.orders_refused else ""
    out.print(f"disk {space.mebibytes(found.disk_free_bytes)} free{refused_for}", soft_wrap=True)
    if found.refused_rows:
        out.print(
            f"database: {found.refused_rows:,} rows are refused, and set aside; mend this, then lockstep load-refused:",
            style="red",
            soft_wrap=True,
        )
        for reason in found.refused:
            out.print(f"  {reason.wording}", style="red", markup=False, soft_wrap=True)
    hosts = {host.name: host for host in found.hosts}
    columns = [name for name in STAGE_COLUMNS if out.width >= WIDE or name not in WIDE_ONLY]
    rows = table("\nstages", *columns)
    for agent in found.agents:
        host = hosts[agent.host]
        core = "-" if host.core is None else f"{host.core}{'' if host.pinned_to is None else ' (pinned)'}"
        state = Text(agent.state, style="" if agent.state == "running" else "red")
        if agent.out_since is not None:
            state.append(f", out of the gate since {agent.out_since}", style="default")
        numbers = (f"{number:,}" for number in (agent.records, agent.records_per_s, agent.blocked_rounds))
        told = (agent.name, host.name, str(host.pid), str(host.restarts), core, state, f"{agent.heartbeat_age_ms} ms")
        cells: dict[str, str | Text] = dict(zip(STAGE_COLUMNS, (*told, *numbers), strict=True))
        rows.add_row(*(cells[name] for name in columns))
    out.print(rows)
    rows = table("\nrings", "ring", "slots>", "published>", "per s>", "fill>", "waiting for")
    for ring in found.rings:
        waiting = ", ".join(f"{each.consumer} {each.waiting:,}" for each in ring.consumers if each.waiting) or "none"
        rows.add_row(ring.ring, f"{ring.capacity:,}", f"{ring.published:,}", f"{ring.records_per_s:,}",
                     f"{ring.fill:.1%}", waiting)  # fmt: skip
    out.print(rows)
    if found.instruments is None:
        out.print("\ninstruments: PostgreSQL, which has their phases, can't be asked now:")
        out.print(found.database_problem, markup=False, soft_wrap=True)
        return
    rows = table(f"\ninstruments (as of log record {found.database:,})", "instrument", "phase", "since", "ends")
    for each in found.instruments:
        rows.add_row(each.symbol, each.phase, each.since or "it is listed", each.ends or "")
    out.print(rows)
