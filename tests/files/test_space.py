"""What a venue owns of its disk ahead, and what a start says where the disk can't hold it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from msgspec import structs

from lockstep.config import load
from lockstep.config.schema import Config
from lockstep.core.files import space
from tests.pipeline.conftest import DEMO
from tests.small_disk import PAGE, SmallDisk

MIB = 2**20
SIZE = 64 * 1024
GATEWAYS = ("gateway.1",)
Make = Callable[[int], SmallDisk]


def config_in(data: Path) -> Config:
    config = load(DEMO)
    return structs.replace(config, venue=structs.replace(config.venue, data=str(data)))


def test_what_a_spare_owns_fits_on_a_full_disk(small_disk: Make) -> None:
    disk = small_disk(MIB)
    spare = space.Spare(disk.folder, SIZE)
    disk.fill()
    fd = spare.take(disk.folder / "segment", b"header")
    assert os.write(fd, bytes(SIZE - 6)) == SIZE - 6
    os.close(fd)
    assert (disk.folder / "segment").read_bytes() == b"header" + bytes(SIZE - 6)
    assert spare.take(disk.folder / "next", b"header") == -1
    assert not spare.tend()
    disk.empty()
    assert spare.tend()


def test_a_spare_is_made_whole_or_not_at_all(small_disk: Make) -> None:
    disk = small_disk(MIB)
    disk.fill(leave=SIZE - PAGE)
    assert not space.Spare(disk.folder, SIZE).is_owned
    assert disk.free == SIZE - PAGE


def test_a_start_says_what_the_disk_lacks_and_by_which_keys(small_disk: Make) -> None:
    disk = small_disk(170 * MIB)
    assert space.problems(config_in(disk.folder / "data"), GATEWAYS) == []
    disk.fill(leave=MIB)
    found = space.problems(config_in(disk.folder / "data"), GATEWAYS)
    assert [problem.key for problem in found] == ["venue.data"]
    assert "has 1.0 MiB free on its disk, and a start needs 161.0 MiB" in found[0].message
    assert "message store of gateway.1 16.0 MiB" in found[0].message
    assert "journal.segment_bytes" in found[0].message
    assert not (disk.folder / "data").exists()


def test_what_is_owned_already_is_not_asked_for_again(small_disk: Make) -> None:
    disk = small_disk(170 * MIB)
    data = disk.folder / "data"
    for folder in ("journal", "spool", "gateway.1", "run"):
        (data / folder).mkdir(parents=True)
    (data / "run" / "manifest.json.spare").touch()
    for name in ("00000000000000000001.journal", "prepared"):
        with (data / "journal" / name).open("wb") as segment:
            os.posix_fallocate(segment.fileno(), 0, 64 * MIB)
    assert space.Spare(data / "spool", space.SPARE_BYTES).is_owned
    with (data / "gateway.1" / "00000000000000000000.fix").open("wb") as store:
        space.own(store.fileno(), space.SPARE_BYTES)
    disk.fill()
    assert space.problems(config_in(data), GATEWAYS) == []
