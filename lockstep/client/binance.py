"""The venue's dialect of Binance Spot's REST API: signed requests, and typed answers in its words.

`Binance.open` and `Binance.signed` reach every endpoint of docs/protocols/rest.md; the other methods are those that
clients use most. All raise VenueError. Amounts are exact, times milliseconds since 1970.
"""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any, Literal, TypeVar
from urllib.parse import urlencode

import httpx

from lockstep.client.decoding import Said
from lockstep.client.errors import VenueError
from lockstep.client.http import Answer, Http, decoded, refusal
from lockstep.client.keys import Key

Side = Literal["BUY", "SELL"]
Amount = Decimal | str
Level = tuple[Decimal, Decimal]  # price, quantity
T = TypeVar("T")


class Fill(Said, frozen=True, rename="camel"):
    """What an order took as it was entered."""

    price: Decimal
    qty: Decimal
    commission: Decimal
    commission_asset: str
    trade_id: int


class Order(Said, frozen=True, rename="camel"):
    """An order as it stands."""

    symbol: str
    order_id: int
    client_order_id: str
    status: str
    side: Side
    type: str
    time_in_force: str
    price: Decimal
    orig_qty: Decimal
    executed_qty: Decimal
    cummulative_quote_qty: Decimal
    fills: tuple[Fill, ...] = ()


class Balance(Said, frozen=True):
    """What an account has of an asset."""

    asset: str
    free: Decimal
    locked: Decimal


class Account(Said, frozen=True, rename="camel"):
    """An account, with its balances."""

    uid: int
    can_trade: bool
    balances: tuple[Balance, ...]


class Trade(Said, frozen=True, rename="camel"):
    """A trade of anybody's."""

    id: int
    price: Decimal
    qty: Decimal
    time: int
    is_buyer_maker: bool


class OwnTrade(Said, frozen=True, rename="camel"):
    """An account's side of a trade."""

    id: int
    order_id: int
    symbol: str
    price: Decimal
    qty: Decimal
    commission: Decimal
    commission_asset: str
    time: int
    is_buyer: bool
    is_maker: bool


class Depth(Said, frozen=True, rename="camel"):
    """A book, the best levels first, as update `last_update_id` left it."""

    last_update_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class Candle(Said, frozen=True, array_like=True):
    """A candle, its times both included."""

    open_time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    close_time: int


class Binance:
    """A client of the api at `url`. Signed requests need a key."""

    def __init__(self, url: str, key: Key | None = None) -> None:
        self.key = key
        self.http = Http(url)
        self.answer: Answer | None = None  # the last one: its headers say what was used of the limits

    async def open(self, path: str, type: type[T], /, **parameters: object) -> T:
        """Ask what needs no key: `path` behind `/api/v3/`."""
        return await self.send("GET", f"/api/v3/{path}", urlencode(parameters), type)

    async def signed(self, method: str, path: str, type: type[T], /, **parameters: object) -> T:
        """Send a request that is signed now: `path` behind `/api/v3/`."""
        return await self.send(method, f"/api/v3/{path}", self.query(**parameters), type)

    async def send(self, method: str, path: str, query: str, type: type[T], *, in_body: bool = False) -> T:
        """Send a query as it is, in the target or in the body, under the key's name."""
        target = path if in_body or not query else f"{path}?{query}"
        headers = {} if self.key is None else {"X-MBX-APIKEY": self.key.name}
        self.answer = answer = await self.http.send(method, target, query.encode() if in_body else None, headers)
        if answer.status != httpx.codes.OK:
            raise refusal(answer, "msg")
        return decoded(answer, type)

    def query(self, **parameters: object) -> str:
        """Return parameters with the time and a signature. A time of one's own counts."""
        text = urlencode({"timestamp": time.time_ns() // 10**6} | parameters)
        return f"{text}&{urlencode({'signature': self._key().sign(text.encode())})}"

    def ws_params(self, **parameters: object) -> dict[str, object]:
        """Return parameters of the WebSocket API, with key, time and signature."""
        key = self._key()
        named: dict[str, object] = {**parameters, "apiKey": key.name, "timestamp": time.time_ns() // 10**6}
        text = "&".join(f"{name}={named[name]}" for name in sorted(named))
        return {**named, "signature": key.sign(text.encode())}

    async def place(
        self, symbol: str, side: Side, quantity: Amount, price: Amount, *, client_order_id: str = "", **terms: object
    ) -> Order:
        """Place a limit order that is good till cancelled; `terms` are further parameters, such as timeInForce."""
        limit = {"type": "LIMIT", "timeInForce": "GTC", "price": price, "quantity": quantity}
        return await self._place(symbol, side, client_order_id, limit | terms)

    async def place_market(
        self, symbol: str, side: Side, quantity: Amount, *, client_order_id: str = "", **terms: object
    ) -> Order:
        """Place a market order."""
        return await self._place(symbol, side, client_order_id, {"type": "MARKET", "quantity": quantity} | terms)

    async def cancel(self, symbol: str, order_id: int) -> Order:
        """Cancel an open order."""
        return await self.signed("DELETE", "order", Order, symbol=symbol, orderId=order_id)

    async def cancel_all(self, symbol: str) -> list[Any]:
        """Cancel an instrument's open orders."""
        return await self.signed("DELETE", "openOrders", list[Any], symbol=symbol)

    async def order(self, symbol: str, *, order_id: int = 0, client_order_id: str = "") -> Order:
        """Return an order as it stands, by its number or the id that it was sent under."""
        by = {"orderId": order_id} if order_id else {"origClientOrderId": client_order_id}
        return await self.signed("GET", "order", Order, symbol=symbol, **by)

    async def open_orders(self, symbol: str = "") -> list[Order]:
        """Return the open orders, of an instrument or all."""
        return await self.signed("GET", "openOrders", list[Order], **({"symbol": symbol} if symbol else {}))

    async def own_trades(self, symbol: str, **span: int) -> list[OwnTrade]:
        """Return the account's sides of trades; `span`: fromId, startTime, endTime, limit."""
        return await self.signed("GET", "myTrades", list[OwnTrade], symbol=symbol, **span)

    async def account(self) -> Account:
        """Return the account with its balances."""
        return await self.signed("GET", "account", Account)

    async def depth(self, symbol: str, limit: int = 100) -> Depth:
        """Return the best levels of a book."""
        return await self.open("depth", Depth, symbol=symbol, limit=limit)

    async def trades(self, symbol: str, limit: int = 500) -> list[Trade]:
        """Return the last trades."""
        return await self.open("trades", list[Trade], symbol=symbol, limit=limit)

    async def trades_from(self, symbol: str, first: int, limit: int = 1000) -> list[Trade]:
        """Return trades from an id on, however old."""
        return await self.open("historicalTrades", list[Trade], symbol=symbol, fromId=first, limit=limit)

    async def candles(self, symbol: str, interval: str, **span: int) -> list[Candle]:
        """Return candles; `span`: startTime, endTime, limit."""
        return await self.open("klines", list[Candle], symbol=symbol, interval=interval, **span)

    async def close(self) -> None:
        """End the connections."""
        await self.http.close()

    async def _place(self, symbol: str, side: Side, client_order_id: str, terms: dict[str, object]) -> Order:
        full = {"symbol": symbol, "side": side, "newOrderRespType": "FULL"}
        id = {"newClientOrderId": client_order_id} if client_order_id else {}
        return await self.signed("POST", "order", Order, **(full | id | terms))

    def _key(self) -> Key:
        if self.key is None:
            raise VenueError("NO_KEY", "This needs an API key.")
        return self.key
