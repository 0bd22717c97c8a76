"""All trades of an instrument, however old, and then those that come: none missing, and none twice.

    python docs/examples/trades.py [PORT [SYMBOL [FIRST]]]

FIRST is the id to begin at.
"""

from __future__ import annotations

import asyncio
import sys

from lockstep import Binance, Market


async def main(port: int = 8080, symbol: str = "BTCUSDT", first: int = 1) -> None:
    market = Market(f"ws://127.0.0.1:{port}", Binance(f"http://127.0.0.1:{port}"))
    async for trade in market.trades(symbol, first):
        print(f"{trade.id} {trade.qty:f} at {trade.price:f}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*(kind(argument) for kind, argument in zip((int, str, int), sys.argv[1:], strict=False))))
