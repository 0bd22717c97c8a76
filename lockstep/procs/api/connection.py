"""One connection of a client: counted, and cut off where its requests are no HTTP, too large, or come too slowly.

uvicorn parses; here is decided what of that goes on to the application. A request that is refused never does: what is
parsed behind a refusal is dropped, and the connection ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
from collections import deque
from collections.abc import Callable
from typing import Protocol, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from lockstep.core.edge.admission import Admission
from lockstep.procs.api.app import CLIENT_IS_THERE, COMMON
from lockstep.procs.api.asgi import Answer
from lockstep.procs.api.plain_request import MAX_BODY_BYTES, PlainRequest, plain_request
from lockstep.procs.api.unread import Unread

MAX_HEAD_BYTES = 32768
MAX_HEADERS = 100
MAX_FRAMING_BYTES = 65536  # of a body in chunks, which the smallest chunks need for some thousand bytes
REQUEST_S = 10.0  # for a request to come whole, from its connection's first byte of it on
MOST_AT_ONCE = 2048  # bytes of requests that are read before those in them are answered: each may be a short one
LINGER_S = 1.0  # for a refusal to be read: a connection that is closed with bytes unread is reset, and takes it away
UNSENT_BYTES = 1 << 20  # of one connection: a slower reader's requests wait
REFUSAL = b"HTTP/1.1 %d %s\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
NAMES = {
    400: b"Bad Request", 408: b"Request Timeout", 413: b"Content Too Large", 431: b"Request Header Fields Too Large",
}  # fmt: skip
HEAD = b"%s" + b"".join(b"%s: %s\r\n" % header for header in COMMON) + b"content-length: %d\r\n"
SCHEMES = (b"http://", b"https://")


class Orders(Protocol):
    """What takes orders: the application."""

    def takes(self, method: str, path: str) -> bool: ...
    def take(self, request: PlainRequest, peer: str, done: Callable[[Answer], None]) -> None: ...


class Connection(HttpToolsProtocol):
    """The protocol of one connection, until it becomes a WebSocket. Its first three are set for a server."""

    admission: Admission
    unread: Unread
    orders: Orders
    address = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        peer = transport.get_extra_info("peername")
        if peer is None:  # reset before its turn came
            transport.abort()
            return
        self.address = peer[0]
        if not self.admission.enter(self):
            transport.abort()
            return
        super().connection_made(transport)
        self._held = deque()
        self.unread.add(transport)
        transport.set_write_buffer_limits(UNSENT_BYTES)
        with contextlib.suppress(OSError):  # likewise reset: the next read or write says so
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._timer = self.loop.call_later(REQUEST_S, self._late)

    def give_way(self) -> None:
        """Make room for a newer connection: this one has sent no whole request yet."""
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._held.append(data)
        self._go_on()

    def _go_on(self) -> None:
        """Read what has come, as far as nothing that came before waits for its turn."""
        while self._held and not self._has_order and not self.pipeline:
            self._read(self._held.popleft())
        if self._held or self.pipeline:
            self.flow.pause_reading()

    def _read(self, data: bytes) -> None:
        """Read some of it, and hold the rest."""
        if self._is_idle() and self._takes(data):
            return
        if len(data) > MOST_AT_ONCE:
            self._held.appendleft(data[MOST_AT_ONCE:])
            data = data[:MOST_AT_ONCE]
        if not self._received and self._timer is None:
            self._timer = self.loop.call_later(REQUEST_S, self._late)
        self._received += len(data)
        super().data_received(data)
        if self._received > MAX_HEAD_BYTES + MAX_BODY_BYTES + MAX_FRAMING_BYTES:
            self._refuse(413, b"A request has %d bytes of body at most." % MAX_BODY_BYTES)
        elif self._received > MAX_HEAD_BYTES and not self._in_body:
            self._refuse_head()

    def _is_idle(self) -> bool:
        """Whether nothing has begun, and nothing waits to be sent."""
        cycle = self.cycle
        has_begun = self._received or self._has_begun
        return not has_begun and (cycle is None or cycle.response_complete) and not self.flow.write_paused

    def _takes(self, data: bytes) -> bool:
        """Take what is a plain request about an order: it needs no task, and its answer comes by a call."""
        request = plain_request(data)
        if request is None or not self.orders.takes(request.method, request.path):
            return False
        self._unset_keepalive_if_required()
        self._whole()
        self._has_order = True
        self.orders.take(request, self.address, self._answer)
        return True

    def _answer(self, answer: Answer) -> None:
        """Send the answer to an order, and go on with what came behind it."""
        self._has_order = False
        if self.transport.is_closing():
            return
        lines = [b"%s: %s\r\n" % header for header in (*self.server_state.default_headers, *answer.headers)]
        head = HEAD % (STATUS_LINE[answer.status], len(answer.body))
        self.transport.write(b"".join((head, *lines, b"\r\n", answer.body)))
        if self._is_leaving:
            self.transport.close()
        self.on_response_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._go_on()

    def shutdown(self) -> None:
        """An orderly stop: an order's answer is sent first."""
        self._is_leaving = True
        if not self._has_order:
            super().shutdown()

    def on_message_begin(self) -> None:
        self._has_begun = True
        self._head = self._body = 0
        super().on_message_begin()
        cast(dict[str, object], self.scope)[CLIENT_IS_THERE] = self._is_there

    def on_url(self, url: bytes) -> None:
        self._head += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head += len(name) + len(value) + 4
        if self._head > MAX_HEAD_BYTES or len(self.headers) >= MAX_HEADERS:
            self._refuse_head()
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._check_host()
        lengths = [value for name, value in self.headers if name == b"content-length"]
        if any(int(length) > MAX_BODY_BYTES for length in lengths):
            self._refuse(413, b"A request has %d bytes of body at most." % MAX_BODY_BYTES)
        if not self._is_refused:
            super().on_headers_complete()
            self._in_body = True

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        if self._body > MAX_BODY_BYTES:
            self._refuse(413, b"A request has %d bytes of body at most." % MAX_BODY_BYTES)
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._is_refused:
            self._whole()
            super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._held.clear()
        if not self._is_refused:
            self._whole()
            super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is refused, like all that is not taken."""
        self._refuse(400, msg.encode())

    def leave(self) -> None:
        """The connection has ended, as whatever it did: its place is another's."""
        self.admission.leave(self)
        self.unread.discard(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.leave()
        if self.transport is not None:
            self._whole()
            super().connection_lost(exc)

    def _is_there(self) -> bool:
        """Return whether the client is still connected. Its end may stand behind bytes that are not read yet."""
        if self.transport.is_closing():
            return False
        ended = select.poll()
        ended.register(self.transport.get_extra_info("socket"), select.POLLRDHUP)
        return not ended.poll(0)

    def _check_host(self) -> None:
        """One Host, and where a target names one, too, the same: else who stands before us may mean another than we."""
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) > 1 or (not hosts and self.parser.get_http_version() != "1.0"):
            self._refuse(400, b"A request has one Host.")
            return
        if self.url.startswith(b"/"):
            return
        scheme = next((each for each in SCHEMES if self.url.lower().startswith(each)), b"")
        authority, _, path = self.url[len(scheme) :].partition(b"/")
        if not scheme or [authority.lower()] != [host.lower() for host in hosts]:
            self._refuse(400, b"A request's target is a path, or names the Host.")
        self.url = b"/" + path

    def _whole(self) -> None:
        """A request has come: the next one has its time again, and its connection gives way no more."""
        self._received = 0
        self._has_begun = False
        self._in_body = False
        self.admission.settle(self)
        self._stop_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        if self._held:  # it may have come, and waits for those before it
            self._timer = self.loop.call_later(REQUEST_S, self._late)
            return
        self._refuse(408, b"A request comes whole in %d s." % REQUEST_S)

    def _refuse_head(self) -> None:
        self._refuse(
            431, b"A request has %d bytes before its body at most, and %d headers." % (MAX_HEAD_BYTES, MAX_HEADERS)
        )

    def _refuse(self, status: int, why: bytes) -> None:
        """Answer so, take nothing more, and end. Where an answer to an earlier request is owed, only end."""
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        self._held.clear()
        self._stop_timer()
        cycle = self.cycle
        is_owed = cycle is not None and not cycle.response_complete
        if is_owed:
            cycle.disconnected = True  # its application is told so, and what it answers is dropped
            cycle.message_event.set()
        if (
            self.pipeline
            or (cycle is not None and self._in_body and cycle.response_started)
            or (is_owed and not self._in_body)
        ):
            self.transport.abort()
            return
        body = b'{"code":-1000,"msg":"%s"}' % why
        self.transport.write(REFUSAL % (status, NAMES[status], len(body), body))
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self._timer = self.loop.call_later(LINGER_S, self.transport.abort)
        else:
            self.transport.close()

    _has_order = False  # one is under way, of which the parser knows nothing
    _held: deque[bytes]  # what has come, and is not read yet
    _is_leaving = False
    _timer: asyncio.TimerHandle | None = None
    _received = 0  # bytes since the last whole request
    _head = 0  # bytes of the request's target and headers
    _body = 0
    _has_begun = False  # of a request, something was parsed, and not all
    _in_body = False
    _is_refused = False
