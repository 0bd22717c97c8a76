"""Candles' intervals: what each is made of, and where they begin. Times are microseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONDAY = datetime(1970, 1, 5, tzinfo=UTC)  # where weeks are counted from
MONTH = "1M"
MINUTE_US = 60_000_000
# Each interval's length, and the stored interval that it is made of.
INTERVALS: dict[str, tuple[timedelta, str]] = {
    "1s": (timedelta(seconds=1), "1s"), "1m": (timedelta(minutes=1), "1m"), "3m": (timedelta(minutes=3), "1m"),
    "5m": (timedelta(minutes=5), "5m"), "15m": (timedelta(minutes=15), "5m"), "30m": (timedelta(minutes=30), "5m"),
    "1h": (timedelta(hours=1), "1h"), "2h": (timedelta(hours=2), "1h"), "4h": (timedelta(hours=4), "1h"),
    "6h": (timedelta(hours=6), "1h"), "8h": (timedelta(hours=8), "1h"), "12h": (timedelta(hours=12), "1h"),
    "1d": (timedelta(days=1), "1d"), "3d": (timedelta(days=3), "1d"), "1w": (timedelta(weeks=1), "1d"),
    MONTH: (timedelta(days=31), "1d"),
}  # fmt: skip


STORED = ("1d", "1h", "5m", "1m")  # that sums are made of, the longest first
Piece = tuple[str, int, int]  # a stored interval, and from when until when its candles count


class Bins:
    """Where the intervals of a name begin, in microseconds since 1970, by clocks `offset` minutes ahead of UTC."""

    def __init__(self, interval: str, offset: int = 0) -> None:
        self._length = INTERVALS[interval][0] // timedelta(microseconds=1)
        self._ahead = offset * MINUTE_US
        self._origin = us_of(origin_of(interval)) - self._ahead
        self._is_month = interval == MONTH
        self.is_shifted = bool(offset) if self._is_month else self._ahead % self._length != 0

    def begin(self, time_us: int) -> int:
        """The beginning of the interval with this time in it."""
        if self._is_month:
            local = time_of(time_us + self._ahead)
            return us_of(local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)) - self._ahead
        return time_us - (time_us - self._origin) % self._length

    def at_or_after(self, time_us: int) -> int:
        """The first beginning from a time on."""
        begins = self.begin(time_us)
        return begins if begins == time_us else self.forward(begins, 1)

    def forward(self, begins: int, count: int) -> int:
        """The beginning so many intervals later, or earlier, than another."""
        if not self._is_month:
            return begins + count * self._length
        time = time_of(begins + self._ahead)
        month = max(12, time.year * 12 + time.month - 1 + count)
        return us_of(time.replace(year=month // 12, month=month % 12 + 1)) - self._ahead


def pieces(begins: int, ends: int, stored: tuple[str, ...] = STORED) -> list[Piece]:
    """A span between two minutes, as few stored candles: the longest ones in the middle."""
    name, *shorter = stored
    length = INTERVALS[name][0] // timedelta(microseconds=1)
    first, last = -(-begins // length) * length, ends // length * length
    if first >= last:
        return pieces(begins, ends, tuple(shorter)) if begins < ends else []
    around = [pieces(begins, first, tuple(shorter)), pieces(last, ends, tuple(shorter))] if shorter else [[], []]
    return [*around[0], (name, first, last), *around[1]]


def origin_of(interval: str) -> datetime:
    return MONDAY if interval == "1w" else EPOCH


def time_of(time_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=time_us)


def us_of(time: datetime) -> int:
    return (time - EPOCH) // timedelta(microseconds=1)
