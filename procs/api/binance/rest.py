"""The dialect over HTTP: a request's path, parameters and headers in, status, headers and JSON out."""

from __future__ import annotations

import traceback
from typing import NamedTuple

from procs.api.binance.dialect import Dialect, unit_of
from procs.api.binance.errors import ApiError, internal, no_such_endpoint
from procs.api.binance.parameters import of_request
from procs.api.binance.routes import PATHS, REST, Route
from shm.log_lines import log

Headers = list[tuple[bytes, bytes]]


class Answer(NamedTuple):
    """What is sent back."""

    status: int
    headers: Headers
    body: bytes


class Rest:
    """The entry for HTTP."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def route(self, method: str, path: str) -> Route | None:
        """What a request asks for, or None if this is no path of the dialect's."""
        return REST.get((method, path))

    async def answer(
        self, route: Route | None, query: bytes, body: bytes, headers: dict[bytes, bytes], address: str
    ) -> Answer:
        """Answer a request from `address`."""
        sent_headers: Headers = []
        try:
            if route is None:
                raise no_such_endpoint()
            sent = of_request(query, body)
            used = self._dialect.weigh(route, sent, address)
            sent_headers += self._dialect.weights.headers(used)
            sent.expect(route.parameters)
            call = self._dialect.admit(
                route, sent, headers.get(b"x-mbx-apikey"), address, unit_of(headers.get(b"x-mbx-time-unit"))
            )
            result = await self._dialect.answer(route, call)
            if route.orders:
                sent_headers += self._dialect.orders.headers(self._dialect.count_orders(call.account))
            return Answer(200, sent_headers, result)
        except ApiError as error:
            if error.retry_after is not None:
                sent_headers.append((b"retry-after", b"%d" % error.retry_after))
            return Answer(error.status, sent_headers, error.body())
        except Exception:
            log.error("request_failed", route=route.name if route is not None else "", trace=traceback.format_exc())
            return Answer(internal().status, sent_headers, internal().body())


def knows(path: str) -> bool:
    """Whether a path is one of the dialect's, by whatever method."""
    return path in PATHS
