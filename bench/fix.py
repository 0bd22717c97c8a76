"""Row `fix`: wire to wire over one FIX session, every stage of a real venue running, journal `none` and `local`.

Orders a second are those answered, from the first byte sent to the last report read.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from array import array
from collections.abc import Iterator
from pathlib import Path

from bench import orders
from lockstep.cli import throwaway
from lockstep.cli.flow.initiator import Initiator

SYMBOL = "BENCH"
ORDERS = 1_500_000
ROUNDS = 3
WARM_UP = 2_000
PINGS = 20_000
AHEAD = 100_000
BASE_PRICE = 10_000  # in cents
SNAPSHOT_S = 120  # until the processes that save one have ended
# The gateway on one core and the core's stages on another; the client, journal and edges where the kernel puts them.
CORES = sorted(os.sched_getaffinity(0))
PINS = f"[processes.cpus]\ngateway = {CORES[0]}\ncore = {CORES[1]}\n" if len(CORES) > 1 else None


def _anonymous_bytes(root: int) -> int:
    """The private memory of a process and of all below it (no shared memory or page cache).

    It waits for forks of a host: one that saves a snapshot has copies of everything that changes meanwhile.
    """
    deadline = time.monotonic() + SNAPSHOT_S
    while any(is_fork for _, is_fork in _processes(root, b"")) and time.monotonic() < deadline:
        time.sleep(0.1)  # the child tells only its parent
    return sum(_anonymous_of(pid) for pid, _ in _processes(root, b""))


def _processes(root: int, parent: bytes) -> Iterator[tuple[int, bool]]:
    """A process and all below it, each with whether it is a fork of the one above it, which has this command line."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
        command = Path(f"/proc/{root}/cmdline").read_bytes()
        yield root, command == parent
        for task in Path(f"/proc/{root}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _processes(int(child), command)


def _anonymous_of(pid: int) -> int:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss_Anon:"))
    return 0


def _measure(durability: str) -> list[dict[str, object]]:
    os.sync()  # this measurement must not wait for what the last one wrote
    with throwaway.folder(None) as folder:
        config = throwaway.write_config(folder, SYMBOL, durability)
        if PINS is not None:
            config.write_text(config.read_text() + PINS)
        with throwaway.running(config) as venue:
            assert venue.process is not None
            session = throwaway.log_on(config, SYMBOL, "BUYER")
            throwaway.await_database(config)
            orders.ping(session, 1, BASE_PRICE, 1, array("q", bytes(8 * WARM_UP)))
            round_trips = array("q", bytes(8 * PINGS))
            orders.ping(session, 1 + WARM_UP, BASE_PRICE, 1, round_trips)
            before = _anonymous_bytes(venue.process.pid)
            rates = _rates(session)
            per_order = (_anonymous_bytes(venue.process.pid) - before) / (ORDERS * ROUNDS)
            session.close()
    rows: list[dict[str, object]] = []
    what = f"resting limits, one session, journal {durability}"
    rows.append(_row(round(statistics.median(rates)), "orders/s", f"{what}, median of {ROUNDS} times {ORDERS:,}"))
    ordered = sorted(round_trips)
    for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)):
        value = round(ordered[int(PINGS * share)] / 1000, 1)
        rows.append(_row(value, "us", f"round trip {name}, one order at a time, journal {durability}"))
    rows.append(_row(round(per_order), "bytes", f"per resting order, all processes, journal {durability}"))
    return rows


def _rates(session: Initiator) -> list[float]:
    first = 1 + WARM_UP + PINGS
    rates = []
    for number in range(ROUNDS):
        took_ns = orders.rest(session, first + number * ORDERS, ORDERS, BASE_PRICE, 1, AHEAD)
        rates.append(ORDERS / took_ns * 1e9)
    return rates


def _row(value: float, unit: str, what: str) -> dict[str, object]:
    return {"row": "fix", "value": value, "unit": unit, "what": what}


def run() -> list[dict[str, object]]:
    """Orders a second, round-trip percentiles and bytes per resting order."""
    return [row for durability in ("none", "local") for row in _measure(durability)]
