"""A client of the api on a pair of nodes: it places one order after the other at whichever node takes them.

What it gets no answer for it sends again under the same id, as clients of REST do; so each id is one order (I3).
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence

from lockstep import Binance, HmacKey, VenueError, run
from lockstep.core.rules import demo_keys

NAME = "WEB"  # the account, which has demo keys
ID = "web-"  # what its orders' ids begin with
PRICE = "1"  # below all that the FIX clients do: its orders rest
PACE_S = 0.01
RETRY_S = 0.02
THERE = -2010  # an order of this id was taken before


class ApiLoad:
    """Orders of `symbol` until `stop`; `acknowledged` are the ids of those that were answered, in their order."""

    def __init__(self, ports: Sequence[int], symbol: str) -> None:
        self.acknowledged: list[str] = []
        key = demo_keys.of_account(NAME)[0]
        signing = HmacKey(key.name, key.secret.decode())
        self._nodes = itertools.cycle([Binance(f"http://127.0.0.1:{port}", signing) for port in ports])
        self._node = next(self._nodes)
        self._symbol = symbol
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="api load", daemon=True)
        self._failure: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def await_one(self, deadline_s: float) -> None:
        """Wait until an order is acknowledged that none was yet at this moment. TimeoutError."""
        count = len(self.acknowledged)
        while len(self.acknowledged) == count:
            if self._failure is not None:
                raise self._failure
            if time.monotonic() > deadline_s:
                raise TimeoutError("no order was acknowledged by the api")
            time.sleep(PACE_S)  # the other thread's progress: a figure to look at

    def stop(self) -> None:
        """End with what is sent. What ended the load before is raised."""
        self._stopping.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            for number in itertools.count(1):
                if self._stopping.wait(PACE_S):
                    return
                while not self._is_there(f"{ID}{number}"):
                    if self._stopping.wait(RETRY_S):  # only trying again tells whether a node takes clients now
                        return
                self.acknowledged.append(f"{ID}{number}")
        except BaseException as error:
            self._failure = error

    def _is_there(self, name: str) -> bool:
        """Place an order; False if that is not known. RuntimeError where it is refused."""
        try:
            run(self._node.place(self._symbol, "BUY", "1", PRICE, client_order_id=name))
        except VenueError as error:
            if error.code == THERE and "Duplicate" in error.text:
                return True
            if error.status and error.status < 500:
                raise RuntimeError(f"the api refuses {name}: {error}") from error
            if not error.status:
                self._node = next(self._nodes)
            return False
        return True
