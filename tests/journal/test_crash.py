"""The journal on a disk that forgets: wherever it is interrupted, durable records are there, and nothing else.

What is compared is in journal_life.py, what the disk may do in tests/simulation/disk.py.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.core.journal.format import file_name
from tests.journal.life import Journal, live
from tests.simulation.disk import FakeDisk, Fates

SEEDS = 60
BATCHES = (1, 31, 5, 62, 30, 2)  # of 1, 2 and 3 pages, into segments of 6: two rotations
PAGES = 6


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_survives_lives_of_faults(seed: int) -> None:
    live(seed, FakeDisk(seed))


def test_pinned_seeds_survive_and_meet_every_fault() -> None:
    seen: Counter[str] = Counter()
    for seed in range(SEEDS):
        disk = FakeDisk(seed)
        live(seed, disk)
        seen += disk.seen
    wanted = ("power loss", "sync error", "write error", "short write", "rename", "remove", "truncate")
    assert {name for name in wanted if seen[name] < 5} == set()


def test_a_segment_that_a_cut_left_too_short_is_replaced() -> None:
    disk = FakeDisk(1)
    journal = Journal(disk, "local", PAGES)
    assert journal.open()
    assert all(journal.append(count, 0) for count in (62, 31, 31, 1, 1))
    journal.die()
    del disk.entries[file_name(126)].cached[4096:]  # its one batch was torn, and power failed before the zeros
    disk.entries[file_name(126)].sync()
    journal.safe = 125
    assert journal.open()
    assert all(journal.append(count, 0) for count in (62, 62, 62))
    journal.die()
    assert journal.open()


def test_a_prepared_file_that_was_left_is_not_believed_to_hold_zeros() -> None:
    disk = FakeDisk(1)
    for size in (100, 4096, PAGES * 4096, 9 * 4096):
        disk.save("prepared", b"noise" * size)
        disk.settle_directory()
        journal = Journal(disk, "local", PAGES)
        journal.kept_from = 1
        for file in [name for name in disk.names() if name != "prepared"]:
            disk.delete(file)
        assert journal.open()
        assert journal.append(5, 0)
        journal.check(5)
        journal.die()


def script(journal: Journal) -> None:
    """Open, write and open again, until the power fails."""
    if journal.open() and all(journal.append(count, count // 2) for count in BATCHES):
        journal.die()
        if journal.open():
            journal.append(40, 7)


def operations(durability: str) -> int:
    disk = FakeDisk(0)
    script(Journal(disk, durability, PAGES))
    return disk.operations


FATES = {"all kept": (1.0, 0.0), "all dropped": (0.0, 0.0), "all noise": (0.0, 1.0), "some": (0.5, 0.3)}


@pytest.mark.parametrize("durability", ["local", "none"])
@pytest.mark.parametrize("fate", FATES)
def test_power_may_fail_at_every_operation(durability: str, fate: str) -> None:
    """LOG-27: files are believed after a sync."""
    kept, noise = FATES[fate]
    for at in range(1, operations(durability) + 2):
        disk = FakeDisk(at)
        journal = Journal(disk, durability, PAGES)
        disk.power_off_at = at
        script(journal)
        for _ in range(3):  # and again, while what it left is put in order
            journal.lose_power(Fates(disk.draw, kept=kept, noise=noise))
            disk.power_off_at = disk.operations + at % 7 + 1
            journal.open()
        journal.lose_power(Fates(disk.draw, kept=kept, noise=noise))
        assert journal.open(), at
        assert journal.append(9, 4), at
        journal.die()


@pytest.mark.parametrize("count", [1, 30, 40])
def test_any_sector_of_the_last_batch_may_be_lost(count: int) -> None:
    for sector in range(-(-(128 + 128 * count) // 4096) * 8):
        disk = FakeDisk(sector)
        journal = Journal(disk, "none", PAGES)
        assert journal.open()
        assert journal.append(3, 0)
        journal.die()
        assert journal.open()  # which syncs the three
        assert journal.append(count, 0)
        dirty = disk.entries[file_name(1)].dirty
        del dirty[sorted(dirty)[sector]]
        journal.lose_power(Fates(disk.draw, kept=1.0))
        assert journal.open()
        was_padding = sector * 512 >= 128 + 128 * count
        assert journal.reported == (3 + count if was_padding else 3)
        journal.die()
