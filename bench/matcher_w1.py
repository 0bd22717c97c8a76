"""Row `matcher-w1`: exchange-core's published workload through our matcher, and how late it is at a million a second.

Our book runs without self-trade prevention (mode NONE): an owner's orders trade; exchange-core steps over them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from array import array
from pathlib import Path

from bench import drive, plot
from bench.book_alone import execute
from bench.core import CORES
from bench.encode import MAKER_FEE_PPM, TAKER_FEE_PPM, Encoder
from bench.simple_book import SimpleBook, digest_of
from bench.tally import Tally
from bench.workload import BOOK_SHA256, ITERATIONS, STREAM_SHA256, W1, Workload
from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import Instrument, Side
from lockstep.procs.matcher.book import Book
from lockstep.procs.matcher.matcher import Matcher
from lockstep.shm import segment
from lockstep.shm.board import Board
from lockstep.shm.ring import NO_BELL, Producer, Ring

CAPACITY = 32_768  # of both rings, as the venue has them by default
ROUNDS = 5
PERIOD_NS = 1000  # a million commands a second
PERCENTILES = (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999))
CHART = Path("docs/benchmark-matcher-latency.svg")


def listing(number: int) -> bytes:
    """The record that lists instrument `number`, as the log's record of that sequence."""
    return pack(Instrument(
        symbol=b"W%d" % number, instrument=number, base_asset=1, quote_asset=2, tick_mantissa=1, lot_mantissa=1,
        price_scale=0, quantity_scale=0, matcher=1, reference_price_ticks=100_000, unit_value=1, lot_units=1,
        collar_bps=10_000, maker_fee_ppm=MAKER_FEE_PPM, taker_fee_ppm=TAKER_FEE_PPM, seq=number, epoch=1,
    ))  # fmt: skip


class Rig:
    """A matcher between a log ring and an event ring in this process, its instruments listed."""

    def __init__(self, instruments: int = 1) -> None:
        log, events = Ring.private(CAPACITY, ["matcher.1"]), Ring.private(CAPACITY, ["reader"])
        self.log = log.producer()
        self.taken = log.consumer("matcher.1")
        self.events = events.consumer("reader")
        self.matcher = Matcher(1, self.taken, events.producer(), Board.private())
        for number in range(1, instruments + 1):
            self.log.put(listing(number))
            self.matcher.step(time.time_ns())


def levels_of(book: Book) -> list[tuple[str, int, int]]:
    """A book's prices and quantities, in the order in which final books are compared."""
    return [
        (letter, price, lots)
        for letter, side in (("B", Side.BUY), ("S", Side.SELL))
        for price, lots, _ in sorted(book.depth(1, side))
    ]


def _check(book: Book, expected: SimpleBook) -> None:
    if levels_of(book) != expected.levels():
        raise RuntimeError("the matcher's final book is not the plain book's: the figures would mean nothing")


def _alone(workload: Workload, expected: SimpleBook) -> float:
    book = Book(Ring.private(CAPACITY, []).producer())
    book.apply(listing(1))
    took_ns = execute(Encoder(workload), book)
    _check(book, expected)
    return workload.count / took_ns * 1e9


def _one_thread(workload: Workload, expected: SimpleBook) -> float:
    rig = Rig()
    took_ns = drive.in_one_thread(Encoder(workload), rig.log, rig.matcher, rig.events, workload.count)
    _check(rig.matcher.book, expected)
    return workload.count / took_ns * 1e9


def _serve(name: str, last: int) -> None:
    """The matcher's process: says when it is ready, and in the end its book's digest."""
    os.sched_setaffinity(0, {CORES[-1]})
    log = Ring(segment.attach(f"{name}-log")).consumer("matcher.1")
    matcher = Matcher(1, log, Ring(segment.attach(f"{name}-events")).producer(), Board.private())
    print("ready", flush=True)
    drive.serve(matcher, log, last)
    print(digest_of(levels_of(matcher.book)), flush=True)


def _two_processes(workload: Workload, expected: SimpleBook) -> float:
    name = f"/lockstep-bench-matcher-{time.monotonic_ns()}"
    last = 1 + workload.count
    os.sched_setaffinity(0, {CORES[0]})
    try:
        log = _shared(f"{name}-log", "matcher.1")
        events = _shared(f"{name}-events", "reader")
        command = [sys.executable, "-m", "bench.matcher_w1", name, str(last)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as matcher:
            assert matcher.stdout is not None
            assert matcher.stdout.readline() == "ready\n"
            took_ns, tally = _feed(workload, log.producer(), events)
            digest = matcher.stdout.readline().strip()
    finally:
        segment.remove_leftovers(name)
        os.sched_setaffinity(0, CORES)
    found = (tally.damaged, tally.traded, tally.rejected, digest)
    wanted = (0, expected.trades, expected.gone, digest_of(expected.levels()))
    if found != wanted:
        raise RuntimeError(f"(damaged, traded, refused, final book) are {found}, not {wanted}")
    return workload.count / took_ns * 1e9


def _shared(name: str, consumer: str) -> Ring:
    memory = segment.create(name, Ring.size_for(CAPACITY))
    Ring.format(memory, CAPACITY, [(consumer, NO_BELL)])
    return Ring(memory)


def _feed(workload: Workload, log: Producer, events: Ring) -> tuple[int, Tally]:
    tally = Tally()
    log.put(listing(1))
    return drive.to_a_process(Encoder(workload), log, events.consumer("reader"), tally), tally


def _latencies(workload: Workload, *, empty: bool) -> list[int]:
    """Nanoseconds from planned time to published events, ascending; of a service that does nothing where `empty`."""
    rig = Rig()
    service = drive.Sink(rig.taken) if empty else rig.matcher
    out = array("q", bytes(8 * workload.count))
    os.sched_setaffinity(0, {CORES[-1]})
    try:
        drive.from_planned_times(Encoder(workload), rig.log, service, rig.events, PERIOD_NS, out)
    finally:
        os.sched_setaffinity(0, CORES)
    return sorted(out)


def _rate(value: float, what: str) -> dict[str, object]:
    return {"row": "matcher-w1", "value": round(value), "unit": "commands/s", "what": f"{what}, median of {ROUNDS}"}


def _rates(workload: Workload, moving: Workload, expected: SimpleBook) -> list[dict[str, object]]:
    ways = (
        (_alone, "the book alone, events written but not published"),
        (_one_thread, "log ring to event ring, one thread that also writes the log"),
        (_two_processes, "the same, another process writes the log, copies and checks every event"),
    )
    rows = []
    for measure, what in ways:
        for stream, which in ((workload, ""), (moving, " without the moves that change nothing")):
            rows.append(_rate(statistics.median(measure(stream, expected) for _ in range(ROUNDS)), what + which))
    return rows


def _lateness(workload: Workload) -> list[dict[str, object]]:
    """The median over the rounds of each percentile; matcher and empty service in turn, to share the noise."""
    rounds = [(_latencies(workload, empty=False), _latencies(workload, empty=True)) for _ in range(ROUNDS)]
    rows: list[dict[str, object]] = []
    for i, what in enumerate(("events published after the planned time", "noise floor: the same of an empty service")):
        for name, share in PERCENTILES:
            value = statistics.median(pair[i][int(len(pair[i]) * share)] for pair in rounds) / 1000
            label = f"{what}, {name}, at 1M commands/s, median of {ROUNDS}"
            rows.append({"row": "matcher-w1", "value": round(value, 2), "unit": "us", "what": label})
    best = min(rounds, key=lambda pair: pair[0][int(len(pair[0]) * 0.9999)])
    plot.percentiles(
        CHART, "From planned time to published events, W1 at 1M commands/s",
        {"matcher": best[0], "empty service (noise of the machine)": best[1]},
    )  # fmt: skip
    return rows


def run(iterations: int = ITERATIONS) -> list[dict[str, object]]:
    """Rates of the book alone, in one thread and between processes; latencies from planned times beside the floor."""
    workload = W1(iterations)
    expected = workload.replayed()
    if iterations == ITERATIONS and (workload.stream_sha256(), workload.book_sha256()) != (STREAM_SHA256, BOOK_SHA256):
        raise RuntimeError("the commands are not the published workload's")
    moving = workload.moving()
    rows = _rates(workload, moving, expected) + _lateness(workload)
    rows.append(_outcome(workload, expected))
    return rows


def _outcome(workload: Workload, expected: SimpleBook) -> dict[str, object]:
    """Which rule ran, and what it led to (docs/benchmarks.md says why that matters)."""
    what = f"cancels and moves refused, of {workload.count:,}: their orders had traded with their owner's. "
    what += f"{expected.trades:,} trades, final book {digest_of(expected.levels())[:16]}…"
    return {"row": "matcher-w1", "value": expected.gone, "unit": "commands", "what": what}


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
