"""Row `ring`: one-to-one between two processes, records of 128-byte slots copied and checked at the reading end."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from bench import traffic
from lockstep.shm import segment
from lockstep.shm.ring import NO_BELL, Ring

RECORDS = 20_000_000
CAPACITY = 16_384
BATCH = 256
ROUNDS = 3


def _consume(name: str) -> None:
    consumer = Ring(segment.attach(name)).consumer("reader")
    print("ready", flush=True)
    wrong = traffic.consume(consumer, consumer.next + RECORDS - 1, BATCH)
    print(wrong, flush=True)


def _round(number: int) -> float:
    name = f"/lockstep-bench-ring-{number}-{time.monotonic_ns()}"
    memory = segment.create(name, Ring.size_for(CAPACITY))
    try:
        Ring.format(memory, CAPACITY, [("reader", NO_BELL)])
        reader = subprocess.Popen([sys.executable, "-m", "bench.ring", name], stdout=subprocess.PIPE, text=True)
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
        producer = Ring(memory).producer()
        started = time.perf_counter()
        traffic.produce(producer, RECORDS, BATCH)
        wrong = int(reader.stdout.readline())
        took = time.perf_counter() - started
        reader.wait()
    finally:
        segment.remove_leftovers(name)
    if wrong:
        raise RuntimeError(f"{wrong} of {RECORDS} records arrived damaged")
    return RECORDS / took


def run() -> list[dict[str, object]]:
    """The median of three rounds, in records a second."""
    rates = [_round(number) for number in range(ROUNDS)]
    what = f"one-to-one, two processes, {BATCH} a batch, copied and checked, median of {ROUNDS}"
    return [{"row": "ring", "value": round(statistics.median(rates)), "unit": "records/s", "what": what}]


if __name__ == "__main__":
    _consume(sys.argv[1])
