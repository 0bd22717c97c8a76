"""A client of the api: it signs, sends again what it does not know the outcome of, and objects to what must not be.

What it is told is held against what the log has said by then.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlencode

from lockstep.core.rules import demo_keys
from tests.broken import require
from tests.shown import OVER
from tests.simulation.api import ApiStage, Under
from tests.simulation.api_traffic import ApiTraffic, Request
from tests.simulation.heard import Heard

OUTCOME_NS = 10 * 10**9  # until when the api knows what came of a command, or says that it doesn't
MOST_UNDER_WAY = 3
IMPATIENT = 0.1  # of the requests: their client does not wait for an answer
PATIENCE_NS = 2 * 10**9
LOSES = 0.05  # of the answers: they never arrive
TWICE = 0.03  # of the requests: a proxy sends them twice
BUSY, UNKNOWN, BEHIND, WRONG_TIME, NO_SUCH_ORDER = -1008, -1007, -1001, -1021, -2013
NO_REFUSAL = {(503, BUSY), (503, BEHIND), (504, UNKNOWN)}
AGAIN = "Duplicate order sent."
COMMAND = 0  # in place of a ring

Told = dict[int, int]  # by matcher, the last event that a client has been told of; under COMMAND, the last command
Balances = dict[str, tuple[Decimal, Decimal]]


class Ask(NamedTuple):
    """A request on its way. `told` is what its client knew when it sent it."""

    request: Request
    key: bytes
    query: bytes
    work: Under
    sent_ns: int
    sent_turn: int
    gives_up_ns: int
    told: Told

    @property
    def client_id(self) -> str:
        """Of the order that it places; empty where the client gives none."""
        return self.request.parameters.get(self.request.id_of, "")

    @property
    def name(self) -> str:
        """What it is known by where its outcome is not: empty if it places no order."""
        return (self.client_id or self.query.decode()) if self.request.id_of else ""


class Seen(NamedTuple):
    """What an answer showed of an order, and when it came."""

    turn: int
    executed: Decimal
    is_over: bool


class Bot:
    """The client of account `number`. `balances` are all that it was shown, and what it knew when it asked."""

    def __init__(self, name: str, number: int, traffic: ApiTraffic, heard: Heard, draw: Random) -> None:
        self.name = name
        self.number = number
        self.traffic = traffic
        self.seen: Counter[str] = Counter()
        self.under_way: list[Ask] = []
        self.unknown: dict[str, Ask] = {}
        self.placed: dict[str, int] = {}
        self.not_sent: dict[str, bool] = {}  # client ids; False where an order of that id may have been taken
        self.nameless: set[bytes] = set()  # queries for an order to which the venue gives an id
        self.balances: list[tuple[Told, Balances]] = []
        self.last: dict[tuple[str, str], Any] = {}  # the last answers to questions, by kind and symbol
        self._heard = heard
        self._draw = draw
        self._told: Told = {}
        self._orders: dict[int, Seen] = {}
        self._answered: dict[bytes, int] = {}  # queries that placed an order
        self._keys = demo_keys.of_account(name)
        self._clock_ns = 0  # the venue's less its own
        self._is_calm = False

    @property
    def is_idle(self) -> bool:
        """Whether it has all answers, and knows what became of each order."""
        return not self.under_way and not self.unknown

    def calm(self) -> None:
        """From now on it asks for nothing new by itself, and no answer is lost."""
        self._is_calm = True

    # What it sends

    def step(self, stage: ApiStage | None, now_ns: int, utc_ns: int, turn: int, pace: float) -> None:
        """Hear what has come, and ask for something where the api is there."""
        for ask in list(self.under_way):
            self._look_at(ask, now_ns, turn)
        if stage is None or not stage.is_open or len(self.under_way) >= MOST_UNDER_WAY:
            return
        self._clock_ns = self._clock_ns and stage.now_ns - utc_ns
        send = Sending(self, stage, now_ns, utc_ns + self._clock_ns, turn)
        if self.unknown and (self._is_calm or self._draw.random() < 0.5):
            self._find_out(self._draw.choice(sorted(self.unknown)), send)
        elif not self._is_calm and self._draw.random() < pace:
            send.new(self.traffic.next(self.placed))
            if self._draw.random() < TWICE:
                send.again(self.under_way[-1])
                self.seen["same request again"] += 1

    def sign(self, parameters: dict[str, str]) -> tuple[bytes, bytes]:
        """The name of one of the account's keys, and the query with its signature."""
        query = urlencode(parameters)
        key = self._draw.choice(self._keys)
        if key.name.endswith("-key"):
            signature = hmac.new(key.secret, query.encode(), hashlib.sha256).hexdigest()
        else:
            signature = b64encode(key.private_key.sign(query.encode())).decode()
        return key.name.encode(), f"{query}&{urlencode({'signature': signature})}".encode()

    def gives_up_ns(self, now_ns: int) -> int:
        is_impatient = not self._is_calm and self._draw.random() < IMPATIENT
        return now_ns + self._draw.randint(0, PATIENCE_NS) if is_impatient else 2**62

    def sent(self, ask: Ask) -> None:
        self.under_way.append(ask)
        if ask.name and not ask.client_id:
            self.nameless.add(ask.query)
        self.seen[f"api: {ask.request.kind}"] += 1

    def told(self) -> Told:
        return dict(self._told)

    def _find_out(self, name: str, send: Sending) -> None:
        """What becomes of an order that may be there: the same bytes, its id signed anew, or a question."""
        ask = self.unknown[name]
        choice = self._draw.random()
        if ask.request.kind == "order" and (choice < 0.4 or not ask.client_id):
            del self.unknown[name]
            send.again(ask)
            self.seen["same request again"] += 1
        elif choice < 0.7 or self._is_calm:
            del self.unknown[name]
            send.new(self.traffic.order(ask.client_id))
            self.seen["same id again"] += 1
        else:
            which = {"symbol": ask.request.parameters["symbol"], "origClientOrderId": ask.client_id}
            send.new(Request("look", "GET", "order", which))

    # What it hears

    def _look_at(self, ask: Ask, now_ns: int, turn: int) -> None:
        """Hear an answer, or do without it."""
        answer = ask.work.answer
        if answer is None and not ask.work.is_lost and now_ns < ask.gives_up_ns:
            return
        self.under_way.remove(ask)
        if answer is None or (not self._is_calm and self._draw.random() < LOSES):
            self._not_known(ask)
            return
        said = json.loads(answer.body)
        self._heard.read_on()
        if answer.status == 200:
            HEAR.get(ask.request.kind, Bot._kept)(self, ask, said, turn)
        else:
            self._refused(ask, answer.status, said, now_ns)

    def _not_known(self, ask: Ask) -> None:
        self.seen["outcome not known"] += 1
        if ask.name:
            self.not_sent[ask.client_id] = False
            self.unknown[ask.name] = ask

    def _refused(self, ask: Ask, status: int, said: dict[str, Any], now_ns: int) -> None:
        code = said["code"]
        self.seen[f"api: {code}"] += 1
        is_refusal = 400 <= status < 500 and code > -9000
        require(is_refusal or (status, code) in NO_REFUSAL, f"{self.name}: {status} {said} to {ask.request}")
        if code == UNKNOWN:
            waited_ns = now_ns - ask.sent_ns
            require(waited_ns >= OUTCOME_NS, f"{self.name}: no outcome after {waited_ns} ns of {ask.request}")
            self._not_known(ask)
        elif code in (BUSY, WRONG_TIME):
            self._clock_ns = self._clock_ns or int(code == WRONG_TIME)
            may_be = not self.not_sent.setdefault(ask.client_id, True)
            if ask.name and may_be and (ask.client_id or code == BUSY):
                self.unknown[ask.name] = ask
        elif ask.name:
            self.not_sent[ask.client_id] = False
            self.unknown.pop(ask.name, None)
            is_there = said["msg"] != AGAIN or self._heard.has(self.number, ask.client_id or None)
            require(is_there, f"I3: {self.name} has no {ask.client_id}, and is told that it is a duplicate")
        if code == NO_SUCH_ORDER and ask.request.kind == "look":
            self._is_not_there(ask)

    def _is_not_there(self, ask: Ask) -> None:
        """An order that an answer has told of can't be unknown to a later one."""
        asked = ask.request.parameters
        symbol = asked["symbol"]
        name = asked.get("origClientOrderId", "")
        order = int(asked.get("orderId", 0)) or self.placed.get(name, 0)
        if order not in self._orders or self._orders[order].turn >= ask.sent_turn:
            return
        is_it = self._heard.symbols.get(order) == symbol and not (name and order in self._heard.renamed)
        require(not is_it, f"{self.name} was told of order {order}, and then that there is none")

    def _kept(self, ask: Ask, said: Any, _turn: int) -> None:
        """An answer that is looked at later, if ever."""
        self.last[ask.request.kind, ask.request.parameters.get("symbol", "")] = said

    def _placed(self, ask: Ask, said: dict[str, Any], turn: int) -> None:
        """The order is committed, and it is the only one that this request, and this id, ever placed (I3)."""
        said = said.get("newOrderResponse", said)
        name, order = said["clientOrderId"], said["orderId"]
        require(ask.client_id in ("", name), f"{self.name} asked for {ask.client_id}, and is answered {said}")
        require(name not in self.placed, f"I3: {self.name} has placed {name} as {self.placed.get(name)} and {order}")
        before = self._answered.setdefault(ask.query, order)
        require(before == order, f"I3: {self.name}'s request was order {before}, and comes again as {order}")
        self.placed[name] = order
        self.not_sent[name] = False
        self.unknown.pop(ask.name, None)
        self._is_logged(name, order)
        if "executedQty" in said:
            self._show(ask, said, turn)
        else:
            self._orders.setdefault(order, Seen(turn, Decimal(0), is_over=False))

    def _pair_placed(self, ask: Ask, said: dict[str, Any], turn: int) -> None:
        self.unknown.pop(ask.name, None)
        for each in said["orders"]:
            self._is_logged(each["clientOrderId"], each["orderId"])
            self._orders.setdefault(each["orderId"], Seen(turn, Decimal(0), is_over=False))

    def _is_logged(self, name: str, order: int) -> None:
        logged = self._heard.accepted.get((self.number, name.encode()))
        require(logged and logged[0] == order, f"I8: {self.name} is answered order {order}; the log has {logged}")
        assert logged is not None
        self._tell({COMMAND: logged[1], **self._heard.traded.get(logged[1], {})})

    def _cancelled(self, ask: Ask, said: dict[str, Any], turn: int) -> None:
        order = said["orderId"]
        logged = self._heard.cancelled.get(order)
        require(logged, f"I8: {self.name} is answered that {order} is cancelled; the log does not say so")
        assert logged is not None
        self._tell(logged)
        self._show(ask, said, turn)

    def _show(self, ask: Ask, said: dict[str, Any], turn: int) -> None:
        """An order goes on from what was shown before the question was asked."""
        order, executed, is_over = said["orderId"], Decimal(said["executedQty"]), said["status"] in OVER
        before = self._orders.get(order)
        if before is None or before.turn < ask.sent_turn:
            was = before or Seen(turn, Decimal(0), is_over=False)
            require(executed >= was.executed and is_over >= was.is_over, f"{self.name} was shown {was}, then {said}")
            self._orders[order] = Seen(turn, executed, is_over)

    def _balances(self, ask: Ask, said: dict[str, Any], _turn: int) -> None:
        rows = {each["asset"]: (Decimal(each["free"]), Decimal(each["locked"])) for each in said["balances"]}
        self.balances.append((ask.told, rows))

    def _tell(self, events: Told) -> None:
        for ring, number in events.items():
            self._told[ring] = max(self._told.get(ring, 0), number)


HEAR: dict[str, Callable[[Bot, Ask, Any, int], None]] = {
    "order": Bot._placed, "cancel_replace": Bot._placed, "pair": Bot._pair_placed, "cancel": Bot._cancelled,
    "look": Bot._show, "account": Bot._balances,
}  # fmt: skip


class Sending(NamedTuple):
    """A bot's way to the api, now."""

    bot: Bot
    stage: ApiStage
    now_ns: int
    utc_ns: int
    turn: int

    def new(self, request: Request) -> None:
        """A request that is signed now."""
        key, query = self.bot.sign({**request.parameters, "timestamp": str(self.utc_ns // 10**6)})
        self._send(request, key, query)

    def again(self, ask: Ask) -> None:
        """The same bytes, as a proxy sends them."""
        self._send(ask.request, ask.key, ask.query)

    def _send(self, request: Request, key: bytes, query: bytes) -> None:
        work = self.stage.ask(request.method, f"/api/v3/{request.path}", query, key)
        bot = self.bot
        bot.sent(Ask(request, key, query, work, self.now_ns, self.turn, bot.gives_up_ns(self.now_ns), bot.told()))
