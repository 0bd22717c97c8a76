"""Row `telling`: what readers of market data cost trading, over a FIX session of a real venue.

Orders a second with many readers of market data beside those without, in turn; and round trips of another session in
the second in which the publisher, and then the batcher, hangs under load. The readers are a process of their own on
the same cores: their processor time is reported too.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
import tomllib
from array import array
from collections.abc import Iterator
from pathlib import Path

from bench import orders
from lockstep.cli import throwaway
from lockstep.cli.flow.initiator import Initiator

SYMBOL = "BENCH"
READERS = 500
STREAMS = "bench@trade/bench@depth@100ms/bench@bookTicker"
ORDERS = 500_000
ROUNDS = 5
WARM_UP = 100_000
AHEAD = 100_000
BASE_PRICE = 10_000  # in cents
LOAD_ORDERS = 600_000  # more than are answered while a stage hangs
LOAD_AHEAD = 2_000  # so that a ping waits for the venue, and not for all the load that is on its way
PINGS_BEFORE_S = 0.5
PINGS_S = 1.0


class Load:
    """Resting orders of one session, numbered on."""

    def __init__(self, session: Initiator) -> None:
        self._session = session
        self._next = 1

    def rate(self, count: int, ahead: int = AHEAD) -> float:
        took_ns = orders.rest(self._session, self._next, count, BASE_PRICE, 1, ahead)
        self._next += count
        return count / took_ns * 1e9


class Audience:
    """The readers, while they read. `cpu_s` and `ended` are known when they have ended."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.received = self.fewest = self.ended = 0
        self.cpu_s = 0.0

    def end(self) -> None:
        said, _ = self._process.communicate()
        received, fewest, ended, cpu_s, _ = said.split()
        self.received, self.fewest, self.ended, self.cpu_s = int(received), int(fewest), int(ended), float(cpu_s)


@contextlib.contextmanager
def _audience(port: int) -> Iterator[Audience]:
    command = [sys.executable, "-m", "bench.audience", str(port), str(READERS), STREAMS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError("the readers could not connect")
        audience = Audience(process)
        yield audience
        audience.end()


def _with_readers(config: Path, load: Load) -> list[dict[str, object]]:
    port = tomllib.loads(config.read_text())["market_data"]["port"]
    alone, watched, shares = [], [], []
    load.rate(WARM_UP)
    for _ in range(ROUNDS):
        alone.append(load.rate(ORDERS))
        with _audience(port) as audience:
            began_s = time.monotonic()
            watched.append(load.rate(ORDERS))
            took_s = time.monotonic() - began_s
        if audience.ended or not audience.fewest:
            raise RuntimeError(f"{audience.ended} of {READERS} readers were cut off, the fewest got {audience.fewest}")
        shares.append(audience.cpu_s / took_s)
    ratio = statistics.median(with_them / without for with_them, without in zip(watched, alone, strict=True))
    times = f"median of {ROUNDS} times {ORDERS:,}"
    return [
        _row(round(statistics.median(alone)), "orders/s", f"without readers, {times}"),
        _row(round(statistics.median(watched)), "orders/s", f"with {READERS} readers of three streams, {times}"),
        _row(round(ratio, 2), "x", "with readers over without, median of the rounds"),
        _row(round(statistics.median(shares), 2), "cores", "of those the readers' own process takes"),
    ]


def _hanging(config: Path, load: Load, host: str) -> list[dict[str, object]]:
    """Round trips of a session while another loads the venue, and `host` hangs."""
    pid = _pid(config, host)
    thread = threading.Thread(target=load.rate, args=(LOAD_ORDERS, LOAD_AHEAD))
    session = throwaway.log_on(config, SYMBOL, "SELLER")
    first = time.time_ns() // 1000 % 10**12  # of this session's client ids: another one in each of its lives
    thread.start()
    _pings(session, first, PINGS_BEFORE_S)
    os.kill(pid, signal.SIGSTOP)
    trips = sorted(_pings(session, first + 10**6, PINGS_S))
    thread.join()
    session.close()
    throwaway.await_database(config)
    if _pid(config, host) == pid:
        raise RuntimeError(f"the {host} was not taken out of the gate: the load did not fill its rings")
    what = f"round trip under load in the second in which the {host} hangs"
    return [
        _row(round(trips[int(len(trips) * share)] / 1e6, 2), "ms", f"{what}, {name}")
        for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))
    ] + [_row(round(trips[-1] / 1e6, 1), "ms", f"{what}, the longest of {len(trips):,}")]


def _pings(session: Initiator, first: int, seconds: float) -> list[int]:
    """One order at a time for this long; nanoseconds of each."""
    one = array("q", bytes(8))
    found: list[int] = []
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        orders.ping(session, first + len(found), BASE_PRICE, 1, one)
        found.append(one[0])
    return found


def _pid(config: Path, host: str) -> int:
    """The process of a host that runs."""
    command = [sys.executable, "-m", "lockstep", "status", str(config), "--json"]
    status = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return int(next(each["pid"] for each in status["hosts"] if each["name"] == host))


def _row(value: float, unit: str, what: str) -> dict[str, object]:
    return {"row": "telling", "value": value, "unit": unit, "what": what}


def run() -> list[dict[str, object]]:
    """The rate with readers and without; round trips while publisher or batcher hang."""
    os.sync()  # this measurement must not wait for what the last one wrote
    with throwaway.folder(None) as folder:
        config = throwaway.write_config(folder, SYMBOL, "none")
        rich = f'deposits = {{ USD = "1000000000000", {SYMBOL}'
        config.write_text(config.read_text().replace(f"deposits = {{ {SYMBOL}", rich))
        with throwaway.running(config):
            session = throwaway.log_on(config, SYMBOL, "BUYER")
            throwaway.await_database(config)
            load = Load(session)
            rows = _with_readers(config, load)
            throwaway.await_database(config)
            rows += [row for host in ("publisher", "batcher") for row in _hanging(config, load, host)]
            session.close()
    return rows
