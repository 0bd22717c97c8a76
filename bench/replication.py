"""Row `replication`: wire to wire over one FIX session with a secondary on the same machine, in each mode.

Both nodes run here, on the same cores and one disk: two hosts would each have their own. Catch-up is how fast a
secondary that was away takes a log from the primary's journal, checks it and repeats it.
"""

from __future__ import annotations

import statistics
import time
from array import array
from collections.abc import Iterator

from bench import orders
from scripts.flow import throwaway
from scripts.nodes.throwaway_pair import SYMBOL, Pair
from shm.board import Word

MODES = (
    ("none", "disk"), ("local", "disk"), ("replicated", "memory"), ("replicated", "disk"), ("both", "disk"),
)  # fmt: skip
ORDERS = 300_000
ROUNDS = 3
WARM_UP = 2_000
PINGS = 5_000
AHEAD = 50_000
BASE_PRICE = 10_000  # in cents
CATCH_UP = 1_000_000
LOOK_S = 0.002


def run() -> list[dict[str, object]]:
    """Orders a second and round trips by mode, and records a second of a catch-up."""
    return [row for mode, acknowledge in MODES for row in _measure(mode, acknowledge)] + [_catch_up()]


def _measure(mode: str, acknowledge: str) -> Iterator[dict[str, object]]:
    with throwaway.folder(None) as folder:
        pair = Pair(folder, mode, acknowledge)
        try:
            pair.primary.start()
            pair.primary.await_(pair.primary.leads, "lead")
            pair.secondary.start()
            pair.await_followed()
            session = throwaway.log_on(pair.primary.file, SYMBOL, "BUYER")
            orders.ping(session, 1, BASE_PRICE, 1, array("q", bytes(8 * WARM_UP)))
            round_trips = array("q", bytes(8 * PINGS))
            orders.ping(session, 1 + WARM_UP, BASE_PRICE, 1, round_trips)
            rates = []
            for number in range(ROUNDS):
                first = 1 + WARM_UP + PINGS + number * ORDERS
                took_ns = orders.rest(session, first, ORDERS, BASE_PRICE, 1, AHEAD)
                rates.append(ORDERS / took_ns * 1e9)
            session.close()
        finally:
            pair.stop()
    name = mode if mode != "replicated" else f"replicated, acknowledged from {acknowledge}"
    yield _row(round(statistics.median(rates)), "orders/s", f"{name}, median of {ROUNDS} times {ORDERS:,}")
    ordered = sorted(round_trips)
    for share in (0.5, 0.99, 0.999):
        value = round(ordered[int(PINGS * share)] / 1000, 1)
        yield _row(value, "us", f"round trip p{share * 100:g}, one order at a time, {name}")


def _catch_up() -> dict[str, object]:
    """A secondary begins with nothing, when the primary has a long log."""
    with throwaway.folder(None) as folder:
        pair = Pair(folder, "local")
        try:
            pair.primary.start()
            pair.primary.await_(pair.primary.leads, "lead")
            session = throwaway.log_on(pair.primary.file, SYMBOL, "BUYER")
            orders.rest(session, 1, CATCH_UP, BASE_PRICE, 1, AHEAD)
            session.close()
            end = pair.primary.word(Word.LOG_END)
            pair.secondary.start()
            pair.secondary.await_(lambda: pair.secondary.word(Word.LINK) > 1, "reach the primary")
            began_s, first = time.monotonic(), pair.secondary.word(Word.LOG_END)
            pair.secondary.await_(lambda: pair.secondary.word(Word.LOG_END) >= end, "catch up")
            took_s = time.monotonic() - began_s
        finally:
            pair.stop()
    what = f"catch-up of a new secondary, {end:,} records, no trade beside"
    return _row(round((end - first) / took_s), "records/s", what)


def _row(value: float, unit: str, what: str) -> dict[str, object]:
    return {"row": "replication", "value": value, "unit": unit, "what": what}
