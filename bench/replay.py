"""Row `replay`: how fast the core replays a journal, and what a start from a snapshot and a tail takes.

The venue's own hosts write the journal, of the published workload. The row times `ReplayedCore`, which verification,
looking back and a restarted stage use; a start of the core does the same work.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench import core, feed
from bench.tally import Tally
from bench.workload import W1
from lockstep.config.schema import Config
from lockstep.core.recovery.replay import ReplayedCore
from lockstep.core.venue.snapshot_parts import Filed, Start, folder_of, part_name
from lockstep.core.venue.venue import Venue
from lockstep.procs.matcher.matcher import Matcher
from lockstep.procs.router.router import Router
from lockstep.shm.board import Word

ROUNDS = 3
QUIET_LOOKS = 3
SAVE_S = 300
ITERATIONS = 10_100_000  # of the published workload, which has 3,000,000 and goes on like this
BEHIND = (10_000_000, 1_000_000)  # records of the workload since the snapshot


@contextmanager
def journal(iterations: int, behind: Sequence[int]) -> Iterator[tuple[Config, Path, list[int]]]:
    """The workload's journal in a folder and its venue's configuration; records at which all was settled, and the last.

    Each but the last has one of `behind` records after it, in their order, and some more: an order takes several.
    """
    load = feed.Load(W1(iterations))
    Path("var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="var", prefix="bench-replay-") as name:
        folder = Path(name).resolve()
        wanted = core.config(folder, "none")
        with core.running(wanted, folder) as venue:
            ingress, readers, settled = venue.producer("ingress.gateway.1"), core.readers(venue), []
            for count in (*behind, 0):
                feed.run(load, ingress, readers, venue.board, Tally(), load.sent, load.count - count)
                settled.append(_rest(venue))
        yield wanted, folder, settled


def _rest(venue: Venue) -> int:
    """Wait until all is settled, released and written; returns the last record."""
    last, seen = 0, 0
    while seen < QUIET_LOOKS:
        time.sleep(0.1)  # ticks publish balances every tenth of a second; no bell says that none is due
        before, last = last, venue.board.get(Word.LOG_END)
        seen = seen + 1 if before == last == venue.board.get(Word.DURABLE_SEQ) else 0
    return last


def _replayed(wanted: Config, folder: Path, start: Start, last: int) -> tuple[ReplayedCore, float]:
    """A replay at record `last`, and the seconds that it took, tables and all."""
    begun = time.perf_counter()
    replay = ReplayedCore(wanted, folder, start, last, reader=False)
    replay.run()
    return replay, time.perf_counter() - begun


def _save(replay: ReplayedCore, folder: Path) -> tuple[Start, float]:
    """A snapshot of a replay that has settled: the start that it makes, and the seconds that its stages stood still.

    As the venue does it: each stage forks a child, which writes.
    """
    snapshots = Filed(folder, Start.genesis())
    agents: list[Router | Matcher] = [replay.router, *replay.matchers.values()]
    begun = time.perf_counter()
    for agent in agents:
        snapshots.save(replay.last_seq, agent.name, agent.save)
    pause_s = time.perf_counter() - begun
    place = folder_of(folder, replay.last_seq)
    while not all((place / part_name(agent.name)).exists() for agent in agents):
        if time.perf_counter() - begun > SAVE_S:
            raise RuntimeError(f"no snapshot at {replay.last_seq} after {SAVE_S} s")
        time.sleep(0.01)  # the children tell only their parent's reap(), which does not wait either
    snapshots.reap()
    return Start(replay.last_seq, replay.numbers, 0, 0, 0, str(place)), pause_s


def run(iterations: int = ITERATIONS, behind: Sequence[int] = BEHIND) -> list[dict[str, object]]:
    """Records a second through router and matcher; seconds to a start from snapshots; the pause of a snapshot."""
    with journal(iterations, behind) as (wanted, folder, settled):
        last = settled[-1]
        rounds = [_replayed(wanted, folder, Start.genesis(), last)[1] for _ in range(ROUNDS)]
        rate = round(last / statistics.median(rounds))
        rows = [_row(rate, "records/s", f"journal through router and matcher, {last:,} records, median of {ROUNDS}")]
        for seq in settled:
            replay, _ = _replayed(wanted, folder, Start.genesis(), seq)
            start, pause_s = _save(replay, folder)
            del replay
            took_s = statistics.median(_replayed(wanted, folder, start, last)[1] for _ in range(ROUNDS))
            what = f"a start's replay: a snapshot and {last - seq:,} records behind it, median of {ROUNDS}"
            rows.append(_row(round(took_s, 3), "s", what))
        size = sum(file.stat().st_size for file in Path(start.folder or "").iterdir())
        what = f"router and matcher stand still for a snapshot of {size / 1e6:.0f} MB: their forks"
        return [*rows, _row(round(pause_s * 1000, 2), "ms", what)]


def _row(value: float, unit: str, what: str) -> dict[str, object]:
    return {"row": "replay", "value": value, "unit": unit, "what": what}
