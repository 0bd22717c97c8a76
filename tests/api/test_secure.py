"""What clients are told where they come by TLS: never to come otherwise, and to give the cookie to nobody else."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from lockstep.config.schema import ApiSection
from lockstep.procs.api.app import Application
from lockstep.procs.api.binance.rest import Rest
from lockstep.procs.api.page import Page
from lockstep.procs.api.v1.auth import refresh_cookie

PLAIN = ApiSection(port=0)
DIRECT = ApiSection(port=0, certificate="api.pem", key="api.key")
BEHIND_A_PROXY = ApiSection(port=0, trusted_proxies=["192.0.2.7"])


def headers_of(config: ApiSection) -> dict[bytes, bytes]:
    """Of the answer to a request under a name that is not the venue's."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        raise AssertionError

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "client": ("192.0.2.9", 1),
        "headers": [(b"host", b"no.one")],
    }
    asyncio.run(Application(cast(Any, None), cast(Any, None), cast(Any, None), Page(), config)(scope, receive, send))
    assert sent[0]["status"] == 403
    return dict(sent[0]["headers"])


@pytest.mark.parametrize("config", [DIRECT, BEHIND_A_PROXY])
def test_with_tls_browsers_never_come_without_it_and_the_cookie_is_for_tls_alone(config: ApiSection) -> None:
    assert headers_of(config)[b"strict-transport-security"] == b"max-age=31536000"
    cookie = refresh_cookie(config, "token")
    assert (cookie.key, cookie.secure, cookie.httponly, cookie.samesite) == (
        "__Secure-lockstep_refresh",
        True,
        True,
        "strict",
    )


def test_without_tls_there_is_a_cookie_that_works_on_loopback() -> None:
    assert b"strict-transport-security" not in headers_of(PLAIN)
    cookie = refresh_cookie(PLAIN, "token")
    assert (cookie.key, cookie.secure, cookie.httponly, cookie.path) == ("lockstep_refresh", False, True, "/v1/auth")


def test_what_is_unexpected_says_nothing_of_the_inside() -> None:
    """Here everything is: there is no dialect behind the entry."""
    rest = Rest(cast(Any, None))
    answer = asyncio.run(rest.answer(rest.route("GET", "/api/v3/ping"), b"", b"", {}, "192.0.2.9"))
    assert answer.status == 500
    assert answer.body == b'{"code":-1000,"msg":"An unknown error occurred while processing the request."}'
