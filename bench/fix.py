"""Row `fix`: wire to wire over one FIX session, every stage of a real venue running, journal `none` and `local`.

Orders a second are those answered, from the first byte sent to the last report read.
"""

from __future__ import annotations

import contextlib
import os
import statistics
from array import array
from pathlib import Path

from bench import orders
from scripts.flow import throwaway
from scripts.flow.initiator import Initiator

SYMBOL = "BENCH"
ORDERS = 1_500_000
ROUNDS = 3
WARM_UP = 2_000
PINGS = 20_000
AHEAD = 100_000
BASE_PRICE = 10_000  # in cents
# The gateway on one core and the core's stages on another; the client, journal and edges where the kernel puts them.
CORES = sorted(os.sched_getaffinity(0))
PINS = f"[processes.cpus]\ngateway = {CORES[0]}\ncore = {CORES[1]}\n" if len(CORES) > 1 else None


def _anonymous_bytes(root: int) -> int:
    """Memory of its own of a process and of all below it (shared memory and page cache left out)."""
    total = 0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended: the child that saves a snapshot
        for line in Path(f"/proc/{root}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss_Anon:"):
                total += int(line.split()[1]) * 1024
        for task in Path(f"/proc/{root}/task").iterdir():
            total += sum(_anonymous_bytes(int(child)) for child in (task / "children").read_text().split())
    return total


def _measure(durability: str) -> list[dict[str, object]]:
    os.sync()  # what the last measurement wrote is not this one's to wait for
    with throwaway.folder(None) as folder:
        config = throwaway.write_config(folder, SYMBOL, durability)
        if PINS is not None:
            config.write_text(config.read_text() + PINS)
        with throwaway.running(config) as venue:
            session = throwaway.log_on(config, SYMBOL, "BUYER")
            throwaway.await_database(config)
            orders.ping(session, 1, BASE_PRICE, 1, array("q", bytes(8 * WARM_UP)))
            round_trips = array("q", bytes(8 * PINGS))
            orders.ping(session, 1 + WARM_UP, BASE_PRICE, 1, round_trips)
            before = _anonymous_bytes(venue.pid)
            rates = _rates(session)
            per_order = (_anonymous_bytes(venue.pid) - before) / (ORDERS * ROUNDS)
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
