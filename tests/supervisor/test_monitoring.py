"""The monitor beside a supervisor of stand-in hosts: it serves what they show, and its end does no harm."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lockstep.core.host.procfs import identify
from lockstep.core.venue.venue import Manifest, Venue, manifest_of
from lockstep.shm.board import Word
from tests.supervisor.harness import PATIENCE_S, Program

Start = Callable[..., Program]


@pytest.fixture
def monitored(config: Path) -> Path:
    config.write_text(f"{config.read_text()}\n[metrics]\nport = 0\n")
    return config


def served(config: Path, after: int = 0) -> tuple[int, int]:
    """The port that the monitor says it serves, and its process; waits until it has said so more than `after` times."""
    log = config.parent / "data" / "log" / "monitor.log"
    deadline = time.monotonic() + PATIENCE_S
    while True:
        lines = log.read_text().splitlines() if log.exists() else []
        said = [json.loads(line) for line in lines if '"metrics are served"' in line]
        if len(said) > after:
            return said[-1]["port"], said[-1]["pid"]
        assert time.monotonic() < deadline, lines
        time.sleep(0.02)  # its only word is its log


def ask(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def until(port: int, path: str, status: int) -> str:
    """Ask until it answers with `status`; what it says then."""
    deadline = time.monotonic() + PATIENCE_S
    while (found := ask(port, path))[0] != status:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)  # a reading answers all who ask within 0.2 s
    return found[1]


def values(port: int) -> dict[str, float]:
    lines = [line for line in ask(port, "/metrics")[1].splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def until_it_has(port: int, name: str, value: float) -> dict[str, float]:
    """Ask until a figure has this value; all figures then."""
    deadline = time.monotonic() + PATIENCE_S
    while (found := values(port)).get(name) != value:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)  # a reading answers all who ask within 0.2 s
    return found


def test_it_serves_the_run_that_there_is_and_the_next_one(start: Start, monitored: Path) -> None:
    program = start()
    pids = program.ready()
    port, pid = served(monitored)
    data = monitored.parent / "data"
    board = Venue.attach(Manifest.load(manifest_of(data))).board
    assert ask(port, "/health/live") == (200, "ok\n")
    assert until(port, "/health/ready", 503) == "no gateway takes connections\n"  # the stand-in counts nothing
    assert until(port, "/health/leader", 200) == "ok\n"
    board.set(Word.LOG_END, 70)
    board.set(Word.DURABLE_SEQ, 60)
    found = until_it_has(port, "lockstep_commit_lag_records", 10)
    assert found['lockstep_process_restarts_total{process="core"}'] == 0
    # The core starts again: its words are set back, what counts along the log is not.
    os.kill(pids["core"], signal.SIGKILL)
    program.read_until("venue ready again")
    found = until_it_has(port, "lockstep_generation", 2)
    assert found["lockstep_log_records_total"] == 70
    assert until(port, "/health/leader", 200)
    assert found['lockstep_process_restarts_total{process="core"}'] == 1
    # And everything: the same monitor goes over to the new run.
    for _ in range(6):
        os.kill(program_pid(data, "core"), signal.SIGKILL)
        if "the venue starts again" in program.read_until("starts? again in"):
            break
        program.read_until("venue ready again")
    program.read_until("venue ready after")
    until(port, "/health/leader", 200)
    until_it_has(port, "lockstep_generation", 1)
    assert identify(pid) is not None


def program_pid(data: Path, host: str) -> int:
    """The process of a host, as the board has it."""
    venue = Venue.attach(Manifest.load(manifest_of(data)))
    health = venue.board.health(venue.topology.slot_of(venue.topology.host(host).agents[0]))
    assert health is not None
    return health["pid"]


def test_its_death_is_said_and_one_that_hangs_keeps_nobody_from_starting_again_or_stopping(
    start: Start, monitored: Path
) -> None:
    program = start()
    pids = program.ready()
    _, first = served(monitored)
    os.kill(first, signal.SIGKILL)
    program.read_until("the monitor was killed by SIGKILL; the venue goes on without metrics, and they are tried again")
    port, second = served(monitored, after=1)
    assert second != first
    assert until(port, "/health/leader", 200)
    assert all(identify(each) for each in pids.values())
    os.kill(second, signal.SIGSTOP)
    os.kill(pids["publisher"], signal.SIGKILL)
    program.read_until("venue ready again")
    program.process.send_signal(signal.SIGINT)
    assert program.process.wait(PATIENCE_S) == 0
    assert identify(second) is None


def test_it_dies_with_its_supervisor(start: Start, monitored: Path) -> None:
    program = start()
    program.ready()
    _, pid = served(monitored)
    program.process.kill()
    deadline = time.monotonic() + PATIENCE_S
    while identify(pid) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)  # the kernel does it


def test_a_port_that_is_taken_is_said_once_and_the_venue_runs(start: Start, config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        config.write_text(f"{config.read_text()}\n[metrics]\nport = {port}\n")
        program = start()
        program.ready()
        said = program.read_until("metrics")
        assert said.startswith(f"metrics.address 127.0.0.1, metrics.port {port}: address already in use")
        log = config.parent / "data" / "log" / "monitor.log"
        deadline = time.monotonic() + PATIENCE_S
        while log.read_text().count("already in use") < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)  # the next try has no other word
    assert until_listening(port) == 200
    program.process.send_signal(signal.SIGINT)
    assert not [line for line in program.read_all() if "metrics" in line]


def until_listening(port: int) -> int:
    """Ask until somebody listens there; the status of the answer."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ask(port, "/health/live")[0]
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)  # nobody listens there yet
