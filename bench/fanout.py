"""Row `fanout`: what a message costs that goes to many readers, beside `websockets.broadcast` with the same strings.

Each reader gets trades and best prices: 100 messages a second, two for each of 50 orders. The publisher's processor
time is that of its whole process: reading the rings, making the messages, sending them. The other side only sends. Both
are measured in turn; the readers are a process of their own. Then bursts of orders: there each reader gets every trade,
and of best prices the latest, which are not counted.
"""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench import orders
from bench.telling import _pid
from lockstep.cli import throwaway
from lockstep.cli.flow.initiator import Initiator

SYMBOL = "BENCH"
STREAMS = "bench@trade/bench@bookTicker"
CLIENTS = (10, 100, 500)
COMMANDS = 250
APART_MS = 20
MESSAGES = 2  # of a command
ROUNDS = 3
PRICE = 10_000  # in cents
OFFERED = 1_000_000
BURST, BURSTS = 500, 10  # orders at once, times
BURST_CLIENTS = 100
NS_TO_READ = 100_000_000  # what a burst was answered
PAUSE_S = 0.3  # after a burst: more than its messages take


def cpu_s(pid: int) -> float:
    """Processor time that a process has taken, all threads together."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


@contextlib.contextmanager
def audience(port: int, clients: int) -> Iterator[list[float]]:
    """Readers, while they read; then the list has when the last bytes came, in seconds of the monotonic clock.

    RuntimeError if one was cut off, or got nothing.
    """
    command = [sys.executable, "-m", "bench.audience", str(port), str(clients), STREAMS]
    last_s: list[float] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError("the readers could not connect")
        yield last_s
        said, _ = process.communicate()
        _, fewest, ended, _, last = said.split()
        if int(ended) or not int(fewest):
            raise RuntimeError(f"{ended} of {clients} readers were cut off, the fewest got {fewest} bytes")
        last_s.append(float(last))


def _cost_us(pid: int, messages: int, tell: Callable[[], None]) -> float:
    """Microseconds of a process for each of so many messages."""
    before = cpu_s(pid)
    tell()
    return (cpu_s(pid) - before) / messages * 1e6


def _buy(session: Initiator, first_ref: int) -> None:
    orders.buy_paced(session, first_ref, COMMANDS, PRICE, APART_MS * 1_000_000)


def _burst(session: Initiator, first_ref: int) -> None:
    orders.buy_paced(session, first_ref, BURST, PRICE, 0)
    time.sleep(PAUSE_S)  # the readers are another process; what they got last is looked at after their end


class Broadcast:
    """The other side, in a process of its own."""

    def __init__(self, commands: int, apart_ms: int) -> None:
        command = [sys.executable, "-m", "bench.broadcast", str(commands), str(apart_ms)]
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
    """Processor time a message of both, and their ratio, for each number of clients and bursts; and a burst's rate."""
    with throwaway.folder(None) as folder:
        config = throwaway.write_config(folder, SYMBOL, "none")
        port = tomllib.loads(config.read_text())["market_data"]["port"]
        with throwaway.running(config):
            seller, buyer = (throwaway.log_on(config, SYMBOL, name) for name in ("SELLER", "BUYER"))
            throwaway.await_database(config)
            orders.offer(seller, 1, PRICE, OFFERED)
            pid = _pid(config, "publisher")
            rows = _paced(pid, port, buyer) + _bursts(pid, port, buyer)
            for session in (seller, buyer):
                session.close()
    return rows


def _paced(pid: int, port: int, buyer: Initiator) -> list[dict[str, object]]:
    rows, ref = [], 1
    other = Broadcast(COMMANDS, APART_MS)
    for clients in CLIENTS:
        ours, theirs = [], []
        messages = COMMANDS * MESSAGES * clients
        for _ in range(ROUNDS):
            with audience(port, clients):
                ours.append(_cost_us(pid, messages, partial(_buy, buyer, ref)))
            ref += COMMANDS
            with audience(other.port, clients):
                theirs.append(_cost_us(other.pid, messages, other.tell))
        rows += _both(ours, theirs, f"a message to each of {clients} clients, 100 a second")
    other.end()
    return rows


def _bursts(pid: int, port: int, buyer: Initiator) -> list[dict[str, object]]:
    ours, theirs, rates = [], [], []
    ref = 1_000_000
    other = Broadcast(BURST * BURSTS, 0)
    for _ in range(ROUNDS):
        cost_us = 0.0
        for _ in range(BURSTS):
            with audience(port, BURST_CLIENTS) as last_s:
                began_s = time.monotonic()
                cost_us += _cost_us(pid, BURST * BURST_CLIENTS, partial(_burst, buyer, ref)) / BURSTS
            orders.buy_paced(buyer, ref + BURST, 1, PRICE, NS_TO_READ)
            ref += BURST + 1
            rates.append(BURST * BURST_CLIENTS / (last_s[0] - began_s))
        ours.append(cost_us)
        with audience(other.port, BURST_CLIENTS):
            theirs.append(_cost_us(other.pid, BURST * BURSTS * MESSAGES * BURST_CLIENTS, other.tell))
    other.end()
    what = f"a message to each of {BURST_CLIENTS} clients, {BURST} orders at once"
    delivered = f"delivered to {BURST_CLIENTS} clients from the first order on, {BURST} orders at once"
    return [*_both(ours, theirs, what), _row(round(statistics.median(rates)), "messages/s", delivered)]


def _both(ours: list[float], theirs: list[float], what: str) -> list[dict[str, object]]:
    ratio = statistics.median(our / their for our, their in zip(ours, theirs, strict=True))
    return [
        _row(round(statistics.median(ours), 3), "us", f"processor time of {what}"),
        _row(round(statistics.median(theirs), 3), "us", f"{what}, by websockets.broadcast"),
        _row(round(ratio, 3), "x", f"{what}, the publisher's over the other's"),
    ]


def _row(value: float, unit: str, what: str) -> dict[str, object]:
    return {"row": "fanout", "value": value, "unit": unit, "what": what}
