"""A client that trades through the venue's deaths, and what must be true of all that it received.

It trades at speed for so many rounds each time that somebody waits for its progress, and else a little now and then:
what a test trades, and all behind it replays and compares, is the same on a machine that is slow.
"""

from __future__ import annotations

import collections
import contextlib
import threading
import time
from typing import Protocol

from lockstep.client.fix.message import Message
from tests.pipeline.client import FixClient

RECOVERY_S = 60
BURST = 4  # rounds that are sent together; the answers to the burst before are still on their way
PAUSE_S = 0.03  # between two bursts: a client is not to take a processor
AT_SPEED = 40  # rounds; then it sends one at a time
ALWAYS = 10**9  # as `at_speed`: for a soak, which takes as long as it is told to
SLOWLY_S = 1.0  # between two of those
SHOWN = 20  # orders that were never answered


class Stream(threading.Thread):
    """Sends rounds of orders through any number of reconnects: one rests, two trade with each other, one is bad."""

    def __init__(self, client: FixClient, rounds: int = 0, at_speed: int = AT_SPEED, symbol: str = "ETHUSDT") -> None:
        """The orders' ids are numbered behind `rounds`, for an account that has used those up to there.

        It trades with itself in `symbol`, where nobody else does. It sends `at_speed` rounds in bursts, and as many
        each time that it is to `go_on`; between, one a second.
        """
        super().__init__(daemon=True)
        self.client = client
        self.symbol = symbol
        self.sent: list[str] = []
        self.answered: set[str] = set()
        self.last_acknowledged_at = time.monotonic()
        self.longest_gap_s = 0.0  # without any order acknowledged; a measurement sets it to 0
        self.failure: BaseException | None = None  # an error ends the thread, and is shown by itself
        self._enough = False
        self._called = threading.Event()
        self._rounds = rounds
        self._at_speed = at_speed
        self._quick_until = rounds + at_speed

    def run(self) -> None:
        self.client.connect()
        while not self._enough:
            quick = self._rounds < self._quick_until
            self._burst(BURST if quick else 1)
            if quick:
                time.sleep(PAUSE_S)
            else:
                self._called.wait(SLOWLY_S)
                self._called.clear()
        self._burst(1)  # a connection that ended while it rested is found out, and made again
        self._await_answers(len(self.sent))

    def go_on(self) -> None:
        """Trade at speed again, for as many rounds as from the beginning."""
        self._quick_until = self._rounds + self._at_speed
        self._called.set()

    def end(self) -> None:
        """Have it end once all is answered, and wait until it has."""
        self._enough = True
        self._called.set()
        self.join(RECOVERY_S)

    def _await_answers(self, count: int) -> None:
        while len(self.answered) < count:
            try:
                self._take()
            except ConnectionError:
                self.client.connect(timeout_s=RECOVERY_S)

    def _burst(self, rounds: int) -> None:
        before = len(self.sent)
        for _ in range(rounds):
            self._rounds += 1
            number = self._rounds
            self._order(f"rest{number}", "buy", f"{1 + number % 50}.00", "BTCUSDT")
            self._order(f"make{number}", "sell", "2000.00", self.symbol)
            self._order(f"take{number}", "buy", "2000.00", self.symbol)
            self._order(f"bad{number}", "buy", "1.005", "BTCUSDT")
        self._await_answers(before)

    def _order(self, cl_ord_id: str, side: str, price: str, symbol: str) -> None:
        self.sent.append(cl_ord_id)
        with contextlib.suppress(ConnectionError):  # it has its number: the venue asks for it after the next logon
            self.client.order(cl_ord_id, side, price, "0.001", symbol)

    def await_connects(self, count: int) -> None:
        """Wait until the client has logged on this many times."""
        deadline = time.monotonic() + RECOVERY_S
        while self.client.connects < count:
            assert time.monotonic() < deadline, f"{self.client.name} did not log on within {RECOVERY_S} s"
            time.sleep(0.01)  # the stream is another thread's

    def _take(self) -> None:
        self._note(self.client.receive())

    def _note(self, message: Message) -> None:
        if message[35] == "8" and message.get(150) in ("0", "8"):
            self.answered.add(message[11])
            now_s = time.monotonic()
            self.longest_gap_s = max(self.longest_gap_s, now_s - self.last_acknowledged_at)
            self.last_acknowledged_at = now_s


class Progress(Protocol):
    """A client that trades, whatever it trades over."""

    last_acknowledged_at: float
    failure: BaseException | None  # why it has ended, where it keeps that

    def go_on(self) -> None: ...
    def is_alive(self) -> bool: ...


def await_progress(stream: Progress, since: float, timeout_s: float = RECOVERY_S) -> None:
    deadline = time.monotonic() + timeout_s
    stream.go_on()
    while stream.last_acknowledged_at <= since:
        assert time.monotonic() < deadline, f"no order was acknowledged within {timeout_s} s"
        assert stream.is_alive(), f"the client ended: {stream.failure!r}"
        time.sleep(0.01)  # the stream is another thread's


def finish(stream: Stream) -> None:
    """End the stream and check: each order was answered once, the good ones accepted, and each rests or traded once."""
    stream.end()
    unanswered = [name for name in stream.sent if name not in stream.answered]
    assert not stream.is_alive(), f"{len(unanswered)} orders were never answered: {', '.join(unanswered[:SHOWN])}"
    resting = [name for name in stream.sent if name.startswith("rest")]
    check_all_rest(stream.client, resting)
    reports = [message for message in stream.client.received if message[35] == "8"]
    twice = repeated(message[17] for message in reports)
    assert not twice, f"executions were told twice: {twice}"
    told = collections.Counter((message[11], message[150]) for message in reports)
    expected = collections.Counter((name, "8" if name.startswith("bad") else "0") for name in stream.sent)
    expected.update((name, "F") for name in stream.sent if name.startswith(("make", "take")))
    expected.update((f"x{name}", "4") for name in resting)
    assert not told - expected, f"reports that nobody asked for, or more than one: {told - expected}"
    assert not expected - told, f"reports that never came: {expected - told}"
    twice = repeated(message[37] for message in reports if message.get(150) == "0")
    assert not twice, f"order ids were given twice: {twice}"


def repeated(values: object) -> list[bytes]:
    return [value for value, count in collections.Counter(values).items() if count > 1]  # type: ignore[call-overload]


def check_all_rest(client: FixClient, names: list[str]) -> None:
    """Every order in `names` rests: it can be cancelled, once."""
    for name in names:
        client.cancel(f"x{name}", name, "buy")
    missing = set(names)
    while missing:
        message = client.receive()
        if message[35] == "9":
            raise AssertionError(f"{message[41]!r} was acknowledged and is not in the book: {message.get(58)!r}")
        if message[35] == "8" and message.get(150) == "4":
            missing.discard(message[41])
