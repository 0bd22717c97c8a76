"""The journal with real processes: writers killed at random moments, faults of the disk, a reader beside the writer."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lockstep.core.journal.journal import JournalReader, segment_seqs, verify
from lockstep.core.journal.writer import JournalWriter
from tests.models import journal as model

SEGMENT_BYTES = 16 * 4096


class Child:
    """A `tests.journal.child`, and what it says to be durable."""

    def __init__(self, folder: Path, durability: str, count: int, seed: int, prefix: list[str] | None = None) -> None:
        self.progress = folder.parent / "progress"
        self.progress.write_bytes(bytes(8))
        arguments = [folder, self.progress, durability, SEGMENT_BYTES, count, seed]
        self.process = subprocess.Popen(
            [*(prefix or []), sys.executable, "-m", "tests.journal.child", *map(str, arguments)],
            cwd=Path(__file__).parents[2],
            stderr=subprocess.PIPE,
            text=True,
        )

    def durable_seq(self) -> int:
        return int(struct.unpack("<Q", self.progress.read_bytes())[0])

    def wait_for(self, seq: int) -> None:
        while self.durable_seq() < seq:
            assert self.process.poll() is None, self.process.communicate()[1]
            time.sleep(0.002)

    def end(self) -> str:
        """Wait for its end, and return what it wrote to stderr."""
        return self.process.communicate(timeout=60)[1]


def test_nothing_reported_durable_is_lost_when_the_writer_is_killed(tmp_path: Path) -> None:
    """I2: what was acknowledged is in the journal."""
    folder = tmp_path / "journal"
    draw = random.Random(7)
    last = 0
    for round_ in range(6):
        child = Child(folder, draw.choice(["local", "none"]), 10**9, round_)
        child.wait_for(last + 1)
        time.sleep(draw.uniform(0, 0.12))  # a random moment, not a wait for anything
        child.process.kill()
        child.end()
        reported = child.durable_seq()
        with JournalWriter(folder, segment_bytes=SEGMENT_BYTES) as writer:
            assert writer.last_seq >= reported > last
            last = writer.last_seq
            chain = writer.chain
    kept = list(JournalReader(folder, limit=last))
    assert kept == model.records(1, last)
    assert chain == model.chain(kept)
    assert len(segment_seqs(folder)) > 2
    assert verify(folder).corruption is None


@pytest.mark.parametrize("durability", ["local", "none"])
def test_a_reader_follows_a_writer_up_to_what_is_durable(tmp_path: Path, durability: str) -> None:
    folder = tmp_path / "journal"
    count = 3000
    child = Child(folder, durability, count, 1)
    child.wait_for(1)
    reader = JournalReader(folder, limit=0)
    read: list[bytes] = []
    while len(read) < count:
        reader.limit = child.durable_seq()
        read += list(reader)
        assert len(read) == reader.limit
    assert child.end() == ""
    assert read == model.records(1, count)


def traced(*inject: str) -> list[str]:
    """The command prefix that makes system calls fail, or a skip where this machine can't."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed: errors of fdatasync can't be injected here")
    if subprocess.run([strace, "-o", "/dev/null", "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace here: errors of fdatasync can't be injected")
    return [strace, "-qq", "-o", "/dev/null", *inject]


def test_the_writer_ends_at_the_first_sync_error(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    # Without -f only the committing thread is traced; a second try would succeed, so one would show.
    child = Child(folder, "local", 10**9, 1, traced("-e", "inject=fdatasync:error=EIO:when=5"))
    assert "OSError: [Errno 5] can't sync the journal" in child.end()
    reported = child.durable_seq()
    assert reported > 0
    with JournalWriter(folder, segment_bytes=SEGMENT_BYTES) as writer:
        assert writer.last_seq >= reported
    assert list(JournalReader(folder, limit=reported)) == model.records(1, reported)


@pytest.mark.parametrize("code", ["ENOSPC", "EDQUOT"])
def test_the_writer_ends_when_the_disk_is_full(tmp_path: Path, code: str) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    child = Child(folder, "local", 10**9, 1, traced("-e", f"inject=pwritev:error={code}:when=4"))
    assert "JournalFull: [Errno 28] can't write a batch to the journal" in child.end()
    reported = child.durable_seq()
    assert reported > 0
    with JournalWriter(folder, segment_bytes=SEGMENT_BYTES) as writer:
        assert writer.last_seq == reported


@pytest.mark.parametrize("code", ["ENOSPC", "EDQUOT"])
def test_a_full_disk_is_named_when_a_segment_is_prepared(tmp_path: Path, code: str) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    child = Child(folder, "local", 10**9, 1, traced("-f", "-e", f"inject=pwritev:error={code}:when=1+"))
    assert "JournalFull: [Errno 28] can't prepare a segment" in child.end()
    with JournalWriter(folder, segment_bytes=SEGMENT_BYTES) as writer:
        assert writer.last_seq == 0
