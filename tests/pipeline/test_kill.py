"""kill -9 of any one process while orders flow: no acknowledged order is lost, and trading goes on within 30 s."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from tests.pipeline.client import FixClient
from tests.pipeline.conftest import RunningVenue

HOSTS = ("journal", "core", "publisher", "batcher", "gateway")
RECOVERY_S = 30


class Stream(threading.Thread):
    """A client that sends resting orders one after another, through any number of reconnects."""

    def __init__(self, client: FixClient) -> None:
        super().__init__()
        self.client = client
        self.acknowledged: set[str] = set()
        self.last_acknowledged_at = 0.0
        self.enough = threading.Event()
        self._sent = 0

    def run(self) -> None:
        self.client.connect()
        while not self.enough.is_set():
            try:
                self._sent += 1
                self.client.order(f"k{self._sent}", "buy", f"{1 + self._sent % 50}.00", "0.0001")
                self._take()
            except (OSError, ConnectionError):
                self.client.connect(timeout_s=RECOVERY_S)
        self.drain()

    def drain(self) -> None:
        """Receive until every order has its answer."""
        self.client.send("1", (112, "end"))
        while self.client.received[-1].get(112) != b"end":
            self._take()

    def _take(self) -> None:
        message = self.client.receive()
        if message.get(35) == b"8" and message.get(150) == b"0":
            self.acknowledged.add(message.get(11).decode())
            self.last_acknowledged_at = time.monotonic()


def await_progress(stream: Stream, since: float, timeout_s: float = RECOVERY_S) -> None:
    deadline = time.monotonic() + timeout_s
    while stream.last_acknowledged_at <= since:
        assert time.monotonic() < deadline, f"no order was acknowledged within {timeout_s} s"
        assert stream.is_alive(), "the client ended"
        time.sleep(0.01)  # the stream is another thread's


def check_all_rest(client: FixClient, names: set[str]) -> None:
    """Every order in `names` rests: it can be cancelled, once."""
    for name in names:
        client.cancel(f"x{name}", name, "buy")
    missing = set(names)
    while missing:
        message = client.receive()
        if message.get(35) == b"9":
            raise AssertionError(f"{message.get(41)!r} was acknowledged and is not in the book: {message.get(58)!r}")
        if message.get(35) == b"8" and message.get(150) == b"4":
            missing.discard(message.get(41).decode())


@pytest.mark.parametrize("host", HOSTS)
def test_no_acknowledged_order_is_lost_when_a_host_is_killed(venue: RunningVenue, host: str) -> None:
    stream = Stream(venue.client("TRADER7"))
    stream.start()
    await_progress(stream, 0)
    pids = {entry["name"]: entry["pid"] for entry in venue.status()["hosts"]}
    killed_at = time.monotonic()
    os.kill(pids[host], signal.SIGKILL)
    # Acknowledgements from before the kill may still be on their way for a moment; a second is past all of them.
    await_progress(stream, killed_at + 1)
    stream.enough.set()
    stream.join(RECOVERY_S)
    assert not stream.is_alive()
    check_all_rest(stream.client, stream.acknowledged)
    assert {entry["name"] for entry in venue.status()["hosts"] if entry["pid"] != pids[entry["name"]]} >= {host}
    assert venue.stop() == 0
    venue.verify()


def test_no_acknowledged_order_is_lost_when_the_supervisor_is_killed(venue: RunningVenue) -> None:
    stream = Stream(venue.client("TRADER8"))
    stream.start()
    await_progress(stream, 0)
    venue.kill()
    killed_at = time.monotonic()
    venue.start()
    await_progress(stream, killed_at + 1)
    stream.enough.set()
    stream.join(RECOVERY_S)
    assert not stream.is_alive()
    check_all_rest(stream.client, stream.acknowledged)
    assert venue.stop() == 0
    venue.verify()
