"""HAProxy with the project's configuration, on its own ports, in front of a test's nodes."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.pages import ROOT
from tests.ports import free_port

CONFIGURATION = ROOT / "lockstep" / "config" / "haproxy" / "lockstep.cfg"
# Debian has it where only root's path leads.
HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
PATIENCE_S = 30


class Node(NamedTuple):
    """The ports of a node: 0 for one that it lacks."""

    fix: int
    market_data: int
    metrics: int
    api: int


class Ports(NamedTuple):
    """Where HAProxy listens."""

    fix: int
    market_data: int
    api: int


def settings(a: Node, b: Node, own: Ports) -> str:
    """The configuration with these ports in place of its own."""
    text = CONFIGURATION.read_text()
    for old, new in (
        ("bind 127.0.0.1:9778", f"bind 127.0.0.1:{own.fix}"), ("bind 127.0.0.1:8100", f"bind 127.0.0.1:{own.api}"),
        ("bind 127.0.0.1:8101", f"bind 127.0.0.1:{own.market_data}"),
        ("127.0.0.1:8080 port 9879", f"127.0.0.1:{a.api} port {a.metrics}"),
        ("127.0.0.1:8090 port 9889", f"127.0.0.1:{b.api} port {b.metrics}"),
        ("127.0.0.1:9878 port 9879", f"127.0.0.1:{a.fix} port {a.metrics}"),
        ("127.0.0.1:9888 port 9889", f"127.0.0.1:{b.fix} port {b.metrics}"),
        ("127.0.0.1:8081 port 9879", f"127.0.0.1:{a.market_data} port {a.metrics}"),
        ("127.0.0.1:8091 port 9889", f"127.0.0.1:{b.market_data} port {b.metrics}"),
    ):  # fmt: skip
        assert text.count(old) == 1, f"{CONFIGURATION.name} has not just one {old}"
        text = text.replace(old, new)
    return text


@contextmanager
def balancing(folder: Path, a: Node, b: Node) -> Iterator[Ports]:
    """HAProxy before two nodes, listening."""
    assert HAPROXY is not None
    own = Ports(free_port(), free_port(), free_port())
    file = folder / "haproxy.cfg"
    file.write_text(settings(a, b, own))
    with (folder / "haproxy.log").open("wb") as log:
        process = subprocess.Popen([HAPROXY, "-db", "-f", str(file)], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not _listens(own.fix):
            assert process.poll() is None, (folder / "haproxy.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)  # its only word is its port
        yield own
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
