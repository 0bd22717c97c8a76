"""A process that appends to a journal until it is killed, and says in a mapped file how far it is durable.

Run as `python -m tests.journal.child FOLDER PROGRESS DURABILITY SEGMENT_BYTES RECORDS SEED`.
"""

from __future__ import annotations

import mmap
import random
import sys
from pathlib import Path

from lockstep.core.journal.writer import JournalWriter
from tests.models import journal as model


def main() -> None:
    folder, progress, durability = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    segment_bytes, count, seed = (int(argument) for argument in sys.argv[4:])
    draw = random.Random(seed)
    with progress.open("r+b") as stream:
        durable = memoryview(mmap.mmap(stream.fileno(), 8)).cast("Q")  # stored whole, where struct writes byte by byte
    with JournalWriter(folder, durability, segment_bytes) as writer:
        while writer.last_seq < count:
            size = min(draw.choice((1, 1, 2, 5, 31, 32)), writer.max_batch, count - writer.last_seq)
            writer.append(model.records(writer.last_seq + 1, size), wrap_at=draw.randint(0, size))
            durable[0] = writer.last_seq


if __name__ == "__main__":
    main()
