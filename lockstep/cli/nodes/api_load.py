"""A client of the api on a pair of nodes: it places one order after the other at whichever node takes them.

What it gets no answer for it sends again under the same id, as clients of REST do; so each id is one order (I3).
"""

from __future__ import annotations

import hmac
import http.client
import itertools
import json
import threading
import time
from collections.abc import Sequence
from urllib.parse import urlencode

from lockstep.core.rules import demo_keys

NAME = "WEB"  # the account, which has demo keys
ID = "web-"  # what its orders' ids begin with
PRICE = "1"  # below all that the FIX clients do: its orders rest
PACE_S = 0.01
RETRY_S = 0.02
PATIENCE_S = 15.0
THERE = -2010  # an order of this id was taken before
TRIED_AGAIN = (500, 502, 503, 504)


class ApiLoad:
    """Orders of `symbol` until `stop`; `acknowledged` are the ids of those that were answered, in their order."""

    def __init__(self, ports: Sequence[int], symbol: str) -> None:
        self.acknowledged: list[str] = []
        self._ports = itertools.cycle(ports)
        self._terms = {"symbol": symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": PRICE}
        self._key = demo_keys.of_account(NAME)[0]
        self._connection: http.client.HTTPConnection | None = None
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
            status, said = self._send({**self._terms, "quantity": "1", "newClientOrderId": name})
        except (OSError, http.client.HTTPException, ValueError):
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            return False
        if status == http.HTTPStatus.OK or (said["code"] == THERE and "Duplicate" in str(said["msg"])):
            return True
        if status in TRIED_AGAIN:
            return False
        raise RuntimeError(f"the api refuses {name}: {status} {said}")

    def _send(self, terms: dict[str, str]) -> tuple[int, dict[str, object]]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", next(self._ports), timeout=PATIENCE_S)
        query = urlencode({**terms, "timestamp": time.time_ns() // 10**6})
        signature = hmac.new(self._key.secret, query.encode(), "sha256").hexdigest()
        self._connection.request(
            "POST", f"/api/v3/order?{query}&signature={signature}", headers={"X-MBX-APIKEY": self._key.name}
        )
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())
