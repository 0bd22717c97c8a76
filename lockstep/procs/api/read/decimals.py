"""Whole numbers of steps or units as the exact decimals of answers, for what is not asked for by the thousand."""

from __future__ import annotations

LEAST_DECIMALS = 8


def decimal(units: int, scale: int, least: int = LEAST_DECIMALS) -> str:
    """`units / 10 ** scale` with all its decimals, at least `least`."""
    sign = "-" if units < 0 else ""
    whole, fraction = divmod(abs(units), 10**scale)
    decimals = (f"{fraction:0{scale}d}" if scale else "").ljust(least, "0")
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"
