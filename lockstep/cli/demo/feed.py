"""A venue's market data as the population hears them: best prices, trades and phases, over one WebSocket."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from lockstep import Market
from lockstep.cli.demo.population.words import Event, Opened, Quoted, Traded
from lockstep.cli.demo.steps import Steps
from lockstep.client.decoding import from_builtins
from lockstep.client.market import CUT

STREAMS = ("bookTicker", "trade", "phase")
COLLECTS = ("PRE_OPEN", "OPENING_AUCTION", "VOLATILITY_AUCTION", "CLOSING_AUCTION")


class Data(Struct):
    """The fields of all three kinds of messages that the population needs, by the venue's names."""

    s: str = ""  # a serverShutdown has no symbol
    b: str = "0"
    a: str = "0"
    p: str = "0"
    e: str = ""


class Feed:
    """`trades` counts those that it has seen; `last` are their last prices, by symbol."""

    def __init__(self, url: str, steps: Mapping[str, Steps], hears: Callable[[Event], None]) -> None:
        self._market = Market(url)
        self._steps = steps
        self._hears = hears
        self.trades = 0
        self.last: dict[str, str] = {}

    async def follow(self) -> None:
        """Tell what comes, over any number of connections, until it is cancelled. While there is none, no market is
        open to the population."""
        async for told in self._market.messages(
            f"{symbol.lower()}@{stream}" for symbol in self._steps for stream in STREAMS
        ):
            if told is CUT:  # the members say that the venue is away
                for symbol in self._steps:
                    self._hears(Opened(symbol, trades=False))
            elif told.stream:
                self._tell(from_builtins(told.data, Data))

    def _tell(self, data: Data) -> None:
        if not data.s:
            return
        steps = self._steps[data.s]
        match data.e:
            case "":
                self._hears(Quoted(data.s, steps.tick.count(data.b), steps.tick.count(data.a)))
            case "trade":
                price = steps.tick.count(data.p)
                self.trades += 1
                self.last[data.s] = steps.tick.text(price)
                self._hears(Traded(data.s, price))
            case "phase":
                self._hears(Opened(data.s, trades=data.p == "CONTINUOUS", collects=data.p in COLLECTS))
