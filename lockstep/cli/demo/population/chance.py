"""Random integers that a seed decides, on every machine and in every version of Python."""

from __future__ import annotations

import random

BITS = 32


class Chance:
    """Numbers drawn one after the other. `getrandbits` is what Python promises never to change for a seed."""

    def __init__(self, seed: str) -> None:
        self._bits = random.Random(seed).getrandbits

    def below(self, bound: int) -> int:
        """0 to `bound` - 1."""
        return self._bits(BITS) * bound >> BITS

    def between(self, least: int, most: int) -> int:
        """`least` to `most`, both included."""
        return least + self.below(most - least + 1)

    def one_in(self, odds: int) -> bool:
        """True once in so many times."""
        return self.below(odds) == 0

    def swing(self, size: int) -> int:
        """About zero, rarely as far from it as `size`, likely within a third of that: a sum of four throws."""
        return (sum(self.between(-size, size) for _ in range(4))) // 4

    def doublings(self, most: int) -> int:
        """0 half of the time, 1 a quarter, …: how often a coin shows heads in a row, at most so often."""
        return next((count for count in range(most) if self.below(2)), most)
