"""The venue's own API, `/v1`: a person who logs in, stays so, and trades in the venue's terms.

`V1.ask` reaches every path of docs/protocols/accounts.md; the other methods are those that clients use most. All raise
VenueError. Amounts are exact, times milliseconds since 1970.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Meta

from lockstep.client.decoding import Said
from lockstep.client.errors import VenueError
from lockstep.client.http import Http, decoded, refusal

T = TypeVar("T")
Side = Literal["buy", "sell"]
Amount = Decimal | str


GRANTING = ("/auth/login", "/auth/refresh", "/auth/step-up", "/auth/password")  # what answers with an access token


class Granted(Said, frozen=True):
    """A session's access token."""

    access_token: Annotated[str, Meta(pattern=r"\A[!-~]+\Z")]  # what a header can have


class Order(Said, frozen=True):
    """An order as it stands; `value` is what its fills came to."""

    order_id: int
    client_order_id: str
    symbol: str
    side: Side
    type: str
    time_in_force: str
    price: Decimal | None
    quantity: Decimal | None
    budget: Decimal | None
    filled: Decimal
    value: Decimal
    status: str
    entered: int
    changed: int


class Fill(Said, frozen=True):
    """The account's side of a trade, as corrections left it."""

    trade_id: int
    order_id: int
    symbol: str
    side: Side
    liquidity: Literal["maker", "taker"]
    price: Decimal
    quantity: Decimal
    value: Decimal
    fee: Decimal
    fee_asset: str
    time: int


class Placed(Said, frozen=True):
    """An order when all that its command did was told, and the fills that it took."""

    order: Order
    fills: tuple[Fill, ...]
    seq: int


class Cancelled(Said, frozen=True):
    """The orders that were cancelled."""

    orders: tuple[Order, ...]
    seq: int


class Balance(Said, frozen=True):
    """What an account has of an asset."""

    asset: str
    free: Decimal
    held: Decimal
    total: Decimal


class Instrument(Said, frozen=True):
    """What is listed."""

    symbol: str
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    phase: str
    maker_fee_ppm: int
    taker_fee_ppm: int


class CancelAfter(Said, frozen=True):
    """When all open orders are cancelled, None for not at all."""

    due: int | None


class V1:
    """One person at the api at `url`. Without a name it asks what needs no login.

    It logs in when it is asked first, and again whenever its session has ended; `code` is that of a second factor.
    """

    def __init__(self, url: str, name: str = "", password: str = "", code: str = "") -> None:
        self.name = name
        self.password = password
        self.http = Http(url)
        self._code = code
        self._token = ""
        self._lock = asyncio.Lock()  # a refresh token is good once

    async def ask(self, method: str, path: str, type: type[T], body: object = None) -> T:
        """Return what `path`, behind `/v1`, answers."""
        if not self.name:
            return await self._send(method, path, type, body)
        token = self._token or await self.token()
        try:
            return await self._send(method, path, type, body)
        except VenueError as error:
            if error.status != httpx.codes.UNAUTHORIZED:
                raise
        await self.token(token)
        return await self._send(method, path, type, body)

    async def token(self, old: str = "") -> str:
        """Return an access token, another one than `old`. Each lasts ten minutes."""
        async with self._lock:
            if not self._token or self._token == old:
                await self._begin()
            return self._token

    async def prove(self, code: str = "") -> None:
        """Prove again who this is, as keys and operators' requests need; it counts for 5 minutes."""
        await self.ask("POST", "/auth/step-up", Any, {"code": code} if code else {"password": self.password})

    async def log_out(self) -> None:
        """End the session, and the connections."""
        try:
            if self._token:
                await self._send("POST", "/auth/logout", Any)
        finally:
            self._token = ""
            await self.http.close()

    async def instruments(self) -> list[Instrument]:
        """Return what is listed."""
        return await self.ask("GET", "/instruments", list[Instrument])

    async def balances(self) -> list[Balance]:
        """Return what the account has."""
        return await self.ask("GET", "/account/balances", list[Balance])

    async def place(
        self, symbol: str, side: Side, quantity: Amount, price: Amount | None = None, *, client_order_id: str = "",
        **terms: object,
    ) -> Placed:  # fmt: skip
        """Place a limit order, or a market order where it has no price; `terms` are further fields of `/v1/orders`."""
        order: dict[str, object] = {"symbol": symbol, "side": side, "quantity": str(quantity)}
        order |= {"type": "market"} if price is None else {"type": "limit", "price": str(price)}
        order |= {"client_order_id": client_order_id} if client_order_id else {}
        return await self.ask("POST", "/orders", Placed, order | terms)

    async def change(self, order_id: int, **terms: object) -> Placed:
        """Give an open order another quantity, price, stop_price, trail or display."""
        return await self.ask("PUT", f"/orders/{order_id}", Placed, terms)

    async def cancel(self, order_id: int) -> Cancelled:
        """Cancel an open order."""
        return await self.ask("DELETE", f"/orders/{order_id}", Cancelled)

    async def cancel_all(self) -> Cancelled:
        """Cancel all open orders."""
        return await self.ask("DELETE", "/orders", Cancelled)

    async def order(self, *, order_id: int = 0, client_order_id: str = "") -> Order:
        """Return an order, by its number or the id that it was sent under: so one learns of an answer that got lost."""
        path = str(order_id) if order_id else f"by-client-id/{quote(client_order_id, safe='')}"
        return await self.ask("GET", f"/orders/{path}", Order)

    async def open_orders(self) -> list[Order]:
        """Return the open orders, the oldest first."""
        return await self.ask("GET", "/orders/open", list[Order])

    async def fills(self, symbol: str) -> list[Fill]:
        """Return the account's last sides of trades."""
        return await self.ask("GET", f"/fills?symbol={symbol}", list[Fill])

    async def cancel_after(self, seconds: int) -> CancelAfter:
        """Have all open orders cancelled then, unless this is sent again."""
        return await self.ask("PUT", "/orders/cancel-after", CancelAfter, {"seconds": seconds})

    async def cancels_at(self) -> int | None:
        """Return when all open orders are cancelled; None: not at all."""
        return (await self.ask("GET", "/orders/cancel-after", CancelAfter)).due

    async def _begin(self) -> None:
        """Have a new access token: by the refresh token where there is one."""
        self._token = ""
        if self.http.cookies:
            try:
                await self._send("POST", "/auth/refresh", Any)
                return
            except VenueError as error:
                if error.status != httpx.codes.UNAUTHORIZED:
                    raise
                self.http.cookies.clear()
        login = {"name": self.name, "password": self.password}
        await self._send("POST", "/auth/login", Any, login | ({"code": self._code} if self._code else {}))

    async def _send(self, method: str, path: str, type: type[T], body: object = None) -> T:
        headers = {} if body is None else {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        content = None if body is None else msgspec.json.encode(body)
        answer = await self.http.send(method, f"/v1{path}", content, headers)
        if answer.status >= httpx.codes.BAD_REQUEST:
            raise refusal(answer, "detail")
        if path in GRANTING:
            self._token = decoded(answer, Granted).access_token
        return decoded(answer, type)
