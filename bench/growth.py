"""Row `growth`: what a command costs matcher and core as resting orders and instruments grow a thousandfold.

Each point is a book filled so far and then kept so by a steady mix; what is charted is this thread's own time.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from bench import drive, plot
from bench.core import Inside
from bench.encode import Encoder
from bench.growth_load import Steady
from bench.matcher_w1 import Rig

RESTING = (1_000, 10_000, 100_000, 1_000_000)
INSTRUMENTS = (1, 10, 100, 1_000)
RESTING_IN_ALL = 100_000  # while instruments grow
ORDERS_A_LEVEL = 20
COMMANDS = 300_000
ROUNDS = 3
CHARTS = Path("docs")


def _steady(resting: int, instruments: int, commands: int) -> Steady:
    """So many orders a price, however many there are: the number of prices grows with them."""
    prices = max(2, resting // (2 * ORDERS_A_LEVEL * instruments))
    return Steady(resting, instruments, prices, commands)


def _matcher(load: Steady) -> tuple[float, float]:
    """Nanoseconds for a command of the steady part, and bytes for a resting order."""
    rig, encoder = Rig(load.instruments), Encoder(load)
    drive.in_one_thread(encoder, rig.log, rig.matcher, rig.events, load.filled)
    per_order = sum(rig.matcher.book.memory().values()) / load.filled
    begun = time.thread_time_ns()
    drive.in_one_thread(encoder, rig.log, rig.matcher, rig.events, load.count)
    return (time.thread_time_ns() - begun) / (load.count - load.filled), per_order


def _core(load: Steady) -> float:
    venue, encoder = Inside(load.instruments), Encoder(load)
    venue.run(encoder, load.filled)
    begun = time.thread_time_ns()
    venue.run(encoder, load.count)
    return (time.thread_time_ns() - begun) / (load.count - load.filled)


def _row(value: float, unit: str, what: str) -> dict[str, object]:
    return {"row": "growth", "value": round(value, 2), "unit": unit, "what": what}


def _sweep(what: str, chart: str, points: list[tuple[int, Steady]]) -> list[dict[str, object]]:
    """One kind of growth: a row a point, how much the dearest costs over the cheapest, and a chart."""
    rows: list[dict[str, object]] = []
    lines: dict[str, list[tuple[float, float]]] = {"matcher": [], "router and matcher": []}
    for x, load in points:
        lines["matcher"].append((x, statistics.median(_matcher(load)[0] for _ in range(ROUNDS))))
        lines["router and matcher"].append((x, statistics.median(_core(load) for _ in range(ROUNDS))))
    for name, line in lines.items():
        rows += [_row(y, "ns", f"{name}, a command, {x:,} {what}") for x, y in line]
        costs = [y for _, y in line]
        rows.append(_row(max(costs) / min(costs), "x", f"{name}, dearest over cheapest, {what} grow a thousandfold"))
    plot.lines(CHARTS / chart, f"Cost of a command as {what} grow", what, "ns", lines, 0)
    return rows


def run(largest: int = RESTING[-1], commands: int = COMMANDS) -> list[dict[str, object]]:
    """Both sweeps, and bytes for a resting order at each size up to `largest`."""
    sizes = [size for size in RESTING if size <= largest]
    by_size = [(size, _steady(size, 1, commands)) for size in sizes]
    by_instruments = [(n, _steady(min(largest, RESTING_IN_ALL), n, commands)) for n in INSTRUMENTS if n <= largest]
    rows = _sweep("resting orders", "benchmark-growth-orders.svg", by_size)
    rows += _sweep("instruments", "benchmark-growth-instruments.svg", by_instruments)
    memory: list[tuple[float, float]] = [(size, _matcher(load)[1]) for size, load in by_size]
    rows += [
        _row(y, "bytes", f"matcher, a resting order with index and levels, {x:,} resting orders") for x, y in memory
    ]
    plot.lines(
        CHARTS / "benchmark-growth-memory.svg", "Memory of the matcher for a resting order", "resting orders", "bytes",
        {"order, index and price levels": memory}, 0,
    )  # fmt: skip
    return rows
