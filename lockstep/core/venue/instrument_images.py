"""Where a matcher leaves the image of an instrument that moves, and the matcher that gets it finds it (LOG-25).

An image is bytes under the log sequence of the move; it is never changed, and what is in it is the matchers' business.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Protocol

from lockstep.core.files import atomic_file, space


class Images(Protocol):
    """Images of one run, by log sequence."""

    def put(self, seq: int, image: bytes) -> bool:
        """Leave the image of the move that record `seq` asks for; False if there is no room for it now."""

    def get(self, seq: int) -> bytes | None:
        """That image, or None while it has not been left."""


class Kept:
    """Images in this process's memory: for matchers that share it, in tests and verification."""

    def __init__(self) -> None:
        self._images: dict[int, bytes] = {}

    def put(self, seq: int, image: bytes) -> bool:
        self._images[seq] = image
        return True

    def get(self, seq: int) -> bytes | None:
        return self._images.get(seq)


class Filed:
    """Images as files of `folder`: the same way whether matchers share a process or not.

    They need not survive the machine, since a run that ends is replayed and makes them again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def clear(self) -> None:
        """Begin a run: what an earlier one left is of no use."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700, parents=True)

    def put(self, seq: int, image: bytes) -> bool:
        file = self._folder / str(seq)
        if file.exists():  # a core before this one left it, and came to the same image
            return True
        if space.free_bytes(self._folder) < len(image):  # what can't hold it all is not taken from others meanwhile
            return False
        try:
            atomic_file.replace(file, image)
        except OSError as error:
            if not space.is_full(error):
                raise
            return False
        return True

    def get(self, seq: int) -> bytes | None:
        try:
            return (self._folder / str(seq)).read_bytes()
        except FileNotFoundError:
            return None
