"""How the dialect tells of limits: in headers of answers, and in rows of `rateLimits`."""

from __future__ import annotations

from typing import Any

import msgspec

from lockstep.procs.api.asgi import Headers
from lockstep.procs.api.limits import OrderLimit, WeightLimit


def weight_headers(used: int) -> Headers:
    """What an address has used in this minute."""
    return [(b"x-mbx-used-weight-1m", b"%d" % used)]


def order_headers(counts: tuple[int, int]) -> Headers:
    """How many orders an account has placed in ten seconds and on this day."""
    return [(b"x-mbx-order-count-10s", b"%d" % counts[0]), (b"x-mbx-order-count-1d", b"%d" % counts[1])]


def weight_row(weights: WeightLimit) -> dict[str, Any]:
    """The limit of request weight."""
    return {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": weights.limit}


def weight_rows(weights: WeightLimit) -> bytes:
    """That row alone, as JSON: `%` puts in what an address has used."""
    return msgspec.json.encode([weight_row(weights)])[:-2] + b',"count":%d}]'


def order_rows(orders: OrderLimit, counts: tuple[int, int] | None = None) -> list[dict[str, Any]]:
    """The limits of new orders, with what an account has used where that is given."""
    rows: list[dict[str, Any]] = [
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": orders.short_limit},
        {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": orders.day_limit},
    ]
    if counts is not None:
        for row, count in zip(rows, counts, strict=True):
            row["count"] = count
    return rows
