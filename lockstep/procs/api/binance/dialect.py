"""The dialect as a whole: who asks, whether they may, what it weighs, and which handler answers.

REST and the WebSocket API both come here, with parameters and the name of a route; what they make of answers and errors
is theirs.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.schema.enums import KeyScope
from lockstep.core.venue.venue_key import VenueKeyError
from lockstep.procs.api.binance.account import Account
from lockstep.procs.api.binance.answers import MICROSECOND, MILLISECOND
from lockstep.procs.api.binance.caller import Call
from lockstep.procs.api.binance.errors import ApiError, Number, declined, not_supported, outcome_unknown, unavailable
from lockstep.procs.api.binance.lists import Lists
from lockstep.procs.api.binance.order_history import OrderHistory
from lockstep.procs.api.binance.parameters import Parameters
from lockstep.procs.api.binance.routes import ROUTES, Route, Scope, Security, weight_of
from lockstep.procs.api.binance.signatures import check_signature, check_time, key_name, not_permitted
from lockstep.procs.api.binance.trading import Trading
from lockstep.procs.api.errors import DeclinedError
from lockstep.procs.api.keys import ApiKey
from lockstep.procs.api.limits import Limits
from lockstep.procs.api.login.signing_keys import Key, SigningKeys
from lockstep.procs.api.read.archive import Archive
from lockstep.procs.api.read.past import Past
from lockstep.procs.api.read.shown import Shown
from lockstep.procs.api.requests import Request, UnknownOutcome
from lockstep.procs.api.settlement import Unsettled

SCOPES = {Scope.READ: KeyScope.READ, Scope.TRADE: KeyScope.TRADE}

Handler = Callable[[Call], Awaitable[bytes]]


class Order(Protocol):
    """A command on its way, whose answer can be had when its request is over."""

    @property
    def request(self) -> Request: ...
    def answer(self) -> bytes: ...


Begin = Callable[[Call], Order]


class Dialect:
    """What answers requests. `now_ns` is the venue's clock."""

    def __init__(
        self,
        shown: Shown,
        past: Past,
        limits: Limits,
        now_ns: Callable[[], int],
        signing_keys: SigningKeys,
    ) -> None:
        self.now_ns = now_ns
        self.shown = shown
        self.limits = limits
        self._desk = shown.desk
        self._signing_keys = signing_keys
        self.handlers: dict[str, Handler] = {}
        self.begins: dict[str, Begin] = {}  # of the most frequent ones: they need no task that waits
        archive = Archive(shown, past)
        self.add(Account(shown.desk, shown, archive, limits))
        self.add(Lists(shown, archive))
        self.add(OrderHistory(shown.desk, shown, past))
        self.add(Trading(shown.desk.commands, shown, self._take_orders))

    def add(self, room: object) -> None:
        """Have `room`'s methods answer the routes that they are called after."""
        self.handlers |= {name: getattr(room, name) for name in ROUTES if hasattr(room, name)}
        self.begins |= {name: getattr(room, f"begin_{name}") for name in ROUTES if hasattr(room, f"begin_{name}")}

    def weigh(self, route: Route, sent: Parameters, address: str) -> int:
        """Count a request against its address's limit; returns what that has used. ApiError."""
        try:
            return self.limits.weights.take(address, weight_of(route, sent), time.monotonic())
        except DeclinedError as error:
            raise declined(error) from None

    def _take_orders(self, account: int, count: int) -> None:
        """Count new orders against their account's limits. ApiError."""
        try:
            self.limits.orders.take(account, count, time.monotonic())
        except DeclinedError as error:
            raise declined(error) from None

    def admit(self, route: Route, sent: Parameters, api_key: bytes | None, address: str, unit: int) -> Call:
        """Who asks, and that they may. ApiError."""
        now_ns = self.now_ns()
        if route.security is Security.NONE:
            return Call(sent, None, unit, now_ns)
        key = self.known_key(api_key, route, address, now_ns)
        verified = None
        if route.security is Security.SIGNED:
            check_time(sent, now_ns // 1000)
            verified = check_signature(sent, self.signing_key(key))
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

    def signing_key(self, key: ApiKey) -> Key:
        """What verifies a key's signatures. ApiError where its secret can't be opened."""
        try:
            return self._signing_keys.of(key)
        except VenueKeyError as error:
            log.error("key_not_opened", key=key.name.decode(), why=str(error))
            raise not_permitted() from None

    def count_orders(self, account: int) -> tuple[int, int]:
        """How many orders an account has placed in ten seconds and on this day."""
        return self.limits.orders.counts(account, time.monotonic())

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
        except DeclinedError as error:
            raise declined(error) from None
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
