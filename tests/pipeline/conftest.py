"""Real venues for the tests of the whole pipeline: a supervisor and its processes, sockets, a journal, PostgreSQL."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lockstep.cli import throwaway
from lockstep.core.venue import first_journal, node
from tests import console
from tests.passwords import CHEAP_HASH, PASSWORD
from tests.pipeline.client import FixClient
from tests.ports import free_port
from tests.prepared_database import prepare

DEMO = Path(__file__).parents[2] / "lockstep" / "config" / "demo.toml"
READY_S = 60
# Three processes instead of five, where it does not matter which one has what: a start is cheaper.
FEW = 'core = ["journaler", "router", "matcher.*"]\ngateway = ["publisher", "gateway.1"]'
SEGMENT_BYTES = 4 << 20  # small: each venue prepares one more, and campaigns go through several


class RunningVenue(throwaway.Venue):
    """The demo venue, on its own ports and in its own folder, started and stopped as a user does."""

    def __init__(
        self,
        folder: Path,
        profile: str = "compact",
        durability: str = "local",
        heartbeat_timeout_s: float = 10.0,
        metrics_port: int | None = None,
        api_port: int | None = None,
        makes_database: bool = False,
        hosts: str = "",
        gateways: int = 1,
        bound: dict[str, int] | None = None,
    ) -> None:
        """With `makes_database` its first start makes the database itself; else it finds one without rows.

        `hosts` is what [processes.hosts] has. `bound` are gateways of sessions that are not at the first one; one
        more gateway than `gateways` has a free port.
        """
        super().__init__(folder / "venue.toml")
        self.spawning = {}
        self.folder = folder
        self.profile = profile
        self.fix_port = free_port(gateways if gateways > 1 else 0)
        self.market_port = free_port()
        self.api_port = api_port
        text = DEMO.read_text().replace(f'password = "{PASSWORD}"', f'password_hash = "{CHEAP_HASH}"')
        # Without fees, so that tests count in whole amounts: those of fees give their own.
        self.config.write_text(re.sub(r"^(maker|taker)_fee_ppm = \d+", r"\1_fee_ppm = 0", text, flags=re.MULTILINE))
        for pattern, line in (
            (r"^data = .*$", f'data = "{folder / "data"}"'),
            (r"^port = 9878.*$", f"port = {self.fix_port}"),
            (r"^gateways = .*$", f"gateways = {gateways}"),
            (r"^port = 8081.*$", f"port = {self.market_port}"),
            (r"^port = 8080.*$", "" if api_port is None else f"port = {api_port}"),
            (r"^port = 9879.*$", "" if metrics_port is None else f"port = {metrics_port}"),
            (r"^profile = .*$", f'profile = "{profile}"'),
            (r"^durability = .*$", f'durability = "{durability}"'),
            (r"^\[processes.hosts\]$", f"[processes.hosts]\n{hosts}"),
            (r"^segment_bytes = .*$", f"segment_bytes = {SEGMENT_BYTES}"),
            (r"^heartbeat_timeout_s = .*$", f"heartbeat_timeout_s = {heartbeat_timeout_s}"),
        ):
            self.configure(pattern, line)
        self.bound = bound or {}
        for name, gateway in self.bound.items():
            self.configure(rf'^name = "{name}"$', f'name = "{name}"\ngateway = {gateway}')
        self._finds_database = not makes_database
        self._is_new = True

    def configure(self, pattern: str, line: str) -> None:
        """Put `line` in the place of the one line of the configuration that `pattern` matches; before a start."""
        text, count = re.subn(pattern, line, self.config.read_text(), flags=re.MULTILINE)
        assert count == 1, f"the configuration has {count} lines like {pattern}"
        self.config.write_text(text)

    def start(self) -> None:
        """Run it, and wait until it says that it is ready."""
        if self._finds_database and not self.spawning and not (self.data / "postgres").exists():
            prepare(self.data)
        self._finds_database = False  # what a test takes away later is the venue's to make
        self._begin()
        self.log.unlink(missing_ok=True)
        super().start()
        self.await_ready()

    def await_(self, done: Callable[[], bool], what: str, timeout_s: float = throwaway.READY_S) -> None:
        """Wait until `done`; a test fails where that does not come."""
        try:
            super().await_(done, what, timeout_s)
        except throwaway.NotReady as error:
            raise AssertionError(str(error)) from error

    def _begin(self) -> None:
        """Before its first start, which is not of a paired node: as `lockstep begin`, by the user that runs it."""
        if not self._is_new:
            return
        self._is_new = False
        if self.spawning:
            command = [self.python, "-m", "lockstep", "begin", "--if-none", str(self.config)]
            subprocess.run(command, check=True, capture_output=True, **self.spawning)
        elif not node.folder_of(self.data).exists():
            first_journal.ensure(self.loaded)

    def kill(self) -> None:
        """SIGKILL to the supervisor alone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    @property
    def restarted_whole(self) -> bool:
        """Whether a death since `start` has cost more than a restart of the host, or the core, alone."""
        return "the venue starts again" in self.log.read_text()

    def metrics_port(self) -> int:
        """Where its monitor serves metrics; waits until it does."""
        log = self.folder / "data" / "log" / "monitor.log"
        deadline = time.monotonic() + READY_S
        while True:
            lines = log.read_text().splitlines() if log.exists() else []
            served = [line for line in map(json.loads, lines) if line["event"] == "metrics are served"]
            if served:
                return int(served[-1]["port"])
            assert time.monotonic() < deadline, lines
            time.sleep(0.02)  # its only word is its log

    def postgres(self, but: int = 0) -> int:
        """The process of its embedded PostgreSQL, which takes connections; waits for one that isn't `but`."""
        deadline = time.monotonic() + READY_S
        while True:
            with contextlib.suppress(FileNotFoundError):  # there is none while it starts
                words = (self.folder / "data" / "postgres" / "postmaster.pid").read_text().split()
                if words and words[-1] == "ready" and int(words[0]) != but:
                    return int(words[0])
            assert time.monotonic() < deadline, f"PostgreSQL is not ready after {READY_S} s"
            time.sleep(0.02)  # its only word to others is this file

    def client(self, name: str, version: str = "FIX.4.4", gateway: int | None = None) -> FixClient:
        """A client of a session's own gateway, or of another one."""
        return FixClient(self.fix_port + (gateway or self.bound.get(name, 1)) - 1, name, version=version)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Give `lockstep ARGUMENTS` of this venue's configuration, in this process where that is the same."""
        if not self.spawning and not console.CHANGES_ITS_PROCESS.intersection(arguments[:1]):
            return console.lockstep(*arguments, self.config)
        return subprocess.run(
            [self.python, "-m", "lockstep", *arguments, str(self.config)],
            capture_output=True,
            text=True,
            check=False,
            **self.spawning,
        )

    def status(self) -> dict[str, Any]:
        answer = self.command("status", "--json")
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)  # type: ignore[no-any-return]

    def verify(self) -> None:
        """`lockstep verify` finds nothing wrong."""
        answer = self.command("verify")
        assert answer.returncode == 0, answer.stdout + answer.stderr


@contextlib.contextmanager
def one_for_all(tmp_path_factory: pytest.TempPathFactory, change: Callable[[str], str] = str) -> Iterator[RunningVenue]:
    """A venue with an api that a file's tests share, each with people or symbols of its own; `change` is made to its
    configuration. What they leave is verified at the end."""
    running = RunningVenue(tmp_path_factory.mktemp("venue"), api_port=free_port())
    running.config.write_text(change(running.config.read_text()))
    running.start()
    yield running
    if running.process is not None:
        assert running.stop() == 0
    running.verify()


@pytest.fixture
def venue(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RunningVenue]:
    """A demo venue that runs; parametrize indirectly with its keyword arguments."""
    running = RunningVenue(tmp_path, **getattr(request, "param", {}))
    running.start()
    yield running
    if running.process is not None:
        running.stop()
