"""The dialect as a whole: who asks, whether they may, what it weighs, and which handler answers.

REST and the WebSocket API both come here, with parameters and the name of a route; what they make of answers and errors
is theirs.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from config.schema import ApiSection
from procs.api.binance.account import Account
from procs.api.binance.answers import MICROSECOND, MILLISECOND
from procs.api.binance.archive import Archive
from procs.api.binance.caller import Call
from procs.api.binance.errors import ApiError, Number, not_supported, outcome_unknown, unavailable
from procs.api.binance.lists import Lists
from procs.api.binance.order_history import OrderHistory
from procs.api.binance.parameters import Parameters
from procs.api.binance.past import Past
from procs.api.binance.routes import ROUTES, Route, Scope, Security, weight_of
from procs.api.binance.shown import Shown
from procs.api.binance.signatures import (
    Ed25519Key,
    HmacKey,
    Key,
    RsaKey,
    check_signature,
    check_time,
    key_name,
    not_permitted,
)
from procs.api.binance.trading import Trading
from procs.api.binance.weights import OrderLimit, WeightLimit
from procs.api.desk import Desk
from procs.api.history.tables import History
from procs.api.keys import ApiKey
from procs.api.requests import Request, UnknownOutcome
from procs.api.settlement import Unsettled
from procs.venue.venue_key import VenueKey, VenueKeyError
from shm.enums import KeyKind, KeyScope
from shm.log_lines import log

NO_LIMIT = 2**62
SCOPES = {Scope.READ: KeyScope.READ, Scope.TRADE: KeyScope.TRADE}
MOST_VERIFIERS = 65536

Handler = Callable[[Call], Awaitable[bytes]]


class Order(Protocol):
    """A command on its way, whose answer can be had when its request is over."""

    @property
    def request(self) -> Request: ...
    def answer(self) -> bytes: ...


Begin = Callable[[Call], Order]


class Dialect:
    """What answers requests. `now_ns` is the venue's clock; `venue_key` gives what opens secrets, `history` what asks
    the database."""

    def __init__(
        self,
        desk: Desk,
        config: ApiSection,
        now_ns: Callable[[], int],
        venue_key: Callable[[], VenueKey | None],
        history: History,
    ) -> None:
        self.now_ns = now_ns
        self.shown = Shown(desk)
        self.weights = WeightLimit(config.request_weight_per_minute or NO_LIMIT)
        self.orders = OrderLimit(config.orders_per_10_s or NO_LIMIT, config.orders_per_day or NO_LIMIT)
        self._desk = desk
        self._venue_key = venue_key
        self._verifiers: dict[int, Key] = {}
        self.handlers: dict[str, Handler] = {}
        self.begins: dict[str, Begin] = {}  # of the most frequent ones: they need no task that waits
        self.past = Past(history)
        archive = Archive(self.shown, self.past)
        self.add(Account(desk, self.shown, archive, self.weights, self.orders))
        self.add(Lists(self.shown, archive))
        self.add(OrderHistory(desk, self.shown, self.past))
        self.add(Trading(desk, self.shown, lambda account, count: self.orders.take(account, count, time.monotonic())))

    def add(self, room: object) -> None:
        """Have `room`'s methods answer the routes that they are called after."""
        self.handlers |= {name: getattr(room, name) for name in ROUTES if hasattr(room, name)}
        self.begins |= {name: getattr(room, f"begin_{name}") for name in ROUTES if hasattr(room, f"begin_{name}")}

    def weigh(self, route: Route, sent: Parameters, address: str) -> int:
        """Count a request against its address's limit; returns what that has used. ApiError."""
        return self.weights.take(address, weight_of(route, sent), time.monotonic())

    def admit(self, route: Route, sent: Parameters, api_key: bytes | None, address: str, unit: int) -> Call:
        """Who asks, and that they may. ApiError."""
        now_ns = self.now_ns()
        if route.security is Security.NONE:
            return Call(sent, None, unit, now_ns)
        key = self.known_key(api_key, route, address, now_ns)
        verified = None
        if route.security is Security.SIGNED:
            check_time(sent, now_ns // 1000)
            verified = check_signature(sent, self.verifier(key))
        return Call(sent, key, unit, now_ns, verified)

    def known_key(self, name: bytes | None, route: Route, address: str, now_ns: int) -> ApiKey:
        """The key of a name, if it may do what the route needs, from this address. ApiError."""
        key = self._desk.keys.find(name or b"")
        if key is None:
            key_name(name)
            raise not_permitted()
        if not key.may(SCOPES.get(route.scope, KeyScope.READ), now_ns) or not key.may_come_from(address):
            raise not_permitted()
        return key

    def verifier(self, key: ApiKey) -> Key:
        """What verifies a key's signatures: made once. ApiError where its secret can't be opened."""
        found = self._verifiers.get(key.number)
        if found is None:
            if len(self._verifiers) >= MOST_VERIFIERS:
                self._verifiers.clear()
            found = self._verifiers[key.number] = self._made(key)
        return found

    def _made(self, key: ApiKey) -> Key:
        if key.kind == KeyKind.ED25519:
            return Ed25519Key(key.material)
        if key.kind == KeyKind.RSA:
            return RsaKey(key.material)
        venue_key = self._venue_key()
        try:
            if venue_key is None:
                raise VenueKeyError("the venue has no key")
            return HmacKey(venue_key.open_secret(key.name.decode(), key.material))
        except VenueKeyError as error:
            log.error("key_not_opened", key=key.name.decode(), why=str(error))
            raise not_permitted() from None

    def count_orders(self, account: int) -> tuple[int, int]:
        """How many orders an account has placed in ten seconds and on this day."""
        return self.orders.counts(account, time.monotonic())

    def answer_of(self, order: Order) -> bytes:
        """The answer to a command that was begun and is over. ApiError."""
        try:
            return order.answer()
        except UnknownOutcome:
            raise outcome_unknown() from None

    async def answer(self, route: Route, call: Call) -> bytes:
        """The handler's answer. ApiError."""
        handler = self.handlers.get(route.name)
        if handler is None:
            raise not_supported()
        try:
            return await handler(call)
        except UnknownOutcome:
            raise outcome_unknown() from None
        except Unsettled:
            raise unavailable("balances are behind") from None


def unit_of(header: bytes | None) -> int:
    """In which unit an answer's times are: X-MBX-TIME-UNIT. ApiError."""
    if header is None or header.upper() == b"MILLISECOND":
        return MILLISECOND
    if header.upper() == b"MICROSECOND":
        return MICROSECOND
    text = "Invalid value for time unit; expected either MICROSECOND or MILLISECOND."
    raise ApiError(400, Number.INVALID_TIME_UNIT, text)
