"""The spool on a full disk: it takes nothing that it can't hold, loses nothing, and goes on when there is space."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from lockstep.procs.batcher.spool import Spool
from lockstep.procs.batcher.spool_writer import SpoolWriter
from tests.batcher.events import Stream
from tests.batcher.feed import Feed
from tests.batcher.test_spool import numbers_of, read
from tests.small_disk import PAGE, SmallDisk

MIB = 2**20
RETRY_NS = 100_000_000
SPARE = 64 * 1024
Make = Callable[[int], SmallDisk]


class Rig:
    """A stream that goes into a spool, as far as that takes it."""

    def __init__(self, folder: Path, spare_bytes: int = SPARE) -> None:
        self.stream = Stream().define().steps(2000)
        self.spool = Spool(folder, spare_bytes=spare_bytes)
        self.feed = Feed(self.stream)
        self.spooler = SpoolWriter(self.feed.board, self.feed.consumers, self.spool)
        self.now_ns = 0

    def run(self) -> bool:
        """Go on until nothing more is taken; True if that was all."""
        while True:
            whole = self.feed.publish(self.stream.seq)
            self.feed.release_published()
            self.now_ns += RETRY_NS
            if not self.spooler.poll(self.now_ns):
                return whole and self.spool.numbers == numbers_of(self.stream)

    def check(self) -> None:
        """All of the stream is in the spool, once, also after it is opened again."""
        self.feed.commit(self.stream.seq)
        self.now_ns += 10**9
        self.spooler.poll(self.now_ns)
        for spool in (self.spool, Spool(self.spool.folder)):
            batch = read(spool)
            assert batch.numbers == numbers_of(self.stream)
            assert batch.complete_seq == self.stream.seq


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_the_spool_goes_on_in_the_spare_segment_then_waits_for_space(small_disk: Make) -> None:
    disk = small_disk(4 * MIB)
    rig = Rig(disk.folder / "spool")
    disk.fill(leave=2 * PAGE)
    assert not rig.run()
    assert rig.spool.is_full
    assert disk.free < PAGE
    # What it owned is used to the last whole batch of frames.
    assert len(rig.spool.segments) == 2
    assert rig.spool.end > SPARE // 2
    assert not rig.run()
    disk.empty()
    rig.spool.tend()
    assert rig.spool.spare is not None
    assert rig.spool.spare.is_owned
    assert rig.run()
    assert not rig.spool.is_full
    rig.check()


def test_a_spool_that_opens_on_a_full_disk_keeps_what_it_owns(small_disk: Make) -> None:
    disk = small_disk(4 * MIB)
    rig = Rig(disk.folder / "spool")
    disk.fill(leave=PAGE)
    again = Spool(disk.folder / "spool", spare_bytes=SPARE)
    assert again.spare is not None
    assert again.spare.is_owned
    assert not rig.run()
    held = Spool(disk.folder / "spool", spare_bytes=SPARE)
    assert all(has >= told for has, told in zip(held.numbers, rig.spool.numbers, strict=True))
    assert held.spare is not None
    assert not held.spare.is_owned


def test_without_a_spare_the_spool_waits_at_once(small_disk: Make) -> None:
    disk = small_disk(4 * MIB)
    rig = Rig(disk.folder / "spool", spare_bytes=0)
    disk.fill()
    assert not rig.run()
    assert rig.spool.is_full
    assert rig.spool.segments == []
    before = open_descriptors()
    for _ in range(10):  # it may be for hours
        rig.run()
    assert open_descriptors() == before
    disk.empty()
    assert rig.run()
    rig.check()


def test_a_disk_that_is_full_by_turns_costs_no_event(small_disk: Make) -> None:
    disk = small_disk(8 * MIB)
    rig = Rig(disk.folder / "spool")
    done = False
    while not done:
        disk.fill(leave=PAGE)
        done = rig.run()
        disk.empty()
        rig.spool.tend()
    rig.check()
