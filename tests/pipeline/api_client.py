"""A small client of the API, which signs as its users' libraries do, on a connection that it keeps."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PATIENCE_S = 30


class RefusedError(Exception):
    """The venue refused: HTTP status, and what it said."""

    def __init__(self, status: int, said: dict[str, Any]) -> None:
        super().__init__(f"{status}: {said}")
        self.status = status
        self.code = said["code"]
        self.text = said["msg"]


class ApiClient:
    """A demo account's client, with its demo key or another one."""

    def __init__(self, port: int, name: str, key: tuple[str, str] | None = None) -> None:
        self.port = port
        self.key, secret = key or (f"{name}-demo-key", f"{name}-demo-secret")
        self._secret = secret.encode()
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        self.headers: dict[str, str] = {}

    def sign(self, query: str) -> str:
        """The query with its signature."""
        return f"{query}&signature={hmac.new(self._secret, query.encode(), 'sha256').hexdigest()}"

    def query(self, **parameters: object) -> str:
        """Parameters, signed now."""
        return self.sign(urlencode({**parameters, "timestamp": time.time_ns() // 10**6}))

    def send(self, method: str, path: str, query: str = "", *, in_body: bool = False) -> Any:
        """Send what is signed, and read the answer. RefusedError, OSError, http.client.HTTPException."""
        target = f"{path}?{query}" if query and not in_body else path
        try:
            self._connection.request(method, target, query if in_body else None, {"X-MBX-APIKEY": self.key})
            answer = self._connection.getresponse()
            said = json.loads(answer.read())
        except BaseException:
            self._connection.close()
            raise
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        if answer.status != 200:
            raise RefusedError(answer.status, said)
        return said

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

    def ws_params(self, **parameters: object) -> dict[str, object]:
        """Parameters of the WebSocket API, signed sorted."""
        named: dict[str, object] = {**parameters, "apiKey": self.key, "timestamp": time.time_ns() // 10**6}
        text = "&".join(f"{name}={named[name]}" for name in sorted(named))
        return {**named, "signature": hmac.new(self._secret, text.encode(), "sha256").hexdigest()}


def seed_of(name: str) -> Ed25519PrivateKey:
    """The private key of a demo account's Ed25519 key."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"{name}-demo-ed25519".encode()).digest())
