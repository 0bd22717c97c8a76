"""A batcher process for tests that kill it: plays a stream into rings, slowly enough to be hit anywhere.

Arguments: folder of the spool, URL (or "embedded:" and its data folder), seed, steps. Prints "started" when it begins
to poll, "done" when the database has everything.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from lockstep.procs.batcher.batcher import Batcher
from lockstep.procs.batcher.database import Embedded, Remote
from lockstep.procs.batcher.loader import Loading
from lockstep.shm.board import Word
from tests.batcher.events import Stream
from tests.batcher.feed import Feed, no_journal

BATCH_ROWS = 100
COMMANDS_A_TURN = 5


async def main(folder: Path, server: Embedded | Remote, seed: int, steps: int) -> None:
    stream = Stream(seed).define().steps(steps)
    feed = Feed(stream, slots=1024)
    batcher = Batcher(feed.board, feed.consumers, folder, Loading(server, BATCH_ROWS, no_journal))
    await batcher.start()
    print("started", flush=True)
    seq = 0
    while feed.board.get(Word.DATABASE_SEQ) < stream.seq:
        if feed.publish(seq):
            feed.commit(seq)
            seq = min(seq + COMMANDS_A_TURN, stream.seq)
        batcher.poll(time.monotonic_ns())
        await asyncio.sleep(0.001)
    print("done", flush=True)
    await batcher.stop()


if __name__ == "__main__":
    where = sys.argv[2]
    target = Embedded(Path(where.removeprefix("embedded:"))) if where.startswith("embedded:") else Remote(where)
    asyncio.run(main(Path(sys.argv[1]), target, int(sys.argv[3]), int(sys.argv[4])))
