"""A matcher that has seen its instruments takes no memory: counted under its feet, over commands of every kind."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import Command, Event, Instrument
from lockstep.procs.matcher.matcher import Matcher
from lockstep.shm.board import Board
from lockstep.shm.ring import Ring
from tests.matcher.coverage_tally import Seen
from tests.matcher.pair import Alone, instrument
from tests.matcher.traffic import Traffic

STEPS = 1500
COUNTER = "LOCKSTEP_TEST_COUNTER"
ROOT = Path(__file__).parents[2]

# Preloaded: counts what the process asks of its allocator, and growths of mappings.
SOURCE = r"""
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static volatile unsigned long count;

unsigned long allocations(void) { return count; }

void *malloc(size_t size) {
    count++;
    return __libc_malloc(size);
}

void *calloc(size_t items, size_t size) {
    count++;
    return __libc_calloc(items, size);
}

void *realloc(void *memory, size_t size) {
    count++;
    return __libc_realloc(memory, size);
}

void *mremap(void *memory, size_t old_size, size_t size, int flags, ...) {
    count++;
    return (void *)syscall(SYS_mremap, memory, old_size, size, flags, NULL);
}
"""


class Recorded(Alone):
    """The model, and all records that went to it."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[bytes] = []
        self.listings = 0
        self.send(instrument())

    def apply(self, command: Command) -> list[Event]:
        self.records.append(pack(command))
        if isinstance(command, Instrument):
            self.listings = len(self.records)
        return super().apply(command)


def count_in_this_process() -> tuple[int, int]:
    """How often memory was asked for while a matcher took commands, and how many events it made of them."""
    allocations = ctypes.CDLL(os.environ[COUNTER]).allocations
    recorded = Recorded()
    traffic = Traffic(5, recorded, Seen())
    for _ in range(STEPS):
        traffic.step()
    log, events = Ring.private(8192, ["matcher.1"]), Ring.private(8192, ["test"])
    producer, reader = log.producer(), events.consumer("test")
    matcher = Matcher(1, log.consumer("matcher.1"), events.producer(), Board.private())
    assert allocations() > 0, "the counter counts nothing"
    total = made = 0
    for record in recorded.records[:8000]:
        producer.put(record)
        before = allocations()
        matcher.step(0)
        if log.published > recorded.listings:
            total += allocations() - before
        made += len(reader.take())
    return total, made


@pytest.mark.skipif(shutil.which("cc") is None, reason="the counter has to be compiled")
def test_no_memory_is_asked_for_in_steady_state(tmp_path: Path) -> None:
    library = tmp_path / "counting.so"
    source = tmp_path / "counting.c"
    source.write_text(SOURCE)
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-fno-builtin", "-o", library, source], check=True)
    child = subprocess.run(
        [sys.executable, "-m", "tests.matcher.test_allocations"], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "LD_PRELOAD": str(library), COUNTER: str(library), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    total, made = map(int, child.stdout.split())
    assert total == 0
    assert made > STEPS


if __name__ == "__main__":
    print(*count_in_this_process())
