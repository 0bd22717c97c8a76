"""Repeats a venue's journal one command at a time, and notes each before it begins: the note of one that ends us stays.

    python -m lockstep.core.recovery.poison_probe --manifest FILE --note FILE

It is a process of its own because it is expected to die; it changes nothing of the venue, which must be stopped.
"""

from __future__ import annotations

import argparse
import mmap
import os
import struct
from pathlib import Path

from msgspec import structs

from lockstep.config.schema import Config
from lockstep.core.journal.journal import JournalReader, segment_seqs
from lockstep.core.recovery.replay import ReplayedCore
from lockstep.core.recovery.snapshot_catalog import choose
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Manifest

# The router puts a record into the log only where a whole group would fit: so that there is one under way at a time.
LOG_SLOTS = 16
NOTE_SIZE = 8


def main() -> None:
    """Ends with 0 if all of the journal was repeated; else its end names the command by the note."""
    parser = argparse.ArgumentParser(prog="python -m lockstep.core.recovery.poison_probe", description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True, help="a manifest that names data and configuration")
    parser.add_argument("--note", type=Path, required=True, help="where the sequence goes, 8 bytes, 0 at first")
    arguments = parser.parse_args()
    manifest = Manifest.load(arguments.manifest)
    repeat(manifest.config, Path(manifest.data), arguments.note)


def repeat(config: Config, data: Path, note: Path) -> None:
    """Repeat all behind the newest snapshot. CoreReplayError, JournalError, and whatever a command does to us."""
    last = _last_of(data / "journal")
    start = choose(data, derive(config).core_agents, last).start
    one_at_a_time = structs.replace(config, rings=structs.replace(config.rings, log=LOG_SLOTS))
    replay = ReplayedCore(one_at_a_time, data, start, last, reader=False)
    with noted(note) as memory:
        while not replay.is_complete:
            struct.pack_into("<Q", memory, 0, min(replay.position + 1, last))
            replay.step()


def noted(note: Path) -> mmap.mmap:
    """The note's memory: it outlives this process, however that ends."""
    fd = os.open(note, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(fd, NOTE_SIZE)
        return mmap.mmap(fd, NOTE_SIZE)
    finally:
        os.close(fd)


def _last_of(journal: Path) -> int:
    """The last whole record of a journal that has no writer; 0 if there is none."""
    seqs = segment_seqs(journal)
    if not seqs:
        return 0
    reader = JournalReader(journal, seqs[-1])
    for _ in reader:
        pass
    return reader.next_seq - 1


if __name__ == "__main__":
    main()
