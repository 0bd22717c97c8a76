"""Load on a pair of nodes, as two FIX clients see them: what was acknowledged, and when the first acknowledgement came.

Its clients know both nodes' addresses, and nothing else: after a lost connection they try both until one takes them.
"""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Sequence

from lockstep.cli.flow.commands import Flow
from lockstep.cli.flow.driver import REFUSED, Driver, Stalled
from lockstep.cli.flow.initiator import Initiator
from lockstep.cli.flow.play import Target

PRICE = 10_000
RUN = 8  # orders of a side, before the other side's turn
PACE_S = 0.002
RETRY_S = 0.005
REST_RATE = 100_000  # more than a venue takes over one connection
AHEAD = 4 * RUN  # how far orders may run ahead of their pace


def flow(count: int) -> Flow:
    """`count` orders: buyers rest, sellers take half of that, so that the book grows slowly."""
    made = Flow()
    for i in range(count):
        buys = i // RUN % 2 == 0
        made.submit(str(i), buys, PRICE, 2 if buys else 1)
    return made


def resting(count: int) -> Flow:
    """`count` orders below the market, which rest for as long as the venue lives."""
    made = Flow()
    for i in range(count):
        made.submit(str(i), True, 1 + i % (PRICE // 2), 1)
    return made


class Leg:
    """The load from one connection to its loss: `sent` orders from number `first` on, of which `acks` are answered.

    `begun_s` is when both clients were logged on.
    """

    def __init__(self, driver: Driver, acks: array[int], first: int) -> None:
        self.driver = driver
        self.acks = acks
        self.first = first
        self.begun_s = time.monotonic()
        self.first_ack_s: float | None = None
        self.ended = ""

    @property
    def sent(self) -> int:
        return self.driver.sent

    def acknowledged(self) -> list[int]:
        """The numbers of the orders that the venue has taken, as its clients were told."""
        return [self.first + at + 1 for at in range(self.sent) if self.acks[at] not in (0, REFUSED)]

    def refused(self) -> int:
        """How many orders the venue has refused."""
        return sum(each == REFUSED for each in self.acks)


class Load:
    """`rate` orders a second at whichever of `nodes` takes them, until `stop`. Each connection is a leg, of at most
    `orders`. Before them, as a leg of their own, so many orders are put at `rest`, as fast as they are taken."""

    def __init__(self, nodes: Sequence[Target], rate: int, orders: int, rest: int = 0) -> None:
        self.legs: list[Leg] = []
        self._nodes = nodes
        self._rate = rate
        self._flow = flow(orders)
        self._rest = rest
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Begin in a thread; who waits sees `legs` grow."""
        self._thread.start()

    def stop(self) -> None:
        """End with what is sent, and wait for it. What ended the load before is raised."""
        self._stopping.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def acknowledged(self) -> list[int]:
        """Of all legs."""
        return [number for leg in self.legs for number in leg.acknowledged()]

    def await_leg(self, number: int, deadline_s: float) -> Leg:
        """Leg `number`, once its first order is acknowledged. TimeoutError."""
        while time.monotonic() < deadline_s:
            if self._failure is not None:
                raise self._failure
            if len(self.legs) > number and self.legs[number].first_ack_s is not None:
                return self.legs[number]
            time.sleep(PACE_S)  # the other thread's progress: a figure to look at
        raise TimeoutError(f"no order was acknowledged by connection {number + 1}")

    def _run(self) -> None:
        try:
            first = 0
            if self._rest and (sessions := self._connect()) is not None:
                leg = self._play(sessions, resting(self._rest), REST_RATE, 0)
                if leg.ended:
                    raise ConnectionError(leg.ended)
                first = leg.sent + AHEAD
            while (sessions := self._connect()) is not None:
                leg = self._play(sessions, self._flow, self._rate, first)
                first += leg.sent + AHEAD
        except BaseException as error:
            self._failure = error

    def _connect(self) -> tuple[Initiator, Initiator] | None:
        """Both clients at one node; None if the load is to stop first."""
        while not self._stopping.is_set():
            for target in self._nodes:
                try:
                    return target.session(target.buyer, 0), target.session(target.seller, 0)
                except OSError:
                    continue
            time.sleep(RETRY_S)  # only trying again tells whether a node takes clients now
        return None

    def _play(self, sessions: tuple[Initiator, Initiator], flow: Flow, rate: int, first: int) -> Leg:
        acks = array("q", bytes(8 * len(flow)))
        driver = Driver(sessions, flow, acks, AHEAD, first)
        leg = Leg(driver, acks, first)
        self.legs.append(leg)
        playing = threading.Thread(target=self._drive, args=(leg, sessions), name="play", daemon=True)
        playing.start()
        while playing.is_alive():
            if leg.first_ack_s is None and driver.answered:
                leg.first_ack_s = time.monotonic()
            driver.seen = int((time.monotonic() - leg.begun_s) * rate)
            driver.stopping = self._stopping.is_set()
            playing.join(PACE_S)
        return leg

    def _drive(self, leg: Leg, sessions: tuple[Initiator, Initiator]) -> None:
        try:
            leg.driver.run()
            for session in sessions:
                session.close()
        except (ConnectionError, Stalled) as error:
            leg.ended = str(error)
