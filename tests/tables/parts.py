"""Parts of snapshots as bytes: what a stage or a table saves, and another one that goes on from it."""

from __future__ import annotations

import os
from typing import Protocol

from lockstep.core.tables.saved import Loader, Saver


class Saved(Protocol):
    """What can be saved and loaded."""

    def save(self, saver: Saver, /) -> None: ...
    def load(self, loader: Loader, /) -> None: ...


def part_of(saved: Saved) -> bytes:
    """What it saves."""
    fd = os.memfd_create("part")
    try:
        saver = Saver(fd)
        saved.save(saver)
        saver.finish()
        return os.pread(fd, os.fstat(fd).st_size, 0)
    finally:
        os.close(fd)


def load(saved: Saved, part: bytes) -> None:
    """Let a new one go on from what another one saved."""
    fd = os.memfd_create("part")
    try:
        os.write(fd, part)
        loader = Loader(fd)
        saved.load(loader)
        loader.finish()
    finally:
        os.close(fd)
