"""The service manager's protocol on a real socket: ready, life while the core gets on, and none while it doesn't."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockstep.core.venue.venue import Manifest, Venue, manifest_of
from lockstep.procs.supervisor.notify import BEATS
from lockstep.procs.supervisor.pulse import STALL_HEARTBEATS
from lockstep.shm.board import Word
from tests.supervisor.harness import PATIENCE_S, Program, pids

GRANTED_S = 0.9  # as WatchdogSec=
STALL_S = STALL_HEARTBEATS * 0.5  # heartbeat_timeout_s of the harness
FIGURES = (Word.DURABLE_SEQ, Word.ROUTER_DONE, Word.MATCHER_DONE)


class Manager:
    """The end of the socket that systemd has."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.heard: list[tuple[float, str]] = []

    def listen(self, seconds: float) -> list[str]:
        """What is said within this many seconds."""
        end, before = time.monotonic() + seconds, len(self.heard)
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                self.heard.append((time.monotonic(), self.socket.recv(4096).decode()))
            except TimeoutError:
                break
        return [message for _, message in self.heard[before:]]

    def await_message(self, wanted: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not any(wanted in message for message in self.listen(0.05)):
            assert time.monotonic() < deadline, self.heard

    def longest_silence(self, since: int) -> float:
        """Between two signs of life, from what was heard as number `since` on."""
        beats = [at for at, message in self.heard[since:] if message == "WATCHDOG=1"]
        return max(b - a for a, b in itertools.pairwise(beats))


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    manager = Manager(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", str(int(GRANTED_S * 1e6)))
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    yield manager
    manager.socket.close()


@pytest.fixture
def venue(manager: Manager, config: Path) -> Iterator[Program]:
    program = Program(config, "healthy")
    program.ready()
    manager.await_message("READY=1\nSTATUS=ready")
    yield program
    if program.process.poll() is None:
        program.process.terminate()
    program.process.wait(PATIENCE_S)


def board_of(config: Path) -> Venue:
    return Venue.attach(Manifest.load(manifest_of(config.parent / "data")))


def test_a_core_that_lives_and_does_nothing_ends_the_signs_of_life(
    venue: Program, manager: Manager, config: Path
) -> None:
    board = board_of(config).board
    board.set(Word.LOG_END, 7)  # a record that no matcher takes, while every heartbeat goes on
    for word in FIGURES[:2]:
        board.set(word, 7)
    manager.listen(STALL_S + GRANTED_S)
    assert manager.listen(2 * GRANTED_S) == []
    board.set(Word.MATCHER_DONE, 7)
    manager.await_message("WATCHDOG=1")
    assert manager.listen(2 * GRANTED_S).count("WATCHDOG=1") >= BEATS  # and they stay
    assert venue.process.poll() is None


def test_signs_of_life_go_on_while_figures_move_and_while_the_disk_is_full(
    venue: Program, manager: Manager, config: Path
) -> None:
    board = board_of(config).board
    since = len(manager.heard)
    board.set(Word.LOG_END, 10**9)
    began, seq = time.monotonic(), 0
    while time.monotonic() - began < STALL_S + 2 * GRANTED_S:
        seq += 1
        board.set(Word.MATCHER_DONE, seq)
        manager.listen(0.1)
    board.set(Word.JOURNAL_FULL, 1)  # it waits for space: a restart would gain nothing
    manager.listen(STALL_S + 2 * GRANTED_S)
    assert manager.longest_silence(since) < GRANTED_S
    assert venue.process.poll() is None
    for word in FIGURES:
        board.set(word, 10**9)  # else its stop would wait for them


def test_a_restart_of_the_core_is_not_cut_off(venue: Program, manager: Manager, config: Path) -> None:
    since = len(manager.heard)
    for _ in range(3):  # the last takes 0.5 s to be seen, 0.4 s of waiting and a start: longer than the watchdog grants
        core = pids(config)["core"]
        os.kill(core, signal.SIGSTOP)
        manager.await_message("READY=1")
        assert pids(config)["core"] != core
    assert manager.longest_silence(since) < GRANTED_S
    assert any(message.startswith("STATUS=starting again: core has shown no heartbeat") for _, message in manager.heard)
    venue.process.terminate()
    manager.await_message("STOPPING=1")
    assert venue.process.wait(PATIENCE_S) == 0


def test_a_supervisor_that_hangs_shows_no_life(venue: Program, manager: Manager) -> None:
    venue.process.send_signal(signal.SIGSTOP)
    try:
        manager.listen(GRANTED_S)
        assert manager.listen(2 * GRANTED_S) == []
    finally:
        venue.process.send_signal(signal.SIGCONT)
    manager.await_message("WATCHDOG=1")
