"""Numbers of things as people say them."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Return a number of things, in English."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
