"""A throw-away pair of nodes on this machine: two folders, two sets of ports, started, killed and stopped as hosts are.

They are ordinary nodes under ordinary supervisors; nothing in them knows that they will be thrown away.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from lockstep import config as loader
from lockstep.cli.flow import throwaway
from lockstep.cli.flow.play import Target
from lockstep.cli.running import attach
from lockstep.core.venue import node
from lockstep.core.venue.parent_death import tied
from lockstep.procs.supervisor.children import Children
from lockstep.procs.supervisor.procfs import identify
from lockstep.procs.supervisor.run import remove_leftovers
from lockstep.shm.board import Word
from lockstep.shm.segment import RoleLock

SYMBOL = "FLOW"
READY_S = 60.0
STOP_S = 120.0
LOOK_S = 0.01
NAMES = ("a", "b")
API = """
[api]
port = {api_port}
orders_per_10_s = 0
orders_per_day = 0
request_weight_per_minute = 0

[[accounts]]
name = "WEB"
password = "demo"
demo_keys = true
deposits = {{ USD = "1000000000" }}
max_open_orders = 0
"""


class NotReady(RuntimeError):  # noqa: N818
    """A node did not do in time what it should; the message has its last lines."""


class Member:
    """One of the pair: its folder and configuration, and its supervisor while that runs."""

    def __init__(self, folder: Path, name: str, durability: str, replication: str) -> None:
        folder.mkdir(parents=True)
        self.name = name
        self.log = folder / "run.log"
        self.file = throwaway.write_config(folder, SYMBOL, durability, replication)
        self.config = loader.load(self.file)
        self.data = Path(self.config.venue.data)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def target(self) -> Target:
        """Where its clients find it."""
        ports = dict.fromkeys(("BUYER", "SELLER"), self.config.fix.port)
        comp_id = self.config.fix.target_comp_id
        return Target("127.0.0.1", ports, self.config.market_data.port, comp_id, SYMBOL, "BUYER", "SELLER", "demo")

    def word(self, word: Word) -> int:
        """A word of its board; 0 while it has none."""
        venue = attach(self.data)
        return venue.board.get(word) if venue is not None else 0

    def start(self) -> None:
        """Run it; `await_` says when it is what it should be. It stops in order if this process is gone."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "lockstep", "run", str(self.file)]
            self.process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=tied()
            )

    def command(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Carry out a command of `lockstep` on it, and wait for its end."""
        command = [sys.executable, "-m", "lockstep", name, str(self.file), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def await_(self, done: Callable[[], bool], what: str, timeout_s: float = READY_S) -> None:
        """NotReady if it has ended, or `done` stays false."""
        deadline_s = time.monotonic() + timeout_s
        while not done():
            ended = self.process is None or self.process.poll() is not None
            if ended or time.monotonic() > deadline_s:
                raise NotReady(f"node {self.name} does not {what}; it said:\n{self.log.read_text()[-4000:]}")
            time.sleep(LOOK_S)  # files and words of a board: nothing to wait on

    def leads(self) -> bool:
        """Whether it takes orders."""
        return self.word(Word.EPOCH) != 0

    def die(self) -> None:
        """End every process of it at once, PostgreSQL too, as when its host dies; what was written stays written."""
        assert self.process is not None
        listed = msgspec.json.decode((self.data / "run" / "children.json").read_bytes())
        pids = [self.process.pid, *(entry["pid"] for entry in listed)]
        with contextlib.suppress(FileNotFoundError, IndexError, ValueError):  # none runs, or it is about to
            pids.append(int((self.data / "postgres" / "postmaster.pid").read_text().split()[0]))
        alive = [pid for pid in pids if identify(pid)]
        for number in (signal.SIGSTOP, signal.SIGKILL):  # none acts on another's death
            for pid in alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        self.process.wait()
        self.process = None

    def stop(self) -> int:
        """Stop it in order; its exit code. What it left in shared memory when it died is removed."""
        if self.process is None:
            self._tidy()
            return 0
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.process = None

    def _tidy(self) -> None:
        if not (self.data / "run").is_dir():
            return
        lock = RoleLock(self.data / "venue.lock")
        lock.acquire()
        remove_leftovers(self.data, Children(self.data / "run" / "children.json"))
        lock.release()


class Pair:
    """Nodes `a` and `b`, which `lockstep pair` has paired; `a` leads first. NotReady."""

    def __init__(self, folder: Path, durability: str, acknowledge: str = "disk") -> None:
        ports = [throwaway.free_port() for _ in NAMES]
        self.members = [
            Member(
                folder / name, name, durability,
                _replication(name, ports[own], ports[1 - own], acknowledge, throwaway.free_port()),
            )
            for own, name in enumerate(NAMES)
        ]  # fmt: skip
        self.primary, self.secondary = self.members
        files = [str(member.file) for member in self.members]
        answer = subprocess.run(
            [sys.executable, "-m", "lockstep", "pair", *files], capture_output=True, text=True, check=False
        )
        if answer.returncode:
            raise NotReady(answer.stdout + answer.stderr)

    def swap(self) -> None:
        """The other one leads now."""
        self.primary, self.secondary = self.secondary, self.primary

    def await_followed(self) -> None:
        """Until the secondary has all that the primary has, and the primary's commits wait for it if they should.
        NotReady.
        """
        paired = self.primary.config.venue.durability in ("replicated", "both")
        end = self.primary.word(Word.LOG_END)

        def follows() -> bool:
            members = node.load(self.primary.data).members
            return (not paired or len(members) > 1) and self.secondary.word(Word.LOG_END) >= end

        self.secondary.await_(follows, f"follow {self.primary.name}")

    def stop(self) -> None:
        """Stop both, the secondary first: so it has nobody to wait for."""
        for member in (self.secondary, self.primary):
            member.stop()


def _replication(name: str, port: int, peer_port: int, acknowledge: str, api_port: int) -> str:
    ports = f"port = {port}\npeer_port = {peer_port}"
    return f'\n[replication]\nnode = "{name}"\n{ports}\nacknowledge = "{acknowledge}"\n' + API.format(api_port=api_port)
