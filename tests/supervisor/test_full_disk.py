"""A supervisor whose data folder has no byte left lives, and starts again what dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from lockstep.procs.supervisor.recovery import MAX_RESTARTS
from tests.small_disk import SmallDisk
from tests.supervisor.harness import CONFIG, PATIENCE_S, Start, changed, pids

DISK_BYTES = 48 * 2**20
Make = Callable[[int], SmallDisk]


def test_with_zero_bytes_free_it_starts_again_what_dies(start: Start, config: Path, small_disk: Make) -> None:
    disk = small_disk(DISK_BYTES)
    (config.parent / "data").symlink_to(disk.folder)
    config.write_text(CONFIG)
    venue = start()
    before = venue.ready()
    disk.fill()
    for _ in range(MAX_RESTARTS + 2):  # more than are forgiven where there is space
        os.kill(pids(config)["batcher"], signal.SIGKILL)
        assert "it starts again in 1 s" in venue.read_until("starts again")
        venue.read_until("venue ready again")
    os.kill(before["core"], signal.SIGKILL)
    assert "the core starts again" in venue.read_until("starts again")
    venue.read_until("venue ready again")
    disk.empty()
    assert changed(before, pids(config)) == {"batcher", "core"}
    venue.process.send_signal(signal.SIGINT)
    assert venue.process.wait(PATIENCE_S) == 0
