"""A market-data reader: prints the trades and the best prices of one instrument as they change.

    python docs/examples/market_data.py [PORT [SYMBOL]]

It needs `websockets`. The streams speak the dialect of Binance's (docs/protocols/websocket.md).
"""

from __future__ import annotations

import asyncio
import json
import sys

import websockets


async def main(port: int = 8081, symbol: str = "btcusdt") -> None:
    streams = f"{symbol}@trade/{symbol}@bookTicker"
    async with websockets.connect(f"ws://127.0.0.1:{port}/stream?streams={streams}") as feed:
        async for message in feed:
            data = json.loads(message)["data"]
            if data.get("e") == "trade":
                print(f"{data['s']} trade {data['q']} at {data['p']}", flush=True)
            else:
                print(f"{data['s']} bid {data['B']} at {data['b']}, ask {data['A']} at {data['a']}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*(kind(argument) for kind, argument in zip((int, str), sys.argv[1:], strict=False))))
