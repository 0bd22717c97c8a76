"""Row `growth`: what a command costs matcher and core as resting orders and instruments grow a thousandfold.

Each point is a book filled to a size and kept there by a steady mix; the chart has this thread's own time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
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
COMMANDS = 200_000
ROUNDS = 3
CHARTS = Path("docs")


def _steady(resting: int, instruments: int, commands: int, *, is_near: bool = False) -> Steady:
    """A fixed number of orders a price: the number of prices grows with the orders."""
    prices = max(2, resting // (2 * ORDERS_A_LEVEL * instruments))
    return Steady(resting, instruments, prices, commands, is_near)


def _matcher(load: Steady) -> float:
    """Nanoseconds for a command of the steady part."""
    rig, encoder = Rig(load.instruments), Encoder(load, load.instruments + 1)
    drive.in_one_thread(encoder, rig.log, rig.matcher, rig.events, load.filled)
    begun = time.thread_time_ns()
    drive.in_one_thread(encoder, rig.log, rig.matcher, rig.events, load.count)
    return (time.thread_time_ns() - begun) / (load.count - load.filled)


def _bytes(load: Steady) -> float:
    """Bytes that the matcher has in use for each order, when the book is full."""
    rig = Rig(load.instruments)
    drive.in_one_thread(Encoder(load, load.instruments + 1), rig.log, rig.matcher, rig.events, load.filled)
    return sum(rig.matcher.book.memory().values()) / load.filled


def _core(load: Steady) -> float:
    venue, encoder = Inside(load.instruments), Encoder(load)
    venue.run(encoder, load.filled)
    begun = time.thread_time_ns()
    venue.run(encoder, load.count)
    return (time.thread_time_ns() - begun) / (load.count - load.filled)


def _row(value: float, unit: str, what: str) -> dict[str, object]:
    return {"row": "growth", "value": round(value, 2), "unit": unit, "what": what}


def _costs(points: list[tuple[int, Steady]], measure: Callable[[Steady], float]) -> list[tuple[float, float]]:
    return [(x, statistics.median(measure(load) for _ in range(ROUNDS))) for x, load in points]


def _sweep(what: str, chart: str, lines: Mapping[str, list[tuple[float, float]]]) -> list[dict[str, object]]:
    """One kind of growth: a row a point, how much the dearest costs over the cheapest, and a chart."""
    rows: list[dict[str, object]] = []
    for name, line in lines.items():
        rows += [_row(y, "ns", f"{name}: a command, {x:,.0f} {what}") for x, y in line]
        costs = [y for _, y in line]
        rows.append(_row(max(costs) / min(costs), "x", f"{name}: dearest over cheapest as {what} grow"))
    plot.lines(CHARTS / chart, f"Cost of a command as {what} grow", what, "ns", lines, 0)
    return rows


def run(largest: int = RESTING[-1], commands: int = COMMANDS) -> list[dict[str, object]]:
    """Both sweeps, and bytes for a resting order at each size, up to `largest` orders and instruments."""
    sizes = [size for size in RESTING if size <= largest]
    anywhere = [(size, _steady(size, 1, commands)) for size in sizes]
    near = [(size, _steady(size, 1, commands, is_near=True)) for size in sizes]
    instruments = [(n, _steady(min(largest, RESTING_IN_ALL), n, commands)) for n in INSTRUMENTS if n <= largest]
    rows = _sweep(
        "resting orders",
        "benchmark-growth-orders.svg",
        {
            "matcher, any order": _costs(anywhere, _matcher),
            "matcher, young orders": _costs(near, _matcher),
            "core, any order": _costs(anywhere, _core),
            "core, young orders": _costs(near, _core),
        },
    )
    lines = {"matcher, any order": _costs(instruments, _matcher), "core, any order": _costs(instruments, _core)}
    rows += _sweep("instruments", "benchmark-growth-instruments.svg", lines)
    memory: list[tuple[float, float]] = [(size, _bytes(load)) for size, load in anywhere]
    rows += [_row(y, "bytes", f"matcher: a resting order with index and levels, {x:,.0f} of them") for x, y in memory]
    title = "Memory of the matcher for a resting order"
    line = {"order, index and price levels": memory}
    plot.lines(CHARTS / "benchmark-growth-memory.svg", title, "resting orders", "bytes", line, 0)
    return rows
