"""Row `ws-api`: orders over one connection of the WebSocket API, pipelined; then each at its planned time."""

from __future__ import annotations

import statistics

from bench import api_venue, signed_orders
from bench.api_load import AskingLink

AHEAD = 1_000  # orders that are not answered
ORDERS = 50_000
WARM_UP = 5_000
ROUNDS = 3


def take(first: int, count: int) -> list[bytes]:
    """The account's orders from this number on."""
    return signed_orders.by_websocket(api_venue.BUYER, api_venue.SYMBOL, first, count)


def run() -> list[dict[str, object]]:
    """The rate, and latencies at half of it."""
    rates = []
    with api_venue.running() as config:
        port, first = api_venue.api_port(config), 1
        for count in (WARM_UP, *[ORDERS] * ROUNDS):
            rates.append(api_venue.rate([AskingLink(signed_orders.connect_websocket(port), AHEAD)], take(first, count)))
            first += count
        rate = statistics.median(rates[1:])
        link = AskingLink(signed_orders.connect_websocket(port), AHEAD)
        ordered = api_venue.latencies([link], take(first, ORDERS), rate / 2)
    what = f"one connection, pipelined, median of {ROUNDS} times {ORDERS:,}"
    return [
        {"row": "ws-api", "value": round(rate), "unit": "orders/s", "what": what},
        *api_venue.percentiles("ws-api", ordered, f"at {rate / 2:,.0f} orders/s, half of that, from the planned time"),
    ]
