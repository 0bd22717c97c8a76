"""Decimal texts of the configuration as whole numbers of smallest units.

It is exact or it raises: nothing here rounds, and no float is involved.
"""

from __future__ import annotations

from fractions import Fraction


class InexactError(ValueError):
    """The amount is not a whole number of the unit."""


def in_units(amount: str, scale: int) -> int:
    """`amount` (a decimal text) in units of 10**-scale. InexactError if it has more decimals than that."""
    units: Fraction = Fraction(amount) * 10**scale
    if units.denominator != 1:
        raise InexactError(f"{amount} has more than {scale} decimals")
    return units.numerator


def in_steps(amount: str, step: str) -> int:
    """How many times `step` goes into `amount`. InexactError if it doesn't go in evenly."""
    steps = Fraction(amount) / Fraction(step)
    if steps.denominator != 1:
        raise InexactError(f"{amount} is not a multiple of {step}")
    return steps.numerator


def unit_value(tick: str, lot: str, quote_scale: int) -> int:
    """What one tick times one lot is worth in the quote asset's smallest units; InexactError if it is not whole."""
    value: Fraction = Fraction(tick) * Fraction(lot) * 10**quote_scale
    if value.denominator != 1:
        raise InexactError(
            f"tick {tick} x lot {lot} is no multiple of the quote asset's smallest unit, 1e-{quote_scale}"
        )
    return value.numerator


def seconds_of_day(text: str) -> int:
    """Seconds after midnight of a time such as "08:30" or "08:30:15"."""
    hours, minutes, seconds = (int(part) for part in (*text.split(":"), "0")[:3])
    return hours * 3600 + minutes * 60 + seconds
