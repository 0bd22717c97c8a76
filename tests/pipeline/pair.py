"""Two real nodes of one venue on this machine, each with its own folder, name, ports and processes."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from lockstep import config as loader
from lockstep.core.journal.end import segment_header
from lockstep.core.venue import first_journal, node, venue_key
from lockstep.core.venue.node import Node
from tests.pipeline.conftest import RunningVenue
from tests.ports import free_port
from tests.replicator.proxy import ALL, Proxy

WAIT_S = 60
TURN_S = 0.01
HOSTS = 'gateway = ["publisher", "gateway.1", "api"]'  # two processes less: a start is cheaper


class Cable(threading.Thread):
    """A link by a proxy that carries what there is; `proxy` is changed under its `lock`."""

    def __init__(self, to: int) -> None:
        super().__init__(daemon=True)
        self.proxy = Proxy(to)
        self.lock = threading.Lock()
        self._is_over = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._is_over.is_set():
            with self.lock:
                ends = [pipe.source for carried in self.proxy.carried for pipe in carried if not pipe.is_ended]
            if self.proxy.is_mute or self.proxy.rate < ALL:
                time.sleep(TURN_S)  # the fault itself
            else:
                select.select([self.proxy.listener, *ends], [], [], TURN_S)
            with self.lock:
                self.proxy.turn()

    def stop(self) -> None:
        self._is_over.set()
        self.join()
        self.proxy.close()


class Pair:
    """Nodes `a`, the primary at first, and `b`, its secondary. Each reaches the other by a cable of its own."""

    def __init__(
        self,
        folder: Path,
        durability: str = "replicated",
        acknowledge: str = "disk",
        gateways: int = 1,
        bound: dict[str, int] | None = None,
    ) -> None:
        self.ports = ports = free_port(), free_port()
        self.a, self.b = (
            RunningVenue(
                self._folder(folder, name), durability=durability, hosts=HOSTS, gateways=gateways, bound=bound,
                api_port=free_port(),
            )
            for name in ("a", "b")
        )  # fmt: skip
        self.to_a, self.to_b = Cable(ports[0]), Cable(ports[1])
        for own, name, port, peer in ((self.a, "a", ports[0], self.to_b), (self.b, "b", ports[1], self.to_a)):
            own.configure(r'^# node = "a".*$', f'node = "{name}"')
            own.configure(r"^port = 9900.*$", f"port = {port}")
            own.configure(r"^peer_port = 9901.*$", f"peer_port = {peer.proxy.port}")
            own.configure(r'^acknowledge = "disk".*$', f'acknowledge = "{acknowledge}"')

    @staticmethod
    def _folder(folder: Path, name: str) -> Path:
        (folder / name).mkdir()
        return folder / name

    def start_first(self) -> None:
        """Start node `a`, which begins the venue's journal as `lockstep pair` has it do."""
        first_journal.begin(loader.load(self.a.config))
        node.save(self.a.data, Node(members=("a",)))
        self.a.start()

    def start(self) -> None:
        """Start both; a new secondary begins with nothing but the id of the primary's journal."""
        self.start_first()
        journal_id = segment_header(self.a.data / "journal", 1).journal_id
        node.save(self.b.data, Node("secondary", journal_id=journal_id.hex()))
        shutil.copy(self.a.data / venue_key.FILE, self.b.data)
        self.b.start()
        self.await_link(self.a)

    def await_link(self, venue: RunningVenue, state: str = "in_step") -> None:
        """Wait until a node says that of its link."""
        file = venue.data / "run" / "link.json"
        within(lambda: file.exists() and json.loads(file.read_bytes())["state"] == state, f"link is not {state}")

    def promote(self, venue: RunningVenue) -> None:
        """`lockstep failover` on a node, the other one being off."""
        answer = venue.command("failover", "--peer-is-off", "the test has killed it")
        assert answer.returncode == 0, answer.stdout + answer.stderr

    def switch(self, follows: RunningVenue) -> None:
        """`lockstep switchover` on `follows`."""
        answer = follows.command("switchover")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        self.await_link(follows)

    def stopped(self, venue: RunningVenue) -> None:
        """Stop all processes of a node, as a host that hangs."""
        assert venue.process is not None
        for pid in (venue.process.pid, *venue.pids().values()):
            os.kill(pid, signal.SIGSTOP)

    def go_on(self, venue: RunningVenue) -> None:
        assert venue.process is not None
        for pid in (venue.process.pid, *venue.pids().values()):
            os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        for venue in (self.b, self.a):
            if venue.process is not None:
                self.go_on(venue)
                venue.stop()
        for cable in (self.to_a, self.to_b):
            cable.stop()


def within(condition: Callable[[], object], what: str, timeout_s: float = WAIT_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} after {timeout_s} s"
        time.sleep(0.03)  # a look may be an order, or a reading of the journal
