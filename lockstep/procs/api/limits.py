"""Limits that all dialects share: request weight per minute and address, new orders per account.

Times are given and nothing waits: a request is counted, or refused with the seconds after which to try again. Memory is
bounded, and no request takes longer because there are many addresses.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

from lockstep.config.schema import ApiSection
from lockstep.core.edge.party import party_of
from lockstep.procs.api.errors import DeclinedError, Reason

MINUTE_S = 60
ORDERS_SHORT_S = 10
DAY_S = 86_400
MOST_KEPT = 65_536  # addresses, or accounts
PATIENCE = 100  # requests that a limited address may go on with in a window before it is banned
FIRST_BAN_S = 120
LONGEST_BAN_S = 3 * DAY_S
BANS_KEPT_S = DAY_S  # so long after a ban the next one is longer
MOST_BANS = 16  # that count: the longest has come long before
NO_LIMIT = 2**62
_Kept = TypeVar("_Kept")


class Limits:
    """Those of the configuration."""

    def __init__(self, config: ApiSection) -> None:
        self.weights = WeightLimit(config.request_weight_per_minute or NO_LIMIT)
        self.orders = OrderLimit(config.orders_per_10_s or NO_LIMIT, config.orders_per_day or NO_LIMIT)


class WeightLimit:
    """Request weight per minute of each address; one that goes on when it is refused is banned, longer each time.

    All minutes begin together, so what the last one used is forgotten at once; bans are kept apart.
    """

    def __init__(self, limit: int, most_kept: int = MOST_KEPT) -> None:
        self.limit = limit
        self._most_kept = most_kept
        self._minute = 0
        self._used: dict[Hashable, int] = {}
        self._refused: dict[Hashable, int] = {}
        self._bans: dict[Hashable, tuple[float, int]] = {}  # until when, and which one it is

    def __len__(self) -> int:
        return max(len(self._used), len(self._refused), len(self._bans))

    def take(self, address: str, weight: int, now_s: float) -> int:
        """Count a request and return what its party has used in this minute, with it. DeclinedError."""
        address = party_of(address)
        until_s, bans = self._ban_of(address, now_s)
        if now_s < until_s:
            raise _banned(until_s, now_s)
        used = self._used_by(address, now_s) + weight
        if used > self.limit:
            raise self._refuse(address, bans, now_s)
        _put(self._used, address, used, self._most_kept)
        return used

    def _used_by(self, address: Hashable, now_s: float) -> int:
        minute = int(now_s // MINUTE_S)
        if minute != self._minute:
            self._minute = minute
            self._used.clear()
            self._refused.clear()
        return self._used.get(address, 0)

    def _ban_of(self, address: Hashable, now_s: float) -> tuple[float, int]:
        until_s, bans = self._bans.get(address, (0.0, 0))
        if bans and now_s >= until_s + BANS_KEPT_S:
            del self._bans[address]
            return 0.0, 0
        return until_s, bans

    def _refuse(self, address: Hashable, bans: int, now_s: float) -> DeclinedError:
        """What an address is told that has used up its minute; a ban, if it was told so too often."""
        refused = self._refused.get(address, 0) + 1
        if refused <= PATIENCE:
            _put(self._refused, address, refused, self._most_kept)
            wait_s = MINUTE_S - now_s % MINUTE_S
            return DeclinedError(Reason.TOO_MUCH_WEIGHT, retry_after=_seconds(wait_s), limit=self.limit)
        until_s = now_s + min(FIRST_BAN_S * 2**bans, LONGEST_BAN_S)
        _put(self._bans, address, (until_s, min(bans + 1, MOST_BANS)), self._most_kept)
        return _banned(until_s, now_s)


class OrderLimit:
    """New orders of each account per ten seconds and per day."""

    def __init__(self, short_limit: int, day_limit: int, most_kept: int = MOST_KEPT) -> None:
        self.short_limit = short_limit
        self.day_limit = day_limit
        self._most_kept = most_kept
        self._day = 0
        self._counts: dict[Hashable, tuple[int, int, int]] = {}  # which ten seconds, new orders in them, and in the day

    def __len__(self) -> int:
        return len(self._counts)

    def take(self, account: Hashable, orders: int, now_s: float) -> tuple[int, int]:
        """Count new orders and return how many there were in these ten seconds and on this day. DeclinedError."""
        short, day = self.counts(account, now_s)
        for count, limit, interval, length_s in (
            (short, self.short_limit, "10 SECOND", ORDERS_SHORT_S), (day, self.day_limit, "1 DAY", DAY_S)
        ):  # fmt: skip
            if count + orders > limit:
                wait_s = _seconds(length_s - now_s % length_s)
                raise DeclinedError(Reason.TOO_MANY_ORDERS, retry_after=wait_s, limit=limit, interval=interval)
        counted = int(now_s // ORDERS_SHORT_S), short + orders, day + orders
        _put(self._counts, account, counted, self._most_kept)
        return counted[1:]

    def counts(self, account: Hashable, now_s: float) -> tuple[int, int]:
        """How many there were so far."""
        day = int(now_s // DAY_S)
        if day != self._day:
            self._day = day
            self._counts.clear()
        window, short, whole = self._counts.get(account, (0, 0, 0))
        return (short if window == int(now_s // ORDERS_SHORT_S) else 0), whole


def _put(kept: dict[Hashable, _Kept], key: Hashable, value: _Kept, most: int) -> None:
    """Set a value; where there are too many, that which came first makes room."""
    if key not in kept and len(kept) >= most:
        del kept[next(iter(kept))]
    kept[key] = value


def _seconds(wait_s: float) -> int:
    """Whole seconds that are enough."""
    return int(wait_s) + 1


def _banned(until_s: float, now_s: float) -> DeclinedError:
    return DeclinedError(Reason.ADDRESS_BANNED, retry_after=_seconds(until_s - now_s), until_ms=int(1000 * until_s))
