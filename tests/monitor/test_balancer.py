"""A balancer leads clients to the node that leads: HAProxy, by lockstep/config/haproxy, before real health endpoints.

tests/pipeline/test_looking.py has it before a whole venue. Where HAProxy is not installed, both say so and skip.
"""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from lockstep.config.loader import load
from lockstep.config.schema import MetricsSection
from lockstep.procs.monitor.server import Answer, Server
from tests.balancer import CONFIGURATION, HAPROXY, PATIENCE_S, Node, balancing
from tests.pages import ROOT

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="HAProxy is not installed")


class Stand:
    """A node as a balancer sees it: health over HTTP, and a port that answers each line with the node's name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.leads = False
        self._loop = asyncio.new_event_loop()
        self._health = Server(MetricsSection(port=0), {"/health/leader": self._answer})
        self._loop.run_until_complete(self._open())
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def _answer(self) -> Answer:
        return Answer(200, b"ok\n") if self.leads else Answer(503, b"this node does not lead\n")

    async def _open(self) -> None:
        await self._health.open()
        self._lines = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            writer.write(f"{self.name}\n".encode())
        writer.close()

    @property
    def ports(self) -> Node:
        port = int(self._lines.sockets[0].getsockname()[1])
        return Node(port, port, self._health.port, port)

    def lose_health(self) -> None:
        """Its monitor ends: nothing listens there."""
        self._loop.call_soon_threadsafe(self._health.close)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._health.close()
        self._lines.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
        yield client


def answer(client: socket.socket) -> str:
    """Which node is at the other end; "" if the connection is closed."""
    try:
        client.sendall(b"who?\n")
        return client.recv(16).decode().strip()
    except ConnectionError:
        return ""


def comes_to(port: int) -> str:
    with connected(port) as client:
        return answer(client)


def within(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.05)  # the balancer's next look at the nodes


@pytest.fixture
def nodes() -> Iterator[tuple[Stand, Stand]]:
    with ExitStack() as stack:
        made = Stand("a"), Stand("b")
        for node in made:
            stack.callback(node.close)
        yield made


def test_clients_come_to_the_node_that_leads_and_to_none_where_none_does(
    tmp_path: Path, nodes: tuple[Stand, Stand]
) -> None:
    a, b = nodes
    a.leads = True
    with balancing(tmp_path, a.ports, b.ports) as (fix, market_data, _):
        for port in (fix, market_data):
            within(lambda port=port: {comes_to(port) for _ in range(4)} == {"a"})  # type: ignore[misc]
        with connected(fix) as stays:
            assert answer(stays) == "a"
            a.leads = False
            for port in (fix, market_data):
                within(lambda port=port: comes_to(port) == "")  # type: ignore[misc]
            assert answer(stays) == "a"  # a core that starts again leads soon: its clients stay
            b.leads = True
            for port in (fix, market_data):
                within(lambda port=port: comes_to(port) == "b")  # type: ignore[misc]
        b.lose_health()
        within(lambda: comes_to(fix) == "")
        a.leads = True
        within(lambda: comes_to(fix) == "a")


def test_no_listener_has_a_port_of_the_venue() -> None:
    """On one host with a node, HAProxy would take the link's port, and the node would not start."""
    binds = {int(port) for port in re.findall(r"bind 127\.0\.0\.1:(\d+)", CONFIGURATION.read_text())}
    taken = set()
    for name in ("demo", "node-a", "node-b"):
        loaded = load(ROOT / "lockstep" / "config" / f"{name}.toml")
        link = loaded.replication
        taken |= {link.port, link.peer_port, link.own_database, link.peer_database, loaded.metrics.port}
        taken |= {*loaded.fix.ports.values(), loaded.market_data.port, loaded.api.port}
    assert len(binds) == 4
    assert not binds & taken


def test_haproxy_finds_nothing_wrong_with_the_configuration_as_it_is_nor_with_a_second_gateway(tmp_path: Path) -> None:
    text = CONFIGURATION.read_text()
    begin = text.index("# listen fix-2")
    end = text.index("\n\n", begin)
    second = tmp_path / "second.cfg"
    second.write_text(text[:begin] + text[begin:end].replace("# ", "") + text[end:])
    assert "\nlisten fix-2\n    bind" in second.read_text()
    for file in (CONFIGURATION, second):
        checked = subprocess.run([str(HAPROXY), "-c", "-f", str(file)], capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")
