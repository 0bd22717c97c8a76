"""Row `core-w1`: the published workload from the ingress ring through risk, ledger, log and book to the event rings.

Router, matcher and journaler run as in a venue, in their hosts' processes; a gateway's place is taken by a load that
has its commands in memory. No socket, supervisor, publisher or database takes part.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Literal

from bench import core, feed
from bench.encode import Encoder
from bench.simple_book import SimpleBook
from bench.tally import Tally
from bench.workload import ITERATIONS, W1, Workload
from lockstep.core.schema.records import Code

Durability = Literal["none", "local"]

ROUNDS = 3
DURABILITIES: tuple[Durability, ...] = ("none", "local")
EXPECTED_REFUSALS = {Code.UNKNOWN_ORDER, Code.ORDER_CLOSED}


def measure(load: feed.Load, workload: Workload, expected: SimpleBook, durability: Durability, placement: str) -> float:
    """One round: commands a second. RuntimeError if the outcome differs from the plain book's."""
    os.sync()  # this round must not wait for what the last one wrote
    Path("var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="var", prefix="bench-core-") as name:
        folder = Path(name).resolve()
        with core.running(core.config(folder, durability, placement), folder) as venue:
            os.sched_setaffinity(0, {core.CORES[0]})
            tally = Tally()
            try:
                took_ns = feed.run(load, venue.producer("ingress.gateway.1"), core.readers(venue), venue.board, tally)
            finally:
                os.sched_setaffinity(0, core.CORES)
    _check(tally, workload, expected)
    return workload.count / took_ns * 1e9


def _check(tally: Tally, workload: Workload, expected: SimpleBook) -> None:
    """The outcome is the plain book's, or the figures mean nothing."""
    mix = workload.mix()
    found = (tally.damaged, tally.accepted, tally.traded, tally.rejected)
    wanted = (0, mix["N"] + mix["M"], expected.trades, expected.gone)
    if found != wanted or not tally.refusals().keys() <= EXPECTED_REFUSALS:
        raise RuntimeError(f"(damaged, accepted, traded, refused) are {found}, not {wanted}: {tally.refusals()}")


def run(iterations: int = ITERATIONS) -> list[dict[str, object]]:
    """Commands a second with the journal written, and with it synced before anything is released."""
    workload = W1(iterations)
    expected = workload.replayed()
    rows: list[dict[str, object]] = []
    for stream, which in ((workload, ""), (workload.moving(), ", without the moves that change nothing")):
        load = feed.Load(stream)
        placements = list(core.PLACEMENTS) if stream is workload else ["together"]
        for durability, placement in product(DURABILITIES, placements):
            rates = [measure(load, stream, expected, durability, placement) for _ in range(ROUNDS)]
            what = f"ingress to event rings, journal {durability}, router and matcher {placement}{which}"
            rows.append(_row(statistics.median(rates), "commands/s", f"{what}, median of {ROUNDS}"))
        own_ns = statistics.median(_own_ns(stream) for _ in range(ROUNDS))
        rows.append(_row(own_ns, "ns", f"a command's share of router and matcher alone, in one thread{which}"))
    return rows


def _own_ns(workload: Workload) -> float:
    """The processor time of router and matcher for a command: a busy machine changes it little."""
    inside = core.Inside(1)
    begun = time.thread_time_ns()
    inside.run(Encoder(workload), workload.count)
    return (time.thread_time_ns() - begun) / workload.count


def _row(value: float, unit: str, what: str) -> dict[str, object]:
    return {"row": "core-w1", "value": round(value), "unit": unit, "what": what}
