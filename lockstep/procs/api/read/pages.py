"""Which rows of a list a client asked for: from an id on, in a span of time, or the last ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

EVER_NS = 2**63 - 1
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
