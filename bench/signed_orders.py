"""Orders as clients of the API send them, signed beforehand: limit buys that rest, over HTTP or a WebSocket."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Mapping

from lockstep import HmacKey

PRICES = 1000  # price levels that they are spread over
BASE_PRICE = 10_000  # in cents
PATIENCE_S = 30
WINDOW_MS = 60_000  # for signing and sending all of a round
HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def terms(symbol: str, number: int) -> dict[str, str]:
    """The parameters of an order; its client id is a letter and its number."""
    price = BASE_PRICE + number * 7919 % PRICES
    return {
        "symbol": symbol,
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "1",
        "price": f"{price // 100}.{price % 100:02}",
        "newClientOrderId": f"b{number}",
        "recvWindow": str(WINDOW_MS),
        "timestamp": str(time.time_ns() // 10**6),
    }


def by_http(name: str, symbol: str, first: int, count: int) -> list[bytes]:
    """POST /api/v3/order of the account `name`, as its demo key signs."""
    orders = []
    for number in range(first, first + count):
        query = "&".join(f"{key}={value}" for key, value in terms(symbol, number).items())
        signed = f"{query}&signature={_signature(name, query)}"
        orders.append(
            f"POST /api/v3/order?{signed} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nContent-Length: 0\r\n"
            f"X-MBX-APIKEY: {name}-demo-key\r\nUser-Agent: bench\r\n\r\n".encode()
        )
    return orders


def signed_target(name: str, target: str) -> str:
    """A path and query with a time and the account's signature."""
    path, _, query = target.partition("?")
    timed = "&".join(filter(None, (query, f"recvWindow={WINDOW_MS}&timestamp={time.time_ns() // 10**6}")))
    return f"{path}?{timed}&signature={_signature(name, timed)}"


def by_websocket(name: str, symbol: str, first: int, count: int) -> list[bytes]:
    """order.place; the id of message i is i."""
    return [
        frame({"id": i, "method": "order.place", "params": signed(name, terms(symbol, first + i))})
        for i in range(count)
    ]  # fmt: skip


def signed(name: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Parameters of the WebSocket API with key and signature, which is of them sorted."""
    named = {**parameters, "apiKey": f"{name}-demo-key"}
    text = "&".join(f"{key}={named[key]}" for key in sorted(named))
    return {**named, "signature": _signature(name, text)}


def frame(message: object) -> bytes:
    """A client's text frame. It is masked with zeros: masks guard proxies, and there is none."""
    text = json.dumps(message, separators=(",", ":")).encode()
    return struct.pack("!BBHI", 0x81, 0x80 | 126, len(text), 0) + text


def connect(port: int) -> socket.socket:
    """A connection to the api."""
    sock = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def connect_websocket(port: int, first: bytes | None = None) -> socket.socket:
    """A connection to its WebSocket API, which has answered a first request, if there is one. RuntimeError."""
    sock = connect(port)
    sock.sendall(HANDSHAKE.format(path="/ws-api/v3").encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += sock.recv(4096)
    if not answer.startswith(b"HTTP/1.1 101"):
        raise RuntimeError(f"the api answered {answer!r}")
    if first is not None:
        sock.sendall(first)
        answer = sock.recv(65536)
        if b'"status":200' not in answer:
            raise RuntimeError(f"the api answered {answer!r}")
    return sock


def _signature(name: str, text: str) -> str:
    return HmacKey(f"{name}-demo-key", f"{name}-demo-secret").sign(text.encode())
