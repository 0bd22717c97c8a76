"""Which rows of a list a request asks for."""

from __future__ import annotations

from lockstep.procs.api.binance.errors import ApiError, Number
from lockstep.procs.api.binance.parameters import Parameters
from lockstep.procs.api.history.pages import MOST_ROWS
from lockstep.procs.api.moments import first_ns, last_ns
from lockstep.procs.api.read.pages import EVER_NS, Page

DEFAULT_ROWS = 500
MOST_SPAN_NS = 24 * 3600 * 10**9


def read_limit(sent: Parameters) -> int:
    """How many rows a page has at most. ApiError."""
    return min(sent.integer(b"limit", 1, 2**31) or DEFAULT_ROWS, MOST_ROWS)


def read_page(sent: Parameters, first_name: bytes) -> Page:
    """From startTime, endTime and limit, and the id in `first_name`, which leaves times out. ApiError."""
    begin = sent.integer(b"startTime", 0, 2**53, 0) or 0
    end = sent.integer(b"endTime", 0, 2**53)
    limit = read_limit(sent)
    first = sent.integer(first_name, 0, 2**63 - 1)
    if first is not None:
        return Page(max(first, 1), 0, EVER_NS, limit)
    begin_ns = first_ns(begin)
    if begin and end is not None and first_ns(end) - begin_ns > MOST_SPAN_NS:
        raise ApiError(400, Number.INTERVAL_TOO_LARGE, "More than 24 hours between startTime and endTime.")
    return Page(0, begin_ns, EVER_NS if end is None else last_ns(end), limit)
