"""Run in ccxt's environment: everything of a market and an account is watched by ccxt.pro while two accounts trade.

python trade_ccxt_pro.py http://127.0.0.1:PORT

Prints what was seen as JSON, then waits for a line, whose writer has killed the api meanwhile, and prints what was seen
after that.
"""

import asyncio
import json
import sys

import ccxt
import ccxt.pro
from trade_ccxt import pointed

SYMBOL = "ETH/USDT"
PATIENCE_S = 40


class Watcher:
    """Watches by every means, each in a task of its own that goes on after errors of the network, as ccxt wants it."""

    def __init__(self, client):
        self.heard = {}
        self.tasks = [
            asyncio.create_task(self.watch(name, call))
            for name, call in {
                "trades": lambda: client.watch_trades(SYMBOL),
                "book": lambda: client.watch_order_book(SYMBOL),
                "candles": lambda: client.watch_ohlcv(SYMBOL, "1m"),
                "ticker": lambda: client.watch_ticker(SYMBOL),
                "tickers": lambda: client.watch_tickers([SYMBOL, "BTC/USDT"]),
                "best": lambda: client.watch_bids_asks([SYMBOL]),
                "orders": lambda: client.watch_orders(SYMBOL),
                "fills": lambda: client.watch_my_trades(SYMBOL),
                "balance": lambda: client.watch_balance(),
            }.items()
        ]

    async def watch(self, name, call):
        while True:
            try:
                self.heard[name] = await call()
            except ccxt.NetworkError:
                await asyncio.sleep(0.1)  # only trying again tells whether the venue is back

    async def stop(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def trade_until_heard(watcher, taker):
    """Sell a little again and again, until all of what is watched has told of it."""
    watcher.heard.clear()
    async with asyncio.timeout(PATIENCE_S):
        while len(watcher.heard) < len(watcher.tasks) or watcher.heard["ticker"]["last"] is None:
            try:
                await taker.create_order_ws(SYMBOL, "market", "sell", 0.01)
            except ccxt.NetworkError:
                continue  # it may have been executed
            finally:
                await asyncio.sleep(0.2)  # a trade now and then is enough to watch


async def told(watcher, maker, order):
    """What was watched, compared with what there is, once nothing happens any more and everything has arrived."""
    now = await maker.fetch_order(order["id"], SYMBOL)
    balance, book = await maker.fetch_balance(), await maker.fetch_order_book(SYMBOL)
    heard = watcher.heard
    async with asyncio.timeout(PATIENCE_S):
        while (
            heard["orders"][-1]["filled"] != now["filled"]
            or heard["book"]["bids"] != book["bids"]
            or heard["balance"]["ETH"]["total"] != balance["ETH"]["total"]
        ):
            await asyncio.sleep(0.05)  # what the tasks above have heard changes without a word
    return {
        "trade": [heard["trades"][-1]["price"], heard["trades"][-1]["amount"], heard["trades"][-1]["side"]],
        "bids": heard["book"]["bids"] == book["bids"],
        "candle": heard["candles"][-1][1:5],
        "ticker": heard["ticker"]["last"],
        "tickers": sorted(heard["tickers"]) in ([SYMBOL], ["BTC/USDT"]),
        "best": heard["best"][SYMBOL]["bid"],
        "order": [heard["orders"][-1]["id"] == order["id"], heard["orders"][-1]["status"]],
        "fill": [heard["fills"][-1]["order"] == order["id"], heard["fills"][-1]["takerOrMaker"]],
        "balance": [heard["balance"][asset]["total"] == balance[asset]["total"] for asset in ("ETH", "USDT")],
    }


async def fills(client, since):
    return [[trade["id"], trade["amount"]] for trade in await client.fetch_my_trades(SYMBOL, since)]


async def main():
    maker, taker = pointed(ccxt.pro.binance, "TRADER1"), pointed(ccxt.pro.binance, "TRADER2")
    await maker.load_markets()
    watcher = Watcher(maker)
    order = await maker.create_order_ws(SYMBOL, "limit", "buy", 1, 3000)
    await trade_until_heard(watcher, taker)
    print(json.dumps(await told(watcher, maker, order)), flush=True)

    await asyncio.to_thread(sys.stdin.readline)
    await trade_until_heard(watcher, taker)
    seen = await told(watcher, maker, order)
    await watcher.stop()
    since = order["timestamp"]
    seen["same_fills"] = await fills(maker, since) == await fills(taker, since)
    edited = await maker.edit_order_ws(order["id"], SYMBOL, "limit", "buy", 0.5, 2999)
    seen["open"] = [[each["price"], each["amount"]] for each in await maker.fetch_open_orders_ws(SYMBOL)]
    seen["cancelled"] = (await maker.cancel_order_ws(edited["id"], SYMBOL))["status"]
    print(json.dumps(seen))
    await maker.close()
    await taker.close()


asyncio.run(main())
