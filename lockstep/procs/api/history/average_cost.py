"""A position at average cost, as docs/protocols/database.md has the formula, in whole units.

What the batcher keeps goes on here with fills that the database does not have yet.
"""

from __future__ import annotations


class AverageCost:
    """Signed quantity in the base asset's smallest units; cost and result in the quote asset's."""

    def __init__(self, quantity: int = 0, cost: int = 0, realised: int = 0, fills: int = 0) -> None:
        self.quantity = quantity
        self.cost = cost
        self.realised = realised
        self.fills = fills

    def fill(self, quantity: int, money: int) -> None:
        """Buy for so much money, or sell (a quantity below 0); both less fees."""
        side = 1 if quantity > 0 else -1 if quantity < 0 else 0
        size, had = abs(quantity), abs(self.quantity)
        if self.quantity * side >= 0:
            self.cost += side * money
        elif size <= had:
            part = _share(self.cost, size, had)
            self.cost -= part
            self.realised -= side * money + part
        else:
            part = _share(money, had, size)
            self.realised -= side * part + self.cost
            self.cost = side * (money - part)
        self.quantity += quantity
        self.fills += 1


def _share(amount: int, part: int, whole: int) -> int:
    """amount × part / whole, cut toward zero."""
    size = abs(amount) * part // whole
    return size if amount >= 0 else -size
