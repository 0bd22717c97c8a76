"""What the population knows of a market, and what it makes of it."""

from __future__ import annotations

from lockstep.cli.demo.population.chance import Chance
from lockstep.cli.demo.population.walk import Walk
from lockstep.cli.demo.population.words import Listed, Opened, Quoted, Traded

# What makers quote around stands still until the walk is further away from it than this, in 1/100,000 of the price: so
# prices rest, and then move, as they do where people look at them.
STANDS = 6
FAST, SLOW = 8, 64  # trades that the two averages look back
FINE = 1 << 16


class Market:
    """`fair_ticks` is what makers quote around; `trend` how much more the last trades cost than those before, in ticks;
    `bid_ticks` and `ask_ticks` are the best prices, 0 where nobody offers."""

    def __init__(self, listed: Listed, chance: Chance) -> None:
        self.symbol = listed.symbol
        self.usual_lots = listed.usual_lots
        self.bid_ticks = self.ask_ticks = 0
        self.trades = True
        self.collects = False
        self._walk = Walk(listed.price_ticks, listed.anchor_ticks, chance)
        self.fair_ticks = self._walk.ticks
        self._fast = self._slow = 0

    @property
    def trend(self) -> int:
        return (self._fast - self._slow) // FINE

    def step(self) -> None:
        """A turn passes. Where nothing trades its worth stands still, too."""
        if not self.trades:
            return
        self._walk.step()
        if abs(self._walk.ticks - self.fair_ticks) > max(1, self.fair_ticks * STANDS // 100_000):
            self.fair_ticks = self._walk.ticks

    def hears(self, event: Quoted | Traded | Opened) -> None:
        """What its market data say."""
        match event:
            case Quoted(bid_ticks=bid, ask_ticks=ask):
                self.bid_ticks, self.ask_ticks = bid, ask
            case Traded(price_ticks=price):
                price *= FINE
                if not self._slow:
                    self._fast = self._slow = price
                self._fast += (price - self._fast) // FAST
                self._slow += (price - self._slow) // SLOW
            case Opened(trades=trades, collects=collects):
                self.trades, self.collects = trades, collects
