"""A client of the api that trades through the venue's deaths, over REST and the WebSocket API in turn.

What it does not know the outcome of it asks for again, under the same id; and each time it sells, its request comes
twice, as from a proxy. `check` holds all that it was shown against a replay of the journal.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from lockstep.config.schema import Config
from lockstep.core.journal.journal import JournalReader
from lockstep.core.schema.records import AccountDefined
from tests.invariants import Repeat, check_log, rows_of
from tests.pipeline.api_client import ApiClient, RefusedError
from tests.pipeline.stream import AT_SPEED, PAUSE_S, RECOVERY_S, SLOWLY_S
from tests.shown import check_fills, check_orders

RESTS, TRADES = "BTCUSDT", "SOLUSDT"  # where it rests; where it trades with itself, and nobody else does
SYMBOLS = (RESTS, TRADES, "ETHUSDT")
PRICE = "33.00"
AGAIN, BUSY, UNKNOWN, AWAY = -2010, -1008, -1007, -1001
MAY_COME_AGAIN = (BUSY, UNKNOWN, AWAY)
RETRY_S = 0.02
PAGE = 1000
LOST = (OSError, http.client.HTTPException, WebSocketException, TimeoutError)


class ApiStream(threading.Thread):
    """Sends rounds of orders to whichever of `ports` takes them: one rests, two trade with each other.

    It sends `at_speed` rounds in a row, and as many each time that it is to `go_on`; between, one a second.
    """

    def __init__(
        self, ports: Sequence[int], name: str, at_speed: int = AT_SPEED, key: tuple[str, str] | None = None
    ) -> None:
        super().__init__(daemon=True)
        self.name = name
        self.answered: dict[str, int] = {}
        self.last_acknowledged_at = time.monotonic()
        self.longest_gap_s = 0.0  # without any order answered; a measurement sets it to 0
        self.seen: Counter[str] = Counter()
        self.failure: BaseException | None = None
        self._ports = itertools.cycle(ports)
        self._key = key
        self._client = ApiClient(next(self._ports), name, key)
        self._socket: ClientConnection | None = None
        self._ways = contextlib.ExitStack()
        self._rounds = 0
        self._at_speed = self._quick_until = at_speed
        self._enough = False
        self._called = threading.Event()

    # As a stream of FIX has it

    def go_on(self) -> None:
        """Trade at speed again, for as many rounds as from the beginning."""
        self._quick_until = self._rounds + self._at_speed
        self._called.set()

    def end(self) -> None:
        """Have it end once all is answered, and wait until it has. AssertionError where it was told a falsehood."""
        self._enough = True
        self._called.set()
        self.join(RECOVERY_S)
        assert not self.is_alive(), f"the api's {self.name} waits for an answer: {dict(self.seen)}"
        if self.failure is not None:
            raise self.failure

    def run(self) -> None:
        try:
            while not self._enough:
                self._round()
                if self._rounds < self._quick_until:
                    time.sleep(PAUSE_S)
                else:
                    self._called.wait(SLOWLY_S)
                    self._called.clear()
        except BaseException as error:
            self.failure = error

    # What it sends

    def _round(self) -> None:
        self._rounds += 1
        n = self._rounds
        place = self._by_rest if n % 2 else self._by_socket
        self._order(place, f"rest{n}", RESTS, "BUY", f"{1 + n % 50}.00")
        self._order(place, f"make{n}", TRADES, "BUY", PRICE)
        self._order(place, f"take{n}", TRADES, "SELL", PRICE)
        for kind, status in (("rest", "NEW"), ("make", "FILLED"), ("take", "FILLED")):
            symbol = RESTS if kind == "rest" else TRADES
            row = self._ask(lambda kind=kind, symbol=symbol: self._signed(  # type: ignore[misc]
                "GET", "order", symbol=symbol, origClientOrderId=f"{kind}{n}"
            ))  # fmt: skip
            assert (row["orderId"], row["status"]) == (self.answered[f"{kind}{n}"], status), row

    def _order(self, place: Callable[[dict[str, object]], Any], name: str, symbol: str, side: str, price: str) -> None:
        """Have an order placed, once; it is there when this returns."""
        terms: dict[str, object] = {
            "symbol": symbol, "side": side, "type": "LIMIT", "timeInForce": "GTC", "price": price, "quantity": "0.1",
            "newClientOrderId": name,
        }  # fmt: skip
        answers: list[int] = []

        def placed() -> int:
            try:
                answers.append(place(terms)["orderId"])
            except RefusedError as error:
                if error.code != AGAIN or "Duplicate" not in error.text:
                    raise
                self.seen["was there before"] += 1
                return int(self._signed("GET", "order", symbol=symbol, origClientOrderId=name)["orderId"])
            return answers[-1]

        order = self._ask(placed)
        if side == "SELL":
            with contextlib.suppress(*LOST):
                self._comes_twice(place, terms)
        assert answers in ([], [order]), f"{name} was placed as {answers}, and is {order}"
        self.answered[name] = order
        now_s = time.monotonic()
        self.longest_gap_s = max(self.longest_gap_s, now_s - self.last_acknowledged_at)
        self.last_acknowledged_at = now_s

    def _comes_twice(self, place: Callable[[dict[str, object]], Any], terms: dict[str, object]) -> None:
        code, answer = 0, None
        try:
            answer = place(terms)
        except RefusedError as error:
            code = error.code
        assert code in (AGAIN, *MAY_COME_AGAIN), f"{terms} was an order, and comes to this again: {code}, {answer}"

    def _ask(self, question: Callable[[], Any]) -> Any:
        """The answer, however often it takes; a refusal that says that it may come again is none."""
        while True:
            try:
                return question()
            except RefusedError as error:
                if error.code not in MAY_COME_AGAIN:
                    raise
                self.seen[str(error.code)] += 1
            except LOST:
                self.seen["connections lost"] += 1
                self.cut()
                self._client = ApiClient(next(self._ports), self.name, self._key)
            time.sleep(RETRY_S)  # only trying again tells whether the api is back

    def _signed(self, method: str, path: str, **parameters: object) -> Any:
        return self._client.signed(method, path, **parameters)

    def _by_rest(self, terms: dict[str, object]) -> Any:
        return self._signed("POST", "order", **terms)

    def _by_socket(self, terms: dict[str, object]) -> Any:
        socket = self._socket  # `cut` may take it away at any moment
        if socket is None:
            way = connect(f"ws://127.0.0.1:{self._client.port}/ws-api/v3", open_timeout=RECOVERY_S)
            socket = self._socket = self._ways.enter_context(way)
        socket.send(json.dumps({"id": 1, "method": "order.place", "params": self._client.ws_params(**terms)}))
        answer = json.loads(socket.recv(timeout=RECOVERY_S))
        if answer["status"] != 200:
            raise RefusedError(answer["status"], answer["error"])
        return answer["result"]

    def cut(self) -> None:
        """Break its WebSocket, whoever waits for it."""
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.close_socket()

    # What it was shown

    def look(self) -> None:
        """Once it has ended: ask for all that the account has, a page at a time."""
        self.shown = {symbol: self._pages("allOrders", "orderId", symbol) for symbol in SYMBOLS}
        self.fills = {symbol: self._pages("myTrades", "fromId", symbol) for symbol in SYMBOLS}
        self.still_open = self._signed("GET", "openOrders")

    def _pages(self, path: str, first: str, symbol: str) -> list[Any]:
        name = "orderId" if path == "allOrders" else "id"
        rows: list[Any] = []
        while True:
            page = self._signed("GET", path, symbol=symbol, limit=PAGE, **{first: rows[-1][name] + 1 if rows else 0})
            rows += page
            if len(page) < PAGE:
                return rows

    def check(self, config: Config, journal: Path) -> None:
        """I2, I3: all orders and fills that it was shown, and was answered, are those of a replay, each once."""
        records = list(JournalReader(journal, 1))
        commands = check_log(records)
        events = Repeat(config, records).ordered()
        accounts = {event.name: event.account for _, event in events if isinstance(event, AccountDefined)}
        account = accounts[self.name.encode()]
        expected = rows_of(events, commands)
        check_orders(self.name, account, itertools.chain(*self.shown.values()), self.still_open, expected)
        check_fills(self.name, account, self.fills, expected)
        placed = {row["clientOrderId"]: row["orderId"] for rows in self.shown.values() for row in rows}
        lost = {name: order for name, order in self.answered.items() if placed.get(name) != order}
        assert not lost, f"orders that were answered, and are others or none: {lost}"
