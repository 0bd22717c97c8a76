"""Venues that are thrown away: each in a folder and on ports of its own, started, killed, stopped and forgotten.

They are ordinary venues under ordinary supervisors; nothing in them knows what becomes of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from lockstep import config as loader
from lockstep.cli.flow.initiator import Initiator
from lockstep.cli.flow.terms import Market, Party
from lockstep.config.schema import Config
from lockstep.core.host.procfs import identify
from lockstep.core.venue import first_journal
from lockstep.core.venue.parent_death import tied

READY_S = 60.0
STOP_S = 120.0
LOOK_S = 0.02

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
    """A venue did not do in time what it should; the message has its last lines."""


class Venue:
    """The venue of a configuration file, and its supervisor while that runs."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.log = config.parent / "run.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.python = sys.executable
        self.options: tuple[str, ...] = ()  # of `lockstep run`
        self.is_shown = False  # what it prints goes to its log, or to this terminal
        # How its processes are started: out of Ctrl-C's reach, and to stop in order if this process is gone.
        self.spawning: dict[str, Any] = {"start_new_session": True, "preexec_fn": tied()}
        self._said_before = 0

    @cached_property
    def data(self) -> Path:
        """Its data folder, which its file names."""
        return Path(self.loaded.venue.data)

    @property
    def loaded(self) -> Config:
        """The configuration as its file has it now."""
        return loader.load(self.config)

    @property
    def said(self) -> str:
        """What it has printed since it was started; nothing where that went to this terminal."""
        return "" if self.is_shown else self.log.read_text()[self._said_before :]

    def start(self) -> None:
        """Run it; `await_` says when it is what it should be."""
        self._said_before = len(self.log.read_text()) if self.log.exists() else 0
        command = [self.python, "-m", "lockstep", "run", str(self.config), *self.options]
        with contextlib.nullcontext() if self.is_shown else self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, **self.spawning)

    def has_ended(self) -> bool:
        """Return whether it does not run."""
        return self.process is None or self.process.poll() is not None

    def await_(self, done: Callable[[], bool], what: str, timeout_s: float = READY_S) -> None:
        """Wait until `done`. NotReady if it has ended, or that takes too long."""
        deadline_s = time.monotonic() + timeout_s
        while not done():
            if self.has_ended() or time.monotonic() > deadline_s:
                raise NotReady(f"the venue in {self.config.parent} does not {what}; it said:\n{self.said[-4000:]}")
            time.sleep(LOOK_S)  # files, and words of a board: nothing to wait on

    def await_ready(self, times: int = 1, timeout_s: float = READY_S) -> None:
        """Wait until it has said this many times since `start` that it is ready: once more with each restart."""
        self.await_(lambda: self.readies() >= times, "become ready", timeout_s)

    def readies(self) -> int:
        """Return how often it has said that it is ready, since `start`."""
        return self.said.count("venue ready")

    def stop(self, by: int = signal.SIGINT) -> int:
        """Ctrl-C, or another signal; return its exit code. NotReady if it does not stop."""
        assert self.process is not None
        self.process.send_signal(by)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise NotReady(f"the venue in {self.config.parent} does not stop; it said:\n{self.said[-4000:]}") from None
        finally:
            self.process = None

    def kill_all(self) -> None:
        """End every process of it at once, PostgreSQL too, as when its host dies; what was written stays written."""
        assert self.process is not None
        pids = [*self.pids().values(), self.process.pid]
        with contextlib.suppress(FileNotFoundError, IndexError, ValueError):  # none runs, or it is about to
            pids.append(int((self.data / "postgres" / "postmaster.pid").read_text().split()[0]))
        alive = [pid for pid in pids if identify(pid)]
        for number in (signal.SIGSTOP, signal.SIGKILL):  # none acts on another's death
            for pid in alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        self.process.wait()
        self.process = None

    def pids(self) -> dict[str, int]:
        """Return the process of each host, as the supervisor lists them for its successor."""
        listed = msgspec.json.decode((self.data / "run" / "children.json").read_bytes())
        words = {entry["pid"]: entry["command"].split() for entry in listed}
        return {command[command.index("--name") + 1]: pid for pid, command in words.items()}

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Carry out `lockstep ARGUMENTS` on it, and wait for its end."""
        command = [self.python, "-m", "lockstep", *arguments, str(self.config)]
        return subprocess.run(command, capture_output=True, text=True, check=False)


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_config(folder: Path, symbol: str, durability: str, more: str = "") -> Path:
    """Write the configuration of a venue for one instrument, and `more` of it, into `folder`."""
    path = folder / "venue.toml"
    ports = {"fix_port": free_port(), "market_port": free_port()}
    path.write_text(CONFIG.format(symbol=symbol, durability=durability, **ports) + more)
    return path


@contextmanager
def folder(keep: Path | None) -> Iterator[Path]:
    """Make a new folder for the time of the block: `keep`, which stays, or a temporary one."""
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
def running(config: Path) -> Iterator[Venue]:
    """Run a venue, a new one too, for the time of the block. NotReady if it does not come up."""
    venue = Venue(config)
    first_journal.ensure(venue.loaded)
    venue.start()
    try:
        venue.await_ready()
        yield venue
    finally:
        venue.stop()


def log_on(config: Path, symbol: str, sender: str) -> Initiator:
    """Return a FIX session of the venue that runs on `config`, for prices in cents."""
    port = loader.load(config).fix.port
    return Initiator("127.0.0.1", port, Party(sender, "LOCKSTEP", "demo"), Market(symbol, 2, 0))


def await_database(config: Path) -> None:
    """Wait until PostgreSQL, which a starting venue does not wait for, has everything. NotReady if it never has."""
    deadline_s = time.monotonic() + READY_S
    while True:
        answer = Venue(config).command("status", "--json")
        if answer.returncode == 0 and json.loads(answer.stdout)["database_lag"] == 0:
            return
        if time.monotonic() > deadline_s:
            raise NotReady(f"the database did not come up; status says {answer.stdout}")
