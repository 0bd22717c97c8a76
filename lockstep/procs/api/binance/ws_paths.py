"""What a WebSocket's target asks for: the API, an account's stream by its listen key, or market streams."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote

from lockstep.procs.api.binance.listen_keys import SIZE

API = "/ws-api/v3"


def is_market_stream(target: str) -> bool:
    """Whether the publisher serves it: `/ws`, `/ws/…`, `/stream`, `/stream?streams=…` without a listen key, and
    `/v1/stream/market`."""
    path = target.partition("?")[0]
    is_stream = path in ("/ws", "/stream", "/v1/stream/market") or path.startswith(("/ws/", "/stream/"))
    return is_stream and listen_key_of(target) is None


def listen_key_of(target: str) -> tuple[bytes, bool] | None:
    """The listen key that a target names, and whether its events are to be wrapped; None without one."""
    path, _, query = target.partition("?")
    if path.startswith("/ws/"):
        name, combined = unquote(path.removeprefix("/ws/")), False
    else:
        name, combined = parse_qs(query).get("streams", [""])[0], True
    return (name.encode(), combined) if len(name) == SIZE and "@" not in name else None
