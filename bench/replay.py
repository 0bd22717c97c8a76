"""Row `replay`: how fast router and matchers repeat a journal, and what a start takes by snapshot and tail.

The journal is that of the published workload, written by the venue's own hosts. What is timed is the `Replica` that
verification, looking back and a stage that starts again use, and a start of the core is made of the same.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import core, feed
from bench.tally import Tally
from bench.workload import ITERATIONS, W1
from config.schema import Config
from procs.matcher.matcher import Matcher
from procs.replica import Replica
from procs.router.router import Router
from procs.snapshots import Start
from procs.tables.saved import Saver
from procs.venue import Venue
from shm.board import Word

ROUNDS = 3
QUIET_LOOKS = 3
SIZES = (1_000_000, 10_000_000)  # commands since the snapshot, of which restarts are told


@contextmanager
def journal(iterations: int) -> Iterator[tuple[Config, Path, int]]:
    """The workload's journal in a folder, its venue's configuration, and its last record."""
    workload = W1(iterations)
    Path("var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="var", prefix="bench-replay-") as name:
        folder = Path(name).resolve()
        wanted = core.config(folder, "none")
        with core.running(wanted, folder) as venue:
            load, ingress = feed.Load(workload), venue.producer("ingress.gateway.1")
            feed.run(load, ingress, core.readers(venue), venue.board, Tally())
            last = _rest(venue)
        yield wanted, folder, last


def _rest(venue: Venue) -> int:
    """Wait until all is settled, told and written; returns the last record."""
    last, seen = 0, 0
    while seen < QUIET_LOOKS:
        time.sleep(0.1)  # balances are told by ticks a tenth of a second apart; no bell says that none is due
        before, last = last, venue.board.get(Word.LOG_END)
        seen = seen + 1 if before == last == venue.board.get(Word.DURABLE_SEQ) else 0
    return last


def _replayed(wanted: Config, folder: Path, start: Start, last: int) -> tuple[Replica, float]:
    """A replica at record `last`, and the seconds that it took, tables and all."""
    begun = time.perf_counter()
    replica = Replica(wanted, folder, start, last, reader=False)
    replica.run()
    return replica, time.perf_counter() - begun


def _save(replica: Replica, folder: Path) -> Start:
    """A snapshot of a replica that has settled, as its stages would save it; returns the start that it makes."""
    place = folder / "snapshots" / f"{replica.last_seq:020}"
    place.mkdir(parents=True)
    agents: list[Router | Matcher] = [replica.router, *replica.matchers.values()]
    for agent in agents:
        fd = os.open(place / f"{agent.name}.part", os.O_RDWR | os.O_CREAT, 0o600)
        saver = Saver(fd)
        agent.save(saver)
        saver.finish()
        os.close(fd)
    return Start(replica.last_seq, replica.numbers, 0, 0, 0, str(place))


def run(iterations: int = ITERATIONS) -> list[dict[str, object]]:
    """Records a second through router and matcher; seconds to a start behind a snapshot."""
    with journal(iterations) as (wanted, folder, last):
        rounds = [_replayed(wanted, folder, Start.genesis(), last)[1] for _ in range(ROUNDS)]
        replica, _ = _replayed(wanted, folder, Start.genesis(), last)
        start = _save(replica, folder)
        del replica
        loads = [_replayed(wanted, folder, start, last)[1] for _ in range(ROUNDS)]
        size = sum(file.stat().st_size for file in Path(start.folder or "").iterdir())
    rate = last / statistics.median(rounds)
    load_s = statistics.median(loads)
    rows = [
        _row(round(rate), "records/s", f"journal through router and matcher, {last:,} records, median of {ROUNDS}"),
        _row(round(load_s * 1000), "ms", f"a snapshot's parts loaded, {size / 1e6:.0f} MB, no record behind it"),
    ]
    for count in SIZES:
        what = f"a start's replay: a snapshot and {count:,} records behind it, at the rate above"
        rows.append(_row(round(load_s + count / rate, 2), "s", what))
    return rows


def _row(value: float, unit: str, what: str) -> dict[str, object]:
    return {"row": "replay", "value": value, "unit": unit, "what": what}
