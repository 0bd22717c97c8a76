"""Segments and role locks, with real shared memory, files and processes."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from lockstep.shm import segment
from lockstep.shm.segment import RoleLock, RoleTakenError, SegmentError

HOLDER = """
import sys
from pathlib import Path
from lockstep.shm.segment import RoleLock
lock = RoleLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def a_name() -> str:
    return f"/lockstep-test-{uuid.uuid4().hex[:12]}"


def test_two_attachments_share_their_bytes_and_nobody_else_may_read_them() -> None:
    name = a_name()
    first = segment.create(name, 8192)
    second = segment.attach(name)
    first[100] = 7
    assert second[100] == 7
    assert (segment.SHM / name[1:]).stat().st_mode & 0o777 == 0o600
    assert segment.remove_leftovers(name) == [name]
    with pytest.raises(SegmentError, match="not running"):
        segment.attach(name)


def test_a_name_is_created_once() -> None:
    name = a_name()
    segment.create(name, 4096)
    with pytest.raises(SegmentError, match="exists already"):
        segment.create(name, 4096)
    segment.remove_leftovers(name)


def test_memory_that_cannot_be_had_is_an_error_at_start_and_leaves_nothing() -> None:
    name = a_name()
    with pytest.raises(SegmentError, match="cannot be had"):
        segment.create(name, 1 << 50)
    assert segment.remove_leftovers(name) == []


def test_a_role_has_one_holder_and_its_death_frees_it(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "router"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    lock = RoleLock(path)
    with pytest.raises(RoleTakenError, match=str(holder.pid)):
        lock.acquire()
    assert RoleLock.holder(path) == holder.pid
    holder.kill()
    lock.acquire(wait=True)
    assert RoleLock.holder(path) == os.getpid()
    assert path.read_text().strip() == str(os.getpid())
    lock.release()
    assert RoleLock.holder(path) is None
    assert RoleLock.holder(path.with_name("never-taken")) is None
    holder.wait()
