"""The ASGI application: which request goes where, and what every answer has in common.

It checks where a request comes from and by which name it calls the venue; what it asks for is the handlers' business.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from functools import lru_cache, partial
from ipaddress import ip_address

from lockstep.config.schema import ApiSection
from lockstep.core.diagnostics.log_lines import log
from lockstep.core.edge.shares import client_address
from lockstep.core.edge.turns import client_is_there
from lockstep.procs.api.asgi import ONLY_TLS, Answer, Asgi, Headers, Receive, Scope, Send, has_tls
from lockstep.procs.api.binance.rest import Rest
from lockstep.procs.api.binance.ws_api import WsApi
from lockstep.procs.api.binance.ws_paths import API, listen_key_of
from lockstep.procs.api.client_address import AddressReader
from lockstep.procs.api.outbox import LINK
from lockstep.procs.api.page import Page
from lockstep.procs.api.plain_request import PlainRequest

OWN = ("/v1/", "/docs")
STREAM = "/v1/stream"
CLIENT_IS_THERE = "lockstep.client_is_there"  # of a scope: a function that returns it
MOST_HOSTS = 256  # that are remembered: clients call the venue by few names
COMMON = [
    (b"content-type", b"application/json;charset=UTF-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]
WRONG_HOST = b'{"code":-1000,"msg":"This venue is not called by this name: see api.host_names."}'
OTHER_ORIGIN = b'{"code":-1000,"msg":"Requests from pages of other sites are not answered."}'


class Application:
    """What uvicorn calls for each request. `own` makes what answers the venue's own API, when that is asked first."""

    def __init__(self, rest: Rest, ws_api: WsApi, own: Callable[[], Asgi], page: Page, config: ApiSection) -> None:
        self._rest = rest
        self._ws_api = ws_api
        self._page = page
        self._make = own
        self._own: asyncio.Future[Asgi] | None = None
        self._names = {name.lower() for name in config.host_names} | {"localhost"}
        self._addresses = AddressReader(config.trusted_proxies)
        self._only_tls = [ONLY_TLS] if has_tls(config) else []
        self._common = [*COMMON, *self._only_tls]

    def takes(self, method: str, path: str) -> bool:
        """Whether `take` answers a request."""
        return self._rest.begins(method, path) is not None

    def take(self, request: PlainRequest, peer: str, done: Callable[[Answer], None]) -> None:
        """Take an order that has come whole; `done` gets the answer, now or later. No task waits for that."""
        refusal = self._refusal(request.headers, changes=True)
        if refusal is not None:
            done(Answer(403, self._only_tls, refusal))
            return
        if self._only_tls:
            done = partial(self._done_over_tls, done)
        self._rest.begin(request, self._addresses.read(peer, request.headers.items()), done)

    def _done_over_tls(self, done: Callable[[Answer], None], answer: Answer) -> None:
        done(answer._replace(headers=[*self._only_tls, *answer.headers]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or serve one WebSocket."""
        headers = dict(reversed(scope["headers"]))
        address = self._addresses.read(str(scope["client"][0]) if scope["client"] else "", scope["headers"])
        client_address.set(address)
        refusal = self._refusal(headers, changes=scope["type"] == "websocket" or scope["method"] != "GET")
        if scope["type"] == "websocket":
            await self._serve(scope, receive, send, address, refused=refusal is not None)
        elif refusal is not None:
            await _answer(send, 403, self._common, refusal)
        elif scope["path"].startswith(OWN):
            own = await self._made()
            client_is_there.set(scope.get(CLIENT_IS_THERE))
            await own({**scope, "client": (address, 0)}, receive, send)
        elif self._page.has(scope["path"]) and scope["method"] in ("GET", "HEAD"):
            shown = self._page.answer(scope["path"], headers)
            await _answer(send, shown.status, [*self._only_tls, *shown.headers], shown.body)
        else:
            body = b"" if scope["method"] == "GET" else await _body(receive)
            if body is None:
                return
            route = self._rest.route(scope["method"], scope["path"])
            answer = await self._rest.answer(route, scope["query_string"], body, headers, address)
            await _answer(send, answer.status, [*self._common, *answer.headers], answer.body)

    async def _made(self) -> Asgi:
        """What answers the venue's own API: made once, in a thread, since orders don't wait for it."""
        if self._own is None:
            self._own = asyncio.ensure_future(asyncio.to_thread(self._make))
        try:
            return await asyncio.shield(self._own)
        except Exception:
            log.error("request_failed", route="/v1", trace=traceback.format_exc())
            raise

    async def _serve(self, scope: Scope, receive: Receive, send: Send, address: str, *, refused: bool) -> None:
        await receive()  # the handshake
        target = scope["path"] + ("?" + scope["query_string"].decode("latin-1") if scope["query_string"] else "")
        named = listen_key_of(target)
        if refused:
            await send({"type": "websocket.close", "code": 1008})
        elif scope["path"] == API:
            await self._ws_api.serve(receive, send, address, scope["extensions"].get(LINK), scope["query_string"])
        elif target == STREAM:
            own = await self._made()
            await own({**scope, "client": (address, 0)}, receive, send)
        elif named is not None:
            await self._ws_api.serve_stream(receive, send, *named, scope["extensions"].get(LINK))
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _refusal(self, headers: dict[bytes, bytes], *, changes: bool) -> bytes | None:
        """Why a request is not looked at: a page that lies about its site calls the venue by a name that is not its."""
        host = _name_of(headers.get(b"host", b""))
        if host not in self._names and not _is_address(host):
            return WRONG_HOST
        origin = headers.get(b"origin")
        if changes and origin is not None and _name_of(origin.rpartition(b"//")[2]) != host:
            return OTHER_ORIGIN
        return None


@lru_cache(MOST_HOSTS)
def _name_of(host: bytes) -> str:
    """A host without its port."""
    text = host.decode("latin-1").lower()
    if text.startswith("["):
        return text.partition("]")[0][1:]
    return text.partition(":")[0]


@lru_cache(MOST_HOSTS)
def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


async def _body(receive: Receive) -> bytes | None:
    """A request's whole body, which its connection bounds; None where the client left before it had sent all."""
    body = bytearray()
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)
    return None


async def _answer(send: Send, status: int, headers: Headers, body: bytes) -> None:
    sent = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})
