"""`lockstep run`: runs a venue in the foreground until it is asked to stop.

It wires configuration, supervisor and terminal; the supervisor looks after the venue.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from lockstep.cli.errors import UsageError
from lockstep.cli.terminal import DEFAULT_CONFIG, DEMO_CONFIG, DEMO_PASSWORD, ConfigPath, console, in_url, load, table
from lockstep.config.errors import ConfigError
from lockstep.config.schema import Config
from lockstep.core.files import space
from lockstep.core.host import health
from lockstep.core.journal.journal import JournalError
from lockstep.core.venue import first_journal, node
from lockstep.core.venue.node import RoleError
from lockstep.procs.batcher import database
from lockstep.procs.replicator.transport import show_address
from lockstep.procs.supervisor.run import Run
from lockstep.procs.supervisor.supervisor import Supervisor
from lockstep.shm.segment import RoleTakenError

FOLDERS = ("journal", "run", "log", "spool", "snapshots")  # of the data folder, if they are there


class Terminal:
    """Says on the terminal what the supervisor does."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._console = console()

    def line(self, text: str) -> None:
        """One thing that happened. If it can't be written (output to a full disk), the venue goes on."""
        with contextlib.suppress(OSError):
            self._console.print(Text(f"{time.strftime('%H:%M:%S')} {text}"), soft_wrap=True)

    def ready(self, run: Run, took_s: float) -> None:
        """The venue takes orders: say so, and where; or whom it follows, as a secondary, which takes none."""
        settings = run.venue.config
        section = settings.replication
        if run.follows:
            peer = show_address(section.peer_address, section.peer_port)
            what = f": node {section.node}, a secondary that follows the node at {peer}, and takes no orders"
        else:
            what = "" if section.node is None else f": node {section.node}, which leads"
        self.line(f"venue ready after {took_s:.1f} s{what}")
        endpoints = {} if run.follows else health.endpoints(run.venue, run.pids)
        rows = table("", "what", "where", "")
        if section.node is not None:
            rows.add_row("link", show_address(section.address, section.port), "for the other node")
        for agent, (address, port) in endpoints.items():
            if agent == "publisher":
                rows.add_row("market data", f"ws://{in_url(address)}:{port}", "WebSocket")
            elif agent == "api":
                scheme = "https" if settings.api.certificate else "http"
                rows.add_row("api", f"{scheme}://{in_url(address)}:{port}", "REST and WebSocket, /api/v3")
            else:
                note = f"FIX.4.2 and FIX.4.4, TargetCompID {settings.fix.target_comp_id}"
                what = "orders" if settings.fix.gateways == 1 else f"orders, {agent}"
                rows.add_row(what, f"{in_url(address)}:{port}", note)
        if settings.metrics.port:
            where = f"http://{in_url(settings.metrics.address)}:{settings.metrics.port}"
            rows.add_row("metrics", where, "/metrics, /health/ready")
        where = "by URL" if settings.database.url else "embedded"
        rows.add_row("PostgreSQL", where, f"lockstep db url {self._config}")
        rows.add_row("data", settings.venue.data, f"durability {settings.venue.durability}")
        with contextlib.suppress(OSError):
            self._console.print(rows)
            if "api" in endpoints:
                self._console.print(Text(self._first_step(settings, *endpoints["api"])), soft_wrap=True)

    def _first_step(self, settings: Config, address: str, port: int) -> str:
        """What to do now. Only the demo's password is everybody's to know."""
        page = f"Open {'https' if settings.api.certificate else 'http'}://{in_url(address)}:{port}"
        if self._config.resolve() != DEMO_CONFIG.resolve():
            return page
        return f"{page} and log in as {settings.accounts[0].name}, password {DEMO_PASSWORD}"


def run(
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    accept_clock: Annotated[
        bool,
        Parameter(negative=(), help="Start although the clock is before the journal's end, or 31 days after it."),
    ] = False,
) -> int:
    """Run a venue until Ctrl-C (or SIGTERM) stops it cleanly. The next start continues with the same state.

    A start without a journal is refused, and writes nothing: lockstep begin makes one for a new venue.

    Exit codes: 0 it was stopped; 1 it could not run; 2 the configuration is wrong, the venue runs already, or something
    must be fixed first, which it names: no retry would help.
    """
    loaded = load(config)
    _check_begun(config, loaded)
    _check_folders(Path(loaded.venue.data), loaded.fix.ports)
    postgres = database.server(loaded, Path(loaded.venue.data))
    try:
        return asyncio.run(Supervisor(loaded, Terminal(config), postgres.stop, accepts_clock=accept_clock).run())
    except ConfigError as error:
        raise UsageError("\n".join(f"{config}: {line}" for line in str(error).splitlines())) from None
    except RoleError as error:
        raise UsageError(str(error)) from None
    except RoleTakenError as error:
        raise UsageError(f"the venue of {config} runs already: {error}") from None


def _check_begun(file: Path, config: Config) -> None:
    """UsageError, before anything is written, where the data folder has no journal and none may begin there."""
    data = Path(config.venue.data)
    try:
        objection = first_journal.objection(config, data, node.load(data))
    except (RoleError, JournalError) as error:
        raise UsageError(str(error)) from None
    if objection:
        raise UsageError(f"{file}: {objection}")


def _check_folders(data: Path, gateways: Iterable[int]) -> None:
    """Make the data folder if it is missing, and check that the venue can write into it, and its files. UsageError."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=data):
            pass
        for name in (*FOLDERS, *(f"gateway.{number}" for number in gateways)):
            folder = data / name
            if folder.exists() and not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
                raise UsageError(f"{folder} is no folder that the venue can write into: venue.data is {data}")
    except OSError as error:
        if space.is_full(error):
            return  # which is said elsewhere, and may pass
        raise UsageError(f"venue.data is {data}, where the venue can't write: {error.strerror}") from None
