"""A market-data reader: prints the trades and the best prices of one instrument as they change.

    python docs/examples/market_data.py [PORT [SYMBOL]]

It reconnects by itself. The streams speak the dialect of Binance's (docs/protocols/websocket.md).
"""

from __future__ import annotations

import asyncio
import sys

from lockstep import Market


async def main(port: int = 8081, symbol: str = "btcusdt") -> None:
    market = Market(f"ws://127.0.0.1:{port}")
    async for told in market.messages([f"{symbol}@trade", f"{symbol}@bookTicker"]):
        match told.stream, told.data:
            case "", is_open:
                print("connected" if is_open else "the connection is lost", file=sys.stderr)
            case stream, data if stream.endswith("@trade"):
                print(f"{data['s']} trade {data['q']} at {data['p']}", flush=True)
            case _, data:
                print(f"{data['s']} bid {data['B']} at {data['b']}, ask {data['A']} at {data['a']}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*(kind(argument) for kind, argument in zip((int, str), sys.argv[1:], strict=False))))
