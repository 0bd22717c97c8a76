"""Row `journal`: records a second through ring and journaler, and the latency of a commit beside a bare sync."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import log_load
from lockstep.core.journal.journal import verify
from lockstep.core.journal.writer import JournalWriter
from lockstep.procs.journaler.journaler import Journaler
from lockstep.shm import segment
from lockstep.shm.board import Board
from lockstep.shm.ring import NO_BELL, Ring

CAPACITY = 32_768  # the log ring's default
SECONDS = 3.0
COMMITS = 2_000
PAGE = 4096


def _produce(name: str) -> None:
    log_load.produce(Ring(segment.attach(name)).producer(), int((SECONDS + 0.5) * 1e9))


def _sustained(folder: Path, durability: str) -> list[dict[str, object]]:
    name = f"/lockstep-bench-journal-{time.monotonic_ns()}"
    memory = segment.create(name, Ring.size_for(CAPACITY))
    try:
        Ring.format(memory, CAPACITY, [("journaler", NO_BELL)])
        with JournalWriter(folder, durability) as writer:
            journaler = Journaler(Ring(memory).consumer("journaler"), writer, Board.private())
            producer = subprocess.Popen([sys.executable, "-m", "bench.journal", name])
            records, batches, took_ns = log_load.drain(journaler, int(SECONDS * 1e9))
            producer.wait()
    finally:
        segment.remove_leftovers(name)
    rate = records / took_ns * 1e9
    what = f"durability {durability}, a producer process at full speed, {records / batches:.0f} records a batch"
    what += f", {rate * 128 / 1e6:.0f} MB/s of slots, {SECONDS:.0f} s"
    rows: list[dict[str, object]] = [{"row": "journal", "value": round(rate), "unit": "records/s", "what": what}]
    if durability == "none":
        rows.append(_reading(folder))
    return rows


def _reading(folder: Path) -> dict[str, object]:
    begun = time.perf_counter()
    report = verify(folder)
    rate = report.records / (time.perf_counter() - begun)
    if report.corruption:
        raise RuntimeError(f"the journal is damaged: {report}")
    what = f"read back and checked, {report.records} records in {report.segments} segments, from the page cache"
    return {"row": "journal", "value": round(rate), "unit": "records/s", "what": what}


def _latency(folder: Path) -> list[dict[str, object]]:
    peer = folder / "peer"
    peer.write_bytes(bytes(COMMITS * PAGE))
    fd = os.open(peer, os.O_RDWR)
    with JournalWriter(folder / "journal") as writer:
        os.fsync(fd)
        commits, syncs = log_load.commit_beside_sync(writer, fd, COMMITS)
    os.close(fd)
    ratio = statistics.median(commits) / statistics.median(syncs)
    commit, bare = statistics.quantiles(commits, n=100), statistics.quantiles(syncs, n=100)
    rows = [
        (commit[49] / 1e3, "us", "commit of a single record, durability local, p50"),
        (commit[98] / 1e3, "us", "commit of a single record, durability local, p99"),
        (bare[49] / 1e3, "us", "peer in turn with it: pwrite and fdatasync of one written page, p50"),
        (bare[98] / 1e3, "us", "peer in turn with it: pwrite and fdatasync of one written page, p99"),
        (ratio, "x", "commit of a single record over the bare sync, p50"),
    ]
    return [{"row": "journal", "value": round(value, 2), "unit": unit, "what": what} for value, unit, what in rows]


def run() -> list[dict[str, object]]:
    """Sustained rates in both modes, then latencies; all on the disk of `var`."""
    Path("var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="var", prefix="bench-journal-") as name:
        folder = Path(name)
        rows = _sustained(folder / "local", "local") + _sustained(folder / "none", "none")
        return rows + _latency(folder)


if __name__ == "__main__":
    _produce(sys.argv[1])
