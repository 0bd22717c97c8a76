"""A venue of the flow's own: started in a temporary folder on free ports, stopped and forgotten afterwards.

It is an ordinary venue under an ordinary supervisor; nothing in it knows that it will be thrown away.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lockstep import config as loader
from lockstep.cli.flow.initiator import Initiator
from lockstep.core.venue import first_journal

READY_TIMEOUT_S = 60
STOP_TIMEOUT_S = 120

CONFIG = """
[venue]
name = "flow"
data = "data"
durability = "{durability}"

[fix]
port = {fix_port}
max_messages_per_second = 0

[market_data]
port = {market_port}
max_clients_per_address = 1000
client_queue_bytes = 67108864

[[assets]]
name = "{symbol}"
scale = 0

[[assets]]
name = "USD"
scale = 4

[[instruments]]
symbol = "{symbol}"
base = "{symbol}"
quote = "USD"
tick = "0.01"
lot = "1"

[[accounts]]
name = "BUYER"
password = "demo"
deposits = {{ USD = "1000000000000" }}
max_open_orders = 0

[[accounts]]
name = "SELLER"
password = "demo"
deposits = {{ {symbol} = "1000000000" }}
max_open_orders = 0
"""


class NotReady(RuntimeError):  # noqa: N818
    """The throw-away venue did not come up; carries what it said."""


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_config(folder: Path, symbol: str, durability: str, more: str = "") -> Path:
    """Write the configuration of a throw-away venue for one instrument, and `more` of it, into `folder`."""
    path = folder / "venue.toml"
    ports = {"fix_port": free_port(), "market_port": free_port()}
    path.write_text(CONFIG.format(symbol=symbol, durability=durability, **ports) + more)
    return path


@contextmanager
def folder(keep: Path | None) -> Iterator[Path]:
    """A new folder for the venue: `keep`, which stays, or a temporary one."""
    if keep is not None:
        keep.mkdir(parents=True)
        yield keep
        return
    temporary = Path(tempfile.mkdtemp(prefix="lockstep-flow-"))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def running(config: Path) -> Iterator[subprocess.Popen[str]]:
    """Run `lockstep run CONFIG` for the time of the block, a new venue too. NotReady if it does not come up."""
    first_journal.ensure(loader.load(config))
    log = (config.parent / "run.log").open("w+")
    venue = subprocess.Popen(
        [sys.executable, "-m", "lockstep", "run", str(config)], stdout=log, stderr=subprocess.STDOUT, text=True
    )
    try:
        _await_ready(venue, config.parent / "run.log")
        yield venue
    finally:
        venue.send_signal(signal.SIGINT)
        try:
            venue.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            venue.kill()
            venue.wait()
        log.close()


def log_on(config: Path, symbol: str, sender: str) -> Initiator:
    """A FIX session of the venue that runs on `config`."""
    fix = tomllib.loads(config.read_text())["fix"]
    return Initiator("127.0.0.1", fix["port"], sender, "LOCKSTEP", "demo", symbol, 2, 0)


def await_database(config: Path) -> None:
    """Wait until PostgreSQL, which a starting venue does not wait for, has everything. NotReady if it never has."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    while True:
        answer = subprocess.run(
            [sys.executable, "-m", "lockstep", "status", str(config), "--json"], capture_output=True, check=False
        )
        if answer.returncode == 0 and json.loads(answer.stdout)["database_lag"] == 0:
            return
        if time.monotonic() > deadline:
            raise NotReady(f"the database did not come up; status says {answer.stdout.decode()}")


def _await_ready(venue: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while "venue ready" not in log.read_text():
        if venue.poll() is not None or time.monotonic() > deadline:
            raise NotReady(f"the venue did not become ready; it said:\n{log.read_text()[-4000:]}")
        time.sleep(0.05)  # it only writes to this file: read it again
