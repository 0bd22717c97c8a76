"""Texts of the configuration as whole numbers."""

from __future__ import annotations


def seconds_of_day(text: str) -> int:
    """Seconds after midnight of a time such as "08:30" or "08:30:15"."""
    hours, minutes, seconds = (int(part) for part in (*text.split(":"), "0")[:3])
    return hours * 3600 + minutes * 60 + seconds
