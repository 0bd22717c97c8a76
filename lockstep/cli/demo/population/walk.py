"""What an instrument is worth: a random walk with calm and wild times, jumps, and a home that it comes back to."""

from __future__ import annotations

from lockstep.cli.demo.population.chance import Chance

FINE = 1 << 32  # parts of a tick
BILLION = 10**9
# How far a turn goes, in billionths of the price: a year at `USUAL` is some 45 %.
CALM, USUAL, WILD = 10_000, 25_000, 70_000
MOODS = ((CALM, 250), (USUAL, 300), (USUAL, 300), (WILD, 60))  # and how many turns each lasts, more or less
SMOOTH = 8  # turns until a mood is felt
JUMP_ODDS = 1_200  # turns between two jumps, on average
JUMP = (100_000, 600_000)  # billionths
HOME_TURNS = 864_000  # a day: how long it takes to come back
SWING = 1_732  # a Chance.swing of this is 500 wide on average: (SWING / sqrt(3)) / sqrt(4)
WIDTH = 500


class Walk:
    """`step` once a turn. It is never below one tick."""

    def __init__(self, price_ticks: int, anchor_ticks: int, chance: Chance) -> None:
        self._at = price_ticks * FINE
        self._anchor = anchor_ticks * FINE
        self._chance = chance
        self._width = self._mood = USUAL
        self._mood_turns = 0

    @property
    def ticks(self) -> int:
        """The price, in whole ticks."""
        return max(1, (self._at + FINE // 2) // FINE)

    def step(self) -> None:
        """A turn passes."""
        self._feel()
        billionths = self._width * self._chance.swing(SWING) // WIDTH
        if self._chance.one_in(JUMP_ODDS):
            jump = self._chance.between(*JUMP)
            billionths += jump if self._chance.below(2) else -jump
            self._mood, self._mood_turns = WILD, MOODS[-1][1]
        homewards = (self._anchor - self._at) // HOME_TURNS
        self._at = max(FINE, self._at + self._at * billionths // BILLION + homewards)

    def _feel(self) -> None:
        """Moods last, and come on slowly: large steps follow large steps."""
        self._mood_turns -= 1
        if self._mood_turns < 0:
            self._mood, turns = MOODS[self._chance.below(len(MOODS))]
            self._mood_turns = self._chance.between(turns // 2, 2 * turns)
        self._width += (self._mood - self._width) // SMOOTH
