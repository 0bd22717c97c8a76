"""Who is honest beside those that mean harm: it trades at planned times, and every answer has to be right and in time.

What the machine itself holds up is measured beside it and allowed for: a bound that only a quiet machine keeps shows
nothing.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from lockstep.client.fix.message import Message
from tests.pipeline.client import FixClient

SYMBOL = "SOLUSDT"  # no one else trades it: an order's outcome is known
ANSWER_S = 1.0
LOGON_S = 10.0  # a wrong password's delay is borne by all from that address
ROUND_S = 0.1
HOPS = 5  # processes that an order passes, each of which the machine may hold up as long as it did us
BEAT_S = 0.01
PAGE = 4096
PATIENCE_S = 60.0  # then it counts as never answered
RECONNECTS = 0.04


class Pacemaker:
    """How late this process gets its turn, and how long a page takes to sync: what others on the machine cost."""

    def __init__(self, folder: Path) -> None:
        self.late: list[tuple[float, float]] = []
        self._file = folder / "pace"
        self._syncs = 0
        self._enough = threading.Event()
        self._threads = [
            threading.Thread(target=self._beat, daemon=True),
            threading.Thread(target=self._sync, daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def _beat(self) -> None:
        while not self._enough.is_set():
            self._measure(lambda: time.sleep(BEAT_S), BEAT_S)

    def _sync(self) -> None:
        with self._file.open("wb", buffering=0) as file:
            while not self._enough.wait(BEAT_S):
                file.seek(0)
                file.write(bytes(PAGE))
                self._measure(lambda: os.fdatasync(file.fileno()), 0.0)
                self._syncs += 1

    def _measure(self, action: Callable[[], None], planned_s: float) -> None:
        began_s = time.monotonic()
        action()
        now_s = time.monotonic()
        self.late.append((now_s, now_s - began_s - planned_s))

    def worst(self, since_s: float, until_s: float) -> float:
        """The longest hold-up in that time."""
        syncs, patience_s = self._syncs, time.monotonic() + PATIENCE_S
        while self._syncs < syncs + 2 and time.monotonic() < patience_s:
            time.sleep(BEAT_S)  # one that was under way is known then
        return max((late for at, late in self.late if since_s <= at and at - late <= until_s), default=0.0)

    def stop(self) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()


class LateError(AssertionError):
    """An answer that was late; `since_s` is when it was asked for."""

    def __init__(self, text: str, since_s: float) -> None:
        super().__init__(text)
        self.since_s = since_s


class Honest:
    """Two traders who buy from each other, rest orders and cancel them; their wrong requests are refused."""

    def __init__(self, port: int, folder: Path, draw: Random) -> None:
        self.buyer, self.seller = FixClient(port, "TRADER1"), FixClient(port, "TRADER2")
        self.draw = draw
        self.pace = Pacemaker(folder)
        self.rounds = 0
        self.due_s = 0.0
        self.traded: list[str] = []  # ExecIDs of the buyer's fills
        self.worst_s = 0.0
        self.exec_ids: set[str] = set()
        self.resting: list[str] = []

    def begin(self) -> None:
        self.pace.start()
        for client in (self.buyer, self.seller):
            client.connect(reset=True)

    def end(self) -> None:
        self.pace.stop()
        for client in (self.buyer, self.seller):
            client.close()

    def work(self, for_s: float, turn: Callable[[float], None] | None = None) -> None:
        """Rounds at their planned times for this long. LateError, AssertionError if an answer is wrong."""
        self.due_s = time.monotonic()
        until_s = self.due_s + for_s
        while self.due_s < until_s:
            time.sleep(max(0.0, self.due_s - time.monotonic()))
            self.rounds += 1
            (turn or self.round)(self.due_s)
            self.due_s += ROUND_S

    def round(self, due_s: float) -> None:
        """One action, with all its answers."""
        kind = self.draw.random()
        if kind < RECONNECTS:
            self.reconnect(self.draw.choice((self.buyer, self.seller)))
        elif kind < 0.4:
            self.rest(due_s)
            self.take_back(time.monotonic())
        elif kind < 0.8:
            self.trade(due_s)
        else:
            self.wrong(due_s)

    def rest(self, due_s: float) -> None:
        name = self._name("rest")
        self.buyer.order(name, "buy", "1.00", "0.001", SYMBOL)
        self._await(self.buyer, name, "0", due_s)
        self.resting.append(name)

    def take_back(self, due_s: float) -> None:
        order = self.resting.pop(0)
        name = self._name("back")
        self.buyer.cancel(name, order, "buy", SYMBOL)
        report = self._await(self.buyer, name, "4", due_s)
        assert report[41] == order, report

    def trade(self, due_s: float) -> None:
        sold, bought = self._name("sell"), self._name("buy")
        price = f"{self.draw.randint(100, 200)}.00"
        self.seller.order(sold, "sell", price, "0.001", SYMBOL)
        self._await(self.seller, sold, "0", due_s)
        due_s = time.monotonic()
        self.buyer.order(bought, "buy", price, "0.001", SYMBOL)
        self._await(self.buyer, bought, "0", due_s)
        for client, name in ((self.buyer, bought), (self.seller, sold)):
            fill = self._await(client, name, "F", due_s)
            assert (float(fill[31]), float(fill[32]), fill[39]) == (float(price), 0.001, "2"), fill
        self.traded.append(bought)

    def wrong(self, due_s: float) -> None:
        name = self._name("wrong")
        self.buyer.order(name, "buy", "1.005", "0.001", SYMBOL)
        self._await(self.buyer, name, "8", due_s)

    def reconnect(self, client: FixClient) -> None:
        """The connection is lost, and made again: also beside those who guess passwords and hold sockets."""
        began_s = time.monotonic()
        client.close()
        client.connect(timeout_s=PATIENCE_S)
        took_s = time.monotonic() - began_s
        allowed_s = LOGON_S + HOPS * self.pace.worst(began_s, time.monotonic())
        if took_s > allowed_s:
            raise LateError(f"{client.name}'s logon took {took_s:.2f} s", began_s)
        self.due_s = time.monotonic()  # a logon may be delayed: nothing is planned for that time

    def _name(self, what: str) -> str:
        return f"{what}-{self.rounds}-{self.draw.randrange(10**6)}"

    def _await(self, client: FixClient, name: str, exec_type: str, due_s: float) -> Message:
        """The report of that request, and of no other; LateError if it is late against the planned time."""
        try:
            report = client.await_message(
                lambda message: message[35] in ("8", "9", "3", "j") and not _is_old(message, name), PATIENCE_S
            )
        except (TimeoutError, ConnectionError) as error:
            raise LateError(f"{client.name}'s {name} has no answer: {error!r}", due_s) from error
        took_s = time.monotonic() - due_s
        said = (report[35], report.get(11), report.get(150))
        assert said == ("8", name, exec_type), f"{name} is answered by {report}"
        assert report[17] not in self.exec_ids, f"{name} has an ExecID that was there before: {report}"
        self.exec_ids.add(report[17])
        self.worst_s = max(self.worst_s, took_s)
        if took_s > ANSWER_S:
            late_s = self.pace.worst(due_s, time.monotonic())
            if took_s > ANSWER_S + HOPS * late_s:
                raise LateError(
                    f"{client.name}'s {name} took {took_s:.2f} s; the machine held up {late_s:.2f} s", due_s
                )
        return report


def _is_old(message: Message, name: str) -> bool:
    """A report of something else that was asked for before: a resend after a reconnect brings some."""
    return message.get(43) == "Y" and message[11] != name
