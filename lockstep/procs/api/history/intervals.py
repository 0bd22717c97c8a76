"""Where candles' intervals begin, and which stored candles they are made of. Times are microseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lockstep.core.rules.intervals import MONTH, SECONDS, STORED

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONDAY = datetime(1970, 1, 5, tzinfo=UTC)  # where weeks are counted from
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
PARTS = STORED[:0:-1]  # the stored intervals that sums are made of, the longest first
Piece = tuple[str, int, int]  # a stored interval, and from when until when its candles count


class Bins:
    """Where the intervals of a name begin, in microseconds since 1970, by clocks `offset` minutes ahead of UTC."""

    def __init__(self, interval: str, offset: int = 0) -> None:
        self._length = SECONDS[interval] * SECOND_US
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


def pieces(begins: int, ends: int, stored: tuple[str, ...] = PARTS) -> list[Piece]:
    """A span between two minutes, as few stored candles: the longest ones in the middle."""
    name, *shorter = stored
    length = SECONDS[name] * SECOND_US
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
