"""An image is found whole once it has been left, by any process of the run, and by none of the next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lockstep.core.venue.instrument_images import Filed, Images, Kept
from tests.small_disk import PAGE, SmallDisk


@pytest.fixture(params=["kept", "filed"])
def images(request: pytest.FixtureRequest, tmp_path: Path) -> Images:
    if request.param == "kept":
        return Kept()
    filed = Filed(tmp_path / "images")
    filed.clear()
    return filed


def test_it_is_found_as_it_was_left(images: Images) -> None:
    """LOG-25: a book travels beside the rings."""
    assert images.get(7) is None
    images.put(7, b"book" * 1000)
    images.put(9, b"")
    assert (images.get(7), images.get(8), images.get(9)) == (b"book" * 1000, None, b"")


def test_it_is_left_once_there_is_room(small_disk: Callable[[int], SmallDisk]) -> None:
    """A stage that finds none takes nothing from others, and tries again; an image that was left is not left again."""
    disk = small_disk(1 << 20)
    filed, image = Filed(disk.folder / "images"), b"book" * 10_000
    filed.clear()
    disk.fill(len(image) // 2)
    assert not filed.put(7, image)
    assert (filed.get(7), disk.free) == (None, len(image) // 2 // PAGE * PAGE)
    disk.empty()
    assert filed.put(7, image)
    disk.fill()
    assert filed.put(7, image)
    assert filed.get(7) == image


def test_other_processes_find_it_and_the_next_run_does_not(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "images"
    Filed(folder).clear()
    Filed(folder).put(7, b"book")
    (folder / "8.new").write_bytes(b"half")
    assert Filed(folder).get(7) == b"book"
    assert Filed(folder).get(8) is None
    Filed(folder).clear()
    assert Filed(folder).get(7) is None
    assert list(folder.iterdir()) == []
