"""Moments as clients send them, bounded to what the venue's clock counts: nanoseconds since 1970 in 63 bits.

A bound beyond that is as good as the last moment of the clock, in 2262: nothing happens later.
"""

from __future__ import annotations

LATEST_MS = 253_402_300_799_999  # the last moment of the year 9999, which clients send for "ever"
LAST_MS = 2**63 // 10**6 - 1
LAST_NS = LAST_MS * 10**6 + 999_999
MIN_US = 10**14  # times are milliseconds, or microseconds where they are too large for that


def first_ns(moment: int) -> int:
    """Return the first nanosecond of a millisecond, or of a microsecond, since 1970."""
    return min(moment * _unit_ns(moment), LAST_NS)


def last_ns(moment: int) -> int:
    """Return the last nanosecond of a millisecond, or of a microsecond, since 1970."""
    return min((moment + 1) * _unit_ns(moment) - 1, LAST_NS)


def _unit_ns(moment: int) -> int:
    return 1_000_000 if moment < MIN_US else 1000
