"""Where the journaler's tests write: in memory, since syncs to a disk are not what they test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    # A writer that was refused may live on in its traceback, and prepare a segment while this is removed.
    with TemporaryDirectory(dir="/dev/shm", prefix="journaler-test-", ignore_cleanup_errors=True) as name:
        yield Path(name)
