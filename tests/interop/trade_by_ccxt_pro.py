"""Run in ccxt's environment: carries out orders that come as JSON lines, by WebSockets; see players.py"""

import asyncio
import json
import sys

import ccxt.pro
from trade_ccxt import pointed

SYMBOL = "ETH/USDT"


class Player:
    def __init__(self, client):
        self.client = client
        self.orders = {}
        self.changed = asyncio.Event()

    async def watch(self):
        while True:
            for order in await self.client.watch_orders(SYMBOL):
                self.orders[order["id"]] = dict(order)
            self.changed.set()

    async def until_closed(self, order_id):
        while self.orders.get(order_id, {}).get("status") != "closed":
            self.changed.clear()
            await self.changed.wait()
        return self.orders[order_id]

    async def until_watching(self):
        """ccxt keeps to itself that it has subscribed: order something until it tells of it."""
        while not self.orders:
            order = await self.client.create_order_ws(SYMBOL, "limit", "buy", 0.01, 1)
            await self.client.cancel_order_ws(order["id"], SYMBOL)
            await asyncio.sleep(0.1)  # its news come by themselves


async def main():
    client = pointed(ccxt.pro.binance, sys.argv[2])
    player = Player(client)
    markets = await client.load_markets()
    watching = asyncio.create_task(player.watch())
    await player.until_watching()
    print(json.dumps(sorted(markets)), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        side, quantity, price = json.loads(line)
        order = await client.create_order_ws(SYMBOL, "limit", side.lower(), quantity, price)
        print(json.dumps(order["id"]), flush=True)
        order = await player.until_closed(order["id"])
        print(json.dumps([order["filled"], order["average"]]), flush=True)
    watching.cancel()
    await client.close()


asyncio.run(main())
