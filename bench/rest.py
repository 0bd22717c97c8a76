"""Row `rest`: signed limit orders over HTTP, 16 connections, beside pings and a FastAPI handler that only checks.

Orders a second with one under way on each connection, in turn with pings on the same connections, and with the same
orders sent to a process of its own in which FastAPI checks signature and fields. Then orders at half that rate, each
at its planned time.
"""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
from collections.abc import Iterator

from bench import api_venue, signed_orders
from bench.api_load import HttpLink
from lockstep.cli.throwaway import free_port

CONNECTIONS = 16
REQUESTS = 20_000
WARM_UP = 5_000
ROUNDS = 3
PING = b"GET /api/v3/ping HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nUser-Agent: bench\r\n\r\n"


def links(port: int) -> list[HttpLink]:
    """The connections."""
    return [HttpLink(signed_orders.connect(port)) for _ in range(CONNECTIONS)]


@contextlib.contextmanager
def fastapi_peer() -> Iterator[int]:
    """The other side, for the time of the block; its port."""
    port = free_port()
    command = [sys.executable, "-m", "bench.fastapi_peer", str(port), f"{api_venue.BUYER}-demo-secret"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError("the FastAPI process did not start")
        try:
            yield port
        finally:
            process.terminate()


class Orders:
    """The account's orders, numbered on."""

    def __init__(self) -> None:
        self._next = 1

    def take(self, count: int) -> list[bytes]:
        first, self._next = self._next, self._next + count
        return signed_orders.by_http(api_venue.BUYER, api_venue.SYMBOL, first, count)


def run() -> list[dict[str, object]]:
    """Rates of orders, pings and FastAPI, the ratios, and latencies at half the rate of orders."""
    orders = Orders()
    placed, pinged, checked = [], [], []
    with fastapi_peer() as peer_port, api_venue.running() as config:
        own, other = links(api_venue.api_port(config)), links(peer_port)
        for side in (own, other):
            api_venue.rate(side, orders.take(WARM_UP))
        for _ in range(ROUNDS):
            placed.append(api_venue.rate(own, orders.take(REQUESTS)))
            pinged.append(api_venue.rate(own, [PING] * REQUESTS))
            checked.append(api_venue.rate(other, orders.take(REQUESTS)))
        half = statistics.median(placed) / 2
        ordered = api_venue.latencies(own, orders.take(REQUESTS), half)
    times = f"median of {ROUNDS} times {REQUESTS:,}"
    return [
        _row(round(statistics.median(placed)), "orders/s", f"signed limit orders, {CONNECTIONS} connections, {times}"),
        _row(round(statistics.median(pinged)), "requests/s", f"`GET /api/v3/ping` on the same connections, {times}"),
        _row(round(statistics.median(checked)), "requests/s", f"the same orders, only checked, by FastAPI, {times}"),
        _row(_ratio(placed, pinged), "x", "orders over pings, median of the rounds"),
        _row(_ratio(placed, checked), "x", "orders over FastAPI's checks, median of the rounds"),
        *api_venue.percentiles("rest", ordered, f"at {half:,.0f} orders/s, half of that, from the planned time"),
    ]


def _ratio(own: list[float], other: list[float]) -> float:
    return round(statistics.median(a / b for a, b in zip(own, other, strict=True)), 2)


def _row(value: float, unit: str, what: str) -> dict[str, object]:
    return {"row": "rest", "value": value, "unit": unit, "what": what}
