"""A throw-away pair of nodes on this machine: two folders, two sets of ports, started, killed and stopped as hosts are.

They are ordinary nodes under ordinary supervisors; nothing in them knows that they will be thrown away.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from lockstep.cli import throwaway
from lockstep.cli.flow.play import Target
from lockstep.cli.running import attach
from lockstep.core.venue import node
from lockstep.procs.supervisor.children import Children
from lockstep.procs.supervisor.run import remove_leftovers
from lockstep.shm.board import Word
from lockstep.shm.segment import RoleLock

SYMBOL = "FLOW"
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


class Member(throwaway.Venue):
    """One of the pair."""

    def __init__(self, folder: Path, name: str, durability: str, replication: str) -> None:
        folder.mkdir(parents=True)
        super().__init__(throwaway.write_config(folder, SYMBOL, durability, replication))
        self.name = name

    @property
    def target(self) -> Target:
        """Where its clients find it."""
        loaded = self.loaded
        ports = dict.fromkeys(("BUYER", "SELLER"), loaded.fix.port)
        comp_id = loaded.fix.target_comp_id
        return Target("127.0.0.1", ports, loaded.market_data.port, comp_id, SYMBOL, "BUYER", "SELLER", "demo")

    def word(self, word: Word) -> int:
        """Return a word of its board; 0 while it has none."""
        venue = attach(self.data)
        return venue.board.get(word) if venue is not None else 0

    def leads(self) -> bool:
        """Return whether it takes orders."""
        return self.word(Word.EPOCH) != 0

    def stop(self, by: int = signal.SIGINT) -> int:
        """Stop it in order; what it left in shared memory when it died is removed."""
        if self.process is not None:
            return super().stop(by)
        if (self.data / "run").is_dir():
            lock = RoleLock(self.data / "venue.lock")
            lock.acquire()
            remove_leftovers(self.data, Children(self.data / "run" / "children.json"))
            lock.release()
        return 0


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
        files = [str(member.config) for member in self.members]
        answer = subprocess.run(
            [sys.executable, "-m", "lockstep", "pair", *files], capture_output=True, text=True, check=False
        )
        if answer.returncode:
            raise throwaway.NotReady(answer.stdout + answer.stderr)

    def swap(self) -> None:
        """The other one leads now."""
        self.primary, self.secondary = self.secondary, self.primary

    def await_followed(self) -> None:
        """Until the secondary has all that the primary has, and the primary's commits wait for it if they should.
        NotReady.
        """
        paired = self.primary.loaded.venue.durability in ("replicated", "both")
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
