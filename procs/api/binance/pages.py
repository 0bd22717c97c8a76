"""Which rows of a list a client asked for: from an id on, in a span of time, or the last ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from procs.api.binance.errors import ApiError, Number
from procs.api.binance.parameters import Parameters
from procs.api.moments import first_ns, last_ns

MOST_ROWS = 1000
DEFAULT_ROWS = 500
EVER_NS = 2**63 - 1
MOST_SPAN_NS = 24 * 3600 * 10**9
T = TypeVar("T")


class Page(msgspec.Struct, frozen=True):
    """Ids from `first` on, times from `begin_ns` to `end_ns`; with neither a first id nor a beginning the last ones."""

    first: int
    begin_ns: int
    end_ns: int
    limit: int

    @property
    def is_forward(self) -> bool:
        """Whether it begins somewhere; else it ends with the newest."""
        return self.first > 0 or self.begin_ns > 0

    def cut(self, rows: Sequence[T]) -> Sequence[T]:
        """As many of all rows that match as the page has."""
        return rows[: self.limit] if self.is_forward else rows[-self.limit :]

    @property
    def since_us(self) -> int | None:
        """Where its span begins, rounded down, in microseconds; None without a beginning."""
        return self.begin_ns // 1000 or None

    @property
    def until_us(self) -> int | None:
        """The last microsecond of its span; None without an end."""
        return None if self.end_ns == EVER_NS else self.end_ns // 1000


def read_page(sent: Parameters, first_name: bytes) -> Page:
    """From startTime, endTime and limit, and the id in `first_name`, which leaves times out. ApiError."""
    begin = sent.integer(b"startTime", 0, 2**53, 0) or 0
    end = sent.integer(b"endTime", 0, 2**53)
    limit = sent.integer(b"limit", 1, 2**31, DEFAULT_ROWS) or DEFAULT_ROWS
    first = sent.integer(first_name, 0, 2**63 - 1)
    if first is not None:
        return Page(max(first, 1), 0, EVER_NS, min(limit, MOST_ROWS))
    begin_ns = first_ns(begin)
    if begin and end is not None and first_ns(end) - begin_ns > MOST_SPAN_NS:
        raise ApiError(400, Number.INTERVAL_TOO_LARGE, "More than 24 hours between startTime and endTime.")
    return Page(0, begin_ns, EVER_NS if end is None else last_ns(end), min(limit, MOST_ROWS))
