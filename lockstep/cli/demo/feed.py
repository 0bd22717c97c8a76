"""A venue's market data as the population hears them: best prices, trades and phases, over one WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from lockstep.cli.demo.population.words import Event, Opened, Quoted, Traded
from lockstep.cli.demo.steps import Steps

STREAMS = ("bookTicker", "trade", "phase")
COLLECTS = ("PRE_OPEN", "OPENING_AUCTION", "VOLATILITY_AUCTION", "CLOSING_AUCTION")
OPEN_S = 10.0
RETRY_S = 0.5
MOST_BYTES = 1 << 20


class Data(Struct):
    """The fields of all three kinds of messages that the population needs, by the venue's names."""

    s: str = ""  # a serverShutdown has no symbol
    b: str = "0"
    a: str = "0"
    p: str = "0"
    e: str = ""


class Told(Struct):
    """A message of a combined stream."""

    data: Data


class Feed:
    """`trades` counts those that it has seen; `last` are their last prices, by symbol."""

    def __init__(self, url: str, steps: Mapping[str, Steps], hears: Callable[[Event], None]) -> None:
        streams = "/".join(f"{symbol.lower()}@{stream}" for symbol in steps for stream in STREAMS)
        self._url = f"{url}/stream?streams={streams}"
        self._steps = steps
        self._hears = hears
        self._decode = msgspec.json.Decoder(Told).decode
        self.trades = 0
        self.last: dict[str, str] = {}

    async def follow(self) -> None:
        """Tell what comes, over any number of connections, until it is cancelled. While there is none, no market is
        open to the population."""
        while True:
            try:
                async with connect(self._url, open_timeout=OPEN_S, compression=None, max_size=MOST_BYTES) as socket:
                    async for message in socket:
                        self._tell(self._decode(message).data)
            except (OSError, TimeoutError, WebSocketException):
                pass  # the members say that the venue is away
            for symbol in self._steps:
                self._hears(Opened(symbol, trades=False))
            await asyncio.sleep(RETRY_S)  # only trying again tells whether the venue is back

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
