"""Run in python-binance's environment: carries out orders that come as JSON lines; see players.py."""

import asyncio
import json
import sys

from binance import AsyncClient, BinanceSocketManager
from trade_python_binance import event

SYMBOL = "ETHUSDT"


async def main():
    client = await AsyncClient.create(f"{sys.argv[2]}-demo-key", f"{sys.argv[2]}-demo-secret")
    async with BinanceSocketManager(client).user_socket() as own:
        symbols = (await client.get_exchange_info())["symbols"]
        print(json.dumps(sorted(f"{each['baseAsset']}/{each['quoteAsset']}" for each in symbols)), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            side, quantity, price = json.loads(line)
            order = await client.create_order(
                symbol=SYMBOL, side=side, type="LIMIT", timeInForce="GTC", quantity=quantity, price=price
            )
            print(json.dumps(order["orderId"]), flush=True)
            told = await event(own, "executionReport", i=order["orderId"], X="FILLED")
            print(json.dumps([float(told["z"]), float(told["Z"]) / float(told["z"])]), flush=True)
    await client.close_connection()


asyncio.run(main())
