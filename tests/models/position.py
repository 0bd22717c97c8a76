"""A position at average cost, after docs/protocols/database.md: the simplest that can be right, in whole units."""

from __future__ import annotations


class Position:
    """What an account has of an instrument; nothing at first."""

    def __init__(self) -> None:
        self.quantity = self.cost = self.realised = self.fills = 0

    def fill(self, change: int, value: int) -> None:
        """Buy (or, below 0, sell) a quantity for so much money."""
        side = 1 if change > 0 else -1 if change < 0 else 0
        if self.quantity * side >= 0:
            self.cost += side * value
        elif abs(change) <= abs(self.quantity):
            part = toward_zero(self.cost * abs(change), abs(self.quantity))
            self.cost -= part
            self.realised -= side * value + part
        else:
            part = toward_zero(value * abs(self.quantity), abs(change))
            self.realised -= side * part + self.cost
            self.cost = side * (value - part)
        self.quantity += change
        self.fills += 1


def toward_zero(dividend: int, divisor: int) -> int:
    return abs(dividend) // divisor * (1 if dividend >= 0 else -1)
