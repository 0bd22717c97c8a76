"""The HTTP server of a node's metrics and health: one request a connection, answered at once, within a bounded time.

It serves what it is given and knows no venue. HTTP is h11's business. Whoever sends nothing, reads nothing or comes in
thousands costs a bounded number of sockets, and the oldest of those gives way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import NamedTuple, cast

import h11

from lockstep.config.schema import MetricsSection
from lockstep.core.edge.admission import Admission
from lockstep.core.edge.listening import judged

MAX_CONNECTIONS = 256  # more than the event loop accepts in a turn: who asks at once is answered whatever else comes
BACKLOG = 100
EXCHANGE_S = 10.0  # from the connection to the last byte of the answer
PLAIN = "text/plain; charset=utf-8"


class Answer(NamedTuple):
    status: int
    body: bytes
    content_type: str = PLAIN


Page = Callable[[], Answer]


class Exchange(asyncio.Protocol):
    """A connection: a request and its answer."""

    address = ""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._http = h11.Connection(h11.SERVER)
        self._transport: asyncio.Transport | None = None
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, base: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, base)
        peer = base.get_extra_info("peername")
        if peer is not None:  # else it was reset before its turn came
            self.address = peer[0]
        self._end = asyncio.get_running_loop().call_later(EXCHANGE_S, self._transport.abort)
        if peer is None or not self._server.admission.enter(self):
            self._transport.abort()

    def give_way(self) -> None:
        assert self._transport is not None
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._http.our_state is not h11.IDLE and self._http.our_state is not h11.SEND_RESPONSE:
            return  # behind its request: nobody reads that
        try:
            self._http.receive_data(data)
            event = self._http.next_event()
        except h11.RemoteProtocolError as error:
            self._send(Answer(error.error_status_hint, b"this is no HTTP request\n"), head=False)
            return
        if isinstance(event, h11.Request):
            self._send(self._server.answer(event), head=event.method == b"HEAD")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._server.admission.leave(self)
        if self._end is not None:
            self._end.cancel()

    def _send(self, answer: Answer, *, head: bool) -> None:
        assert self._transport is not None
        headers = [
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(answer.body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Connection", "close"),
        ]
        if answer.status == 405:
            headers.append(("Allow", "GET, HEAD"))
        events: list[h11.Event] = [h11.Response(status_code=answer.status, headers=headers)]
        if not head:
            events.append(h11.Data(data=answer.body))
        self._transport.write(b"".join(self._http.send(event) or b"" for event in [*events, h11.EndOfMessage()]))
        self._transport.close()  # once it is read, or EXCHANGE_S is over


class Server:
    """Serves `pages`, by path. What a page raises is a bug, for the process to end with: see `failure`."""

    def __init__(self, settings: MetricsSection, pages: Mapping[str, Page]) -> None:
        self._settings = settings
        self._pages = pages
        self._listener: asyncio.Server | None = None
        self.admission = Admission(MAX_CONNECTIONS, MAX_CONNECTIONS)
        self.failure: asyncio.Future[None] | None = None

    async def open(self) -> None:
        """Listen. OSError if the address can't be had."""
        loop = asyncio.get_running_loop()
        self.failure = loop.create_future()
        address, port = self._settings.address, self._settings.port
        assert port is not None
        try:
            self._listener = await loop.create_server(lambda: Exchange(self), address, port, backlog=BACKLOG)
        except OSError as error:
            raise judged(error, "metrics", address, port) from error

    @property
    def port(self) -> int:
        """The port that it listens on; 0 before it does."""
        return int(self._listener.sockets[0].getsockname()[1]) if self._listener is not None else 0

    def close(self) -> None:
        if self._listener is not None:
            self._listener.close()

    def answer(self, request: h11.Request) -> Answer:
        """The answer to a request, whatever it asks."""
        if request.method not in (b"GET", b"HEAD"):
            return Answer(405, b"only GET and HEAD are served\n")
        if not self._is_ours(dict(request.headers).get(b"host", b"").decode("latin-1")):
            return Answer(421, b"this host name is not served: metrics.host_names lists those that are\n")
        path = request.target.decode("ascii").partition("?")[0]
        page = self._pages.get(path)
        if page is None:
            return Answer(404, f"served are {', '.join(self._pages)}\n".encode())
        try:
            return page()
        except Exception as error:
            assert self.failure is not None
            if not self.failure.done():
                self.failure.set_exception(error)
            return Answer(500, b"this is a bug; the log has it\n")

    def _is_ours(self, host: str) -> bool:
        """Whether a Host header is one of this node's. A page of the web can make a browser ask us by a name of its own
        (DNS rebinding), and not by an address; without one, of HTTP/1.0, it is no browser.
        """
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        if name.lower() in ("", "localhost", *(each.lower() for each in self._settings.host_names)):
            return True
        try:
            ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True
