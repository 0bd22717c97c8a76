"""Row `user-stream`: from when an order was to be sent until its report comes by the account's stream.

Orders go by one connection of the WebSocket API, each at its planned time; the stream is another connection's.
"""

from __future__ import annotations

from bench import api_venue, signed_orders, ws_api
from bench.api_load import AskingLink, ListeningLink

PER_S = 2_000
ORDERS = 20_000
WARM_UP = 2_000


def subscription() -> bytes:
    """What makes a connection an account's stream."""
    terms = signed_orders.terms(api_venue.SYMBOL, 0)
    params = signed_orders.signed(api_venue.BUYER, {"timestamp": terms["timestamp"], "recvWindow": terms["recvWindow"]})
    return signed_orders.frame({"id": 0, "method": "userDataStream.subscribe.signature", "params": params})


def run() -> list[dict[str, object]]:
    """Latencies from order to report."""
    with api_venue.running() as config:
        port, first = api_venue.api_port(config), 1
        for count in (WARM_UP, ORDERS):
            link = AskingLink(signed_orders.connect_websocket(port), ws_api.AHEAD)
            listener = ListeningLink(signed_orders.connect_websocket(port, subscription()), first)
            ordered = api_venue.latencies([link], ws_api.take(first, count), PER_S, listener)
            first += count
    return api_venue.percentiles("user-stream", ordered, f"order sent to executionReport, at {PER_S:,} orders/s")
