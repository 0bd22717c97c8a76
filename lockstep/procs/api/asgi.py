"""The interface of the applications in this process (ASGI), and their answers over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from lockstep.config.schema import ApiSection

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

ONLY_TLS = (b"strict-transport-security", b"max-age=31536000")


class Answer(NamedTuple):
    """An answer over HTTP."""

    status: int
    headers: Headers
    body: bytes


def has_tls(config: ApiSection) -> bool:
    """Whether clients come by TLS, to this process or to a proxy before it."""
    return bool(config.certificate or config.trusted_proxies)
