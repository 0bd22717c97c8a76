"""The dialect over HTTP: a request's path, parameters and headers in, status, headers and JSON out."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from lockstep.core.diagnostics.log_lines import log
from lockstep.procs.api.asgi import Answer, Headers
from lockstep.procs.api.binance.caller import Call
from lockstep.procs.api.binance.dialect import Dialect, unit_of
from lockstep.procs.api.binance.errors import ApiError, internal, no_such_endpoint
from lockstep.procs.api.binance.parameters import of_request
from lockstep.procs.api.binance.rate_limits import order_headers, weight_headers
from lockstep.procs.api.binance.routes import REST, Route
from lockstep.procs.api.plain_request import PlainRequest

Done = Callable[[Answer], None]


class Rest:
    """The entry for HTTP."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def route(self, method: str, path: str) -> Route | None:
        """What a request asks for, or None if this is no path of the dialect's."""
        return REST.get((method, path))

    def begins(self, method: str, path: str) -> Route | None:
        """The same, where `begin` can answer it."""
        route = REST.get((method, path))
        return route if route is not None and route.name in self._dialect.begins else None

    def begin(self, request: PlainRequest, address: str, done: Done) -> None:
        """Send an order, or a cancel; `done` gets the answer, now or when all of its events are released."""
        route = REST[request.method, request.path]
        sent_headers: Headers = []
        try:
            call = self._admitted(route, request.query, request.body, request.headers, address, sent_headers)
            order = self._dialect.begins[route.name](call)
        except Exception as error:
            done(_refused(route, error, sent_headers))
            return

        def over() -> None:
            try:
                answer = self._answered(route, call, self._dialect.answer_of(order), sent_headers)
            except Exception as error:
                answer = _refused(route, error, sent_headers)
            done(answer)

        order.request.then = over

    async def answer(
        self, route: Route | None, query: bytes, body: bytes, headers: dict[bytes, bytes], address: str
    ) -> Answer:
        """Answer a request from `address`."""
        sent_headers: Headers = []
        try:
            if route is None:
                raise no_such_endpoint()
            call = self._admitted(route, query, body, headers, address, sent_headers)
            return self._answered(route, call, await self._dialect.answer(route, call), sent_headers)
        except Exception as error:
            return _refused(route, error, sent_headers)

    def _admitted(
        self, route: Route, query: bytes, body: bytes, headers: dict[bytes, bytes], address: str, sent_headers: Headers
    ) -> Call:
        """A request whose sender may ask for it. ApiError."""
        sent = of_request(query, body)
        used = self._dialect.weigh(route, sent, address)
        sent_headers += weight_headers(used)
        sent.expect(route.parameters)
        unit = unit_of(headers.get(b"x-mbx-time-unit"))
        return self._dialect.admit(route, sent, headers.get(b"x-mbx-apikey"), address, unit)

    def _answered(self, route: Route, call: Call, result: bytes, sent_headers: Headers) -> Answer:
        if route.orders:
            sent_headers += order_headers(self._dialect.count_orders(call.account))
        return Answer(200, sent_headers, result)


def _refused(route: Route | None, error: Exception, sent_headers: Headers) -> Answer:
    """What is told to a client whose request is refused, or met a bug."""
    if isinstance(error, ApiError):
        if error.retry_after is not None:
            sent_headers.append((b"retry-after", b"%d" % error.retry_after))
        return Answer(error.status, sent_headers, error.body())
    trace = "".join(traceback.format_exception(error))
    log.error("request_failed", route=route.name if route is not None else "", trace=trace)
    return Answer(internal().status, sent_headers, internal().body())
