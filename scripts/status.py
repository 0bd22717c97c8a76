"""`lockstep status`: what a running venue is doing, read from its shared memory, and its phases from PostgreSQL.

It only looks: it attaches as a bystander that gates no ring and rings no bell.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import psycopg
from cyclopts import Parameter
from msgspec import Struct, structs
from rich.text import Text

from config.schema import Config
from procs.batcher import database, refused
from procs.batcher.refused import Refused
from procs.disk import space
from procs.gateway.session_log import SessionStatus
from procs.recovery import snapshot_catalog
from procs.supervisor.procfs import core_of, identify
from procs.supervisor.run import restarts_of
from procs.venue import database_trouble
from procs.venue.topology import Host
from procs.venue.venue import Venue
from scripts.running import attach
from scripts.sessions import sessions_of, show
from scripts.terminal import DEFAULT_CONFIG, EXIT_OK, EXIT_PROBLEM, ConfigPath, Json, console, load, print_json, table
from shm.board import Word

WATCH_S = 1.0
STAGE_COLUMNS = (
    "stage", "process", "pid>", "restarts>", "core>", "state", "heartbeat>", "records>", "per s>", "blocked>",
)  # fmt: skip
WIDE = 110  # columns of a terminal that has room for these, too; else --json has them
WIDE_ONLY = ("pid>", "core>", "blocked>")
SAMPLE_S = 0.5  # between the two looks that make a rate
DATABASE_TIMEOUT_S = 2
SHOWN_REASONS = 5
STATES = {0: "unknown", 1: "starting", 2: "running", 3: "stopping"}


class HostStatus(Struct, frozen=True):
    """A process, the core it was last seen on and the one it is pinned to. `pid` is 0 before its first heartbeat.

    `restarts`: how often it was started again in this run.
    """

    name: str
    pid: int
    core: int | None
    pinned_to: int | None
    agents: tuple[str, ...]
    restarts: int = 0


class AgentStatus(Struct, frozen=True):
    """A stage, and how it does since its process started.

    `out_since` (UTC): since then nobody waits for it, as it only tells and did not keep up, or ended. Until it has come
    back, its clients, or PostgreSQL, lack what happens.
    """

    name: str
    host: str
    state: str
    heartbeat_age_ms: int
    records: int
    records_per_s: int
    blocked_rounds: int
    out_since: str | None = None


class ConsumerStatus(Struct, frozen=True):
    """How many records of a ring wait for one consumer."""

    consumer: str
    waiting: int


class RingStatus(Struct, frozen=True):
    """A ring: `fill` (0 to 1) is how much of it the slowest consumer still needs."""

    ring: str
    capacity: int
    published: int
    records_per_s: int
    fill: float
    consumers: list[ConsumerStatus]


class SnapshotStatus(Struct, frozen=True):
    """The newest snapshot: its place in the log, its size, when it was saved (UTC), and how long ago that is."""

    seq: int
    size_bytes: int
    saved: str
    age_s: int


class InstrumentStatus(Struct, frozen=True):
    """An instrument, its phase, since when (UTC), and when that ends by itself, as PostgreSQL has it."""

    symbol: str
    phase: str
    since: str | None
    ends: str | None


class Status(Struct, frozen=True):
    """A whole venue. Lags are counted in log records.

    `refused_rows` are those that PostgreSQL has refused, and `refused` the most frequent reasons. Where it can't be
    asked, `database_problem` says why, and `instruments` is None. Where the batcher writes no rows, `loader_problem`
    says why, and since when (UTC). `sessions` is None where they were not asked for, or
    a gateway does not answer.
    """

    venue: str
    data: str
    running: bool
    boot_id: str = ""
    epoch: int = 0
    generation: int = 0
    snapshot: SnapshotStatus | None = None
    log_end: int = 0
    commit: int = 0
    commit_lag: int = 0
    database: int = 0
    database_lag: int = 0
    spool_bytes: int = 0
    disk_free_bytes: int = 0
    orders_refused: bool = False
    hosts: list[HostStatus] = []
    agents: list[AgentStatus] = []
    rings: list[RingStatus] = []
    refused_rows: int = 0
    refused: list[Refused] = []
    database_problem: str = ""
    loader_problem: str = ""
    loader_problem_since: str | None = None
    instruments: list[InstrumentStatus] | None = None
    sessions: list[SessionStatus] | None = None


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
    found = look(venue) if venue else Status(loaded.venue.name, str(data), running=False)
    if venue:
        found = structs.replace(found, **_ask_database(loaded))
    if venue and sessions:
        found = structs.replace(found, sessions=sessions_of(venue))
    print_json(found) if json else _print(found)
    if venue and sessions and not json:
        show(found.sessions)
    return EXIT_OK if found.running else EXIT_PROBLEM


def look(venue: Venue, sample_s: float = SAMPLE_S) -> Status:
    """Look at the venue twice, `sample_s` seconds apart."""
    before, since = _counts(venue), time.monotonic()
    time.sleep(sample_s)  # the sample itself: a rate needs two looks
    after, elapsed_s = _counts(venue), time.monotonic() - since
    rates = {name: round((count - before.get(name, 0)) / elapsed_s) for name, count in after.items()}
    board, restarts, wrong = venue.board, _restarts(venue.data), database_trouble.of(venue.data)
    left = venue.left()
    agents = [_agent(venue, agent, rates.get(agent, 0), left.get(agent)) for agent in venue.topology.agents]
    end, commit, database = board.get(Word.LOG_END), board.get(Word.DURABLE_SEQ), board.get(Word.DATABASE_SEQ)
    return Status(
        venue=venue.config.venue.name,
        data=str(venue.data),
        running=board.get(Word.EPOCH) > 0 and all(agent.state == "running" for agent in agents),
        boot_id=venue.boot_id,
        epoch=board.get(Word.EPOCH),
        generation=board.get(Word.GENERATION),
        snapshot=_snapshot(venue.data),
        log_end=end,
        commit=commit,
        commit_lag=max(0, end - commit),
        database=database,
        database_lag=max(0, commit - database),
        spool_bytes=board.get(Word.SPOOLED),
        loader_problem=wrong.reason,
        loader_problem_since=f"{datetime.fromtimestamp(wrong.since_ns / 1e9, UTC):%Y-%m-%d %H:%M:%S}"
        if wrong.reason
        else None,
        disk_free_bytes=space.free_bytes(venue.data),
        orders_refused=board.get(Word.JOURNAL_FULL) != 0,
        hosts=[_host(venue, host, restarts.get(host.name, 0)) for host in venue.topology.hosts],
        agents=agents,
        rings=[_ring(venue, spec.name, rates[spec.name]) for spec in venue.topology.rings],
    )


def _counts(venue: Venue) -> dict[str, int]:
    """What each agent has handled and each ring has seen so far."""
    counts = {spec.name: venue.ring(spec.name).published for spec in venue.topology.rings}
    for slot, agent in enumerate(venue.topology.agents):
        health = venue.board.health(slot)
        counts[agent] = health["work"] if health else 0
    return counts


def _restarts(data: Path) -> dict[str, int]:
    try:
        return msgspec.json.decode(restarts_of(data).read_bytes(), type=dict[str, int])
    except FileNotFoundError:
        return {}


def _snapshot(data: Path) -> SnapshotStatus | None:
    known = snapshot_catalog.entries(data)
    if not known:
        return None
    newest = known[-1]
    saved = datetime.fromtimestamp(newest.saved_ns / 1e9, UTC)
    age_s = max(0, round((datetime.now(UTC) - saved).total_seconds()))
    return SnapshotStatus(newest.seq, newest.size, f"{saved:%Y-%m-%d %H:%M:%S}", age_s)


def _host(venue: Venue, host: Host, restarts: int) -> HostStatus:
    health = venue.board.health(venue.topology.slot_of(host.agents[0]))
    pid = health["pid"] if health else 0
    return HostStatus(host.name, pid, core_of(pid), host.cpu, host.agents, restarts)


def _agent(venue: Venue, agent: str, rate: int, left_ns: int | None) -> AgentStatus:
    host = venue.topology.host_of(agent).name
    health = venue.board.health(venue.topology.slot_of(agent))
    out_since = None if left_ns is None else f"{datetime.fromtimestamp(left_ns / 1e9, UTC):%Y-%m-%d %H:%M:%S}"
    if health is None:
        return AgentStatus(agent, host, "starting", 0, 0, 0, 0, out_since)
    state = STATES.get(health["state"], "unknown") if identify(health["pid"]) else "dead"
    age_ms = max(0, time.monotonic_ns() - health["heartbeat_ns"]) // 1_000_000
    return AgentStatus(agent, host, state, age_ms, health["work"], rate, health["blocked"], out_since)


def _ring(venue: Venue, name: str, rate: int) -> RingStatus:
    ring = venue.ring(name)
    # Cursors first: a consumer can't be ahead of what was published later.
    left, cursors = ring.left(), ring.cursors()
    published = ring.published
    # Nothing of the ring is kept for who is out of its gate.
    waiting = [ConsumerStatus(consumer, published - seq) for consumer, seq in cursors.items() if consumer not in left]
    fill = max((each.waiting for each in waiting), default=0) / ring.capacity
    return RingStatus(name, ring.capacity, published, rate, round(fill, 4), waiting)


def _ask_database(config: Config) -> dict[str, Any]:
    """What only PostgreSQL knows: what it has refused; and phases, which begin in matchers, out of sight."""
    try:
        url = database.url(config, Path(config.venue.data))
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


def _print(found: Status) -> None:
    out = console()
    if not found.boot_id:
        out.print(f"venue {found.venue} is not running (data: {found.data})", soft_wrap=True)
        return
    out.print(f"venue {found.venue}, epoch {found.epoch}, boot {found.boot_id[:8]}, data {found.data}", soft_wrap=True)
    out.print(f"log {found.log_end:,}, committed {found.commit:,} (lag {found.commit_lag:,})", soft_wrap=True)
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
