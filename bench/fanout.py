"""Row `fanout`: what a message costs that goes to many readers, beside `websockets.broadcast` with the same strings.

Each reader gets trades and best prices: 100 messages a second, two for each of 50 orders. The publisher's processor
time is that of its whole process: reading the rings, making the messages, sending them. The other side only sends. Both
are measured in turn; the readers are a process of their own.
"""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench import orders
from bench.telling import _pid
from scripts.flow import throwaway
from scripts.flow.initiator import Initiator

SYMBOL = "BENCH"
STREAMS = "bench@trade/bench@bookTicker"
CLIENTS = (10, 100, 500)
COMMANDS = 250
APART_MS = 20
MESSAGES = 2  # of a command
ROUNDS = 3
PRICE = 10_000  # in cents
OFFERED = 1_000_000


def cpu_s(pid: int) -> float:
    """Processor time that a process has taken, all threads together."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


@contextlib.contextmanager
def audience(port: int, clients: int) -> Iterator[None]:
    """Readers, while they read. RuntimeError if one was cut off, or got nothing."""
    command = [sys.executable, "-m", "bench.audience", str(port), str(clients), STREAMS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError("the readers could not connect")
        yield
        said, _ = process.communicate()
        _, fewest, ended, _ = said.split()
        if int(ended) or not int(fewest):
            raise RuntimeError(f"{ended} of {clients} readers were cut off, the fewest got {fewest} bytes")


def _cost_us(pid: int, clients: int, tell: Callable[[], None]) -> float:
    """Microseconds of a process for each message that each client got."""
    before = cpu_s(pid)
    tell()
    return (cpu_s(pid) - before) / (COMMANDS * MESSAGES * clients) * 1e6


def _buy(session: Initiator, first_ref: int) -> None:
    orders.buy_paced(session, first_ref, COMMANDS, PRICE, APART_MS * 1_000_000)


class Broadcast:
    """The other side, in a process of its own."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "bench.broadcast", str(COMMANDS), str(APART_MS)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid
        self.port = int(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def tell(self) -> None:
        """Send everything, and wait until it is sent."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        self._line()

    def end(self) -> None:
        self._process.communicate()


def run() -> list[dict[str, object]]:
    """Processor time a message of both, and their ratio, for each number of clients."""
    rows: list[dict[str, object]] = []
    with throwaway.folder(None) as folder:
        config = throwaway.write_config(folder, SYMBOL, "none")
        port = tomllib.loads(config.read_text())["market_data"]["port"]
        with throwaway.running(config):
            seller, buyer = (throwaway.log_on(config, SYMBOL, name) for name in ("SELLER", "BUYER"))
            throwaway.await_database(config)
            orders.offer(seller, 1, PRICE, OFFERED)
            pid, ref = _pid(config, "publisher"), 1
            other = Broadcast()
            for clients in CLIENTS:
                ours, theirs = [], []
                for _ in range(ROUNDS):
                    with audience(port, clients):
                        ours.append(_cost_us(pid, clients, partial(_buy, buyer, ref)))
                    ref += COMMANDS
                    with audience(other.port, clients):
                        theirs.append(_cost_us(other.pid, clients, other.tell))
                ratio = statistics.median(our / their for our, their in zip(ours, theirs, strict=True))
                what = f"a message to each of {clients} clients, 100 a second"
                rows.append(_row(round(statistics.median(ours), 2), "us", f"processor time of {what}"))
                rows.append(
                    _row(round(statistics.median(theirs), 2), "us", f"the same by websockets.broadcast, {clients}")
                )
                rows.append(_row(round(ratio, 2), "x", f"the publisher's over the other's, {clients} clients"))
            other.end()
            for session in (seller, buyer):
                session.close()
    return rows


def _row(value: float, unit: str, what: str) -> dict[str, object]:
    return {"row": "fanout", "value": value, "unit": unit, "what": what}
