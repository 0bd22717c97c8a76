"""Bells: no wake-up is lost between a process that goes to sleep and one that publishes."""

from __future__ import annotations

import mmap
import os
import select
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator

import pytest

from lockstep.shm import segment
from lockstep.shm.bell import Bells, Reason, Sleeper

SIZE = 4096
FUTEX_BELL, QUEUE_BELL = 3, 5

WAKER = """
import sys
from lockstep.shm import segment
from lockstep.shm.bell import Bells, Reason
bells = Bells(segment.attach(sys.argv[1]), sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    bells.signal(Reason[line.strip()])
    print("rung", flush=True)
"""


class Waker:
    """Another process that rings all bells on command."""

    def __init__(self, name: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WAKER, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._answer() == "ready"

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def signal(self, reason: Reason, *, wait: bool = True) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{reason.name}\n")
        self.process.stdin.flush()
        if wait:
            assert self._answer() == "rung"

    def answer(self) -> None:
        assert self._answer() == "rung"

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


@pytest.fixture
def name() -> Iterator[str]:
    name = f"/lockstep-test-{uuid.uuid4().hex[:12]}"
    Bells.format(segment.create(name, SIZE), name, {QUEUE_BELL})
    yield name
    segment.remove_leftovers(name)
    Bells.remove(name)


def test_an_armed_futex_is_rung_from_another_process(name: str) -> None:
    sleeper = Sleeper(Bells(segment.attach(name), name), FUTEX_BELL)
    waker = Waker(name)
    for _ in range(500):
        sleeper.prepare(Reason.EVENTS)
        waker.signal(Reason.EVENTS, wait=False)
        started = time.monotonic()
        sleeper.wait(5_000_000_000)
        assert time.monotonic() - started < 4, "the wake-up was lost"
        waker.answer()
    waker.close()


def test_an_armed_queue_becomes_readable_and_drains(name: str) -> None:
    sleeper = Sleeper(Bells(segment.attach(name), name), QUEUE_BELL)
    waker = Waker(name)
    poll = select.epoll()
    poll.register(sleeper.fd, select.EPOLLIN)
    for _ in range(200):
        sleeper.prepare(Reason.EVENTS)
        waker.signal(Reason.EVENTS)
        assert poll.poll(5)
        sleeper.drain()
        assert not poll.poll(0)
    waker.close()


def test_only_the_reason_slept_for_rings(name: str) -> None:
    sleeper = Sleeper(Bells(segment.attach(name), name), QUEUE_BELL)
    waker = Waker(name)
    poll = select.epoll()
    poll.register(sleeper.fd, select.EPOLLIN)
    sleeper.prepare(Reason.COMMIT)
    waker.signal(Reason.EVENTS)
    assert not poll.poll(0)
    waker.signal(Reason.COMMIT)
    assert poll.poll(5)
    waker.close()


def test_whoever_is_awake_is_left_alone(name: str) -> None:
    sleeper = Sleeper(Bells(segment.attach(name), name), QUEUE_BELL)
    waker = Waker(name)
    poll = select.epoll()
    poll.register(sleeper.fd, select.EPOLLIN)
    sleeper.prepare(Reason.EVENTS)
    sleeper.cancel()
    waker.signal(Reason.EVENTS)
    assert not poll.poll(0)
    waker.close()


def test_a_bell_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bells"):
        Sleeper(Bells.private(), 32)


def test_who_lets_go_of_bells_holds_no_queue_open() -> None:
    """A queue that is removed counts against the machine's number of them until nobody has it open."""
    memory = mmap.mmap(-1, SIZE)
    prefix = f"/lockstep-test-{os.urandom(4).hex()}"
    Bells.format(memory, prefix, (0, 3))
    try:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            bells = Bells(memory, prefix)
            assert len(os.listdir("/proc/self/fd")) == before + 2
            del bells
        assert len(os.listdir("/proc/self/fd")) == before
    finally:
        Bells.remove(prefix)
