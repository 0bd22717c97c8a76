"""The library's client of the API as tests use it: it blocks, as a demo account with its demo key or another one."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockstep import Binance, HmacKey, VenueError, run

RefusedError = VenueError  # the venue refused: `status`, `code` and `text`


class ApiClient:
    """A demo account's client, with its demo key or another one."""

    def __init__(self, port: int, name: str, key: tuple[str, str] | None = None) -> None:
        self.port = port
        self.key, secret = key or (f"{name}-demo-key", f"{name}-demo-secret")
        self._signing = HmacKey(self.key, secret)
        self._venue = Binance(f"http://127.0.0.1:{port}", self._signing)
        self.query, self.ws_params = self._venue.query, self._venue.ws_params

    @property
    def headers(self) -> dict[str, str]:
        """Of the last answer."""
        return {} if self._venue.answer is None else dict(self._venue.answer.headers)

    def sign(self, query: str) -> str:
        """The query with its signature."""
        return f"{query}&signature={self._signing.sign(query.encode())}"

    def send(self, method: str, path: str, query: str = "", *, in_body: bool = False) -> Any:
        """Send what is signed, and read the answer. RefusedError, ConnectionError."""
        try:
            return run(self._venue.send(method, path, query, Any, in_body=in_body))
        except VenueError as error:
            if not error.status:
                raise ConnectionError(error.text) from error
            raise

    def signed(self, method: str, path: str, **parameters: object) -> Any:
        """A signed request. RefusedError."""
        return self.send(method, f"/api/v3/{path}", self.query(**parameters))

    def open(self, path: str, **parameters: object) -> Any:
        """A request that needs no key. RefusedError."""
        return self.send("GET", f"/api/v3/{path}", urlencode(parameters))

    def order(self, client_id: str, side: str, price: str, quantity: str, symbol: str = "BTCUSDT") -> Any:
        """A limit order, good till cancelled. RefusedError."""
        return self.signed(
            "POST", "order", symbol=symbol, side=side, type="LIMIT", timeInForce="GTC", price=price, quantity=quantity,
            newClientOrderId=client_id,
        )  # fmt: skip


def seed_of(name: str) -> Ed25519PrivateKey:
    """The private key of a demo account's Ed25519 key."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"{name}-demo-ed25519".encode()).digest())
