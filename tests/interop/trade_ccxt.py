"""Run in ccxt's environment: two accounts trade, over REST and WebSocket; prints what they saw as JSON.

python trade_ccxt.py http://127.0.0.1:PORT
"""

import asyncio
import json
import sys

import ccxt
import ccxt.pro

HTTP = sys.argv[1]
WS = HTTP.replace("http", "ws", 1)


def pointed(maker, name):
    """A client of an account, of which only URLs and keys are the venue's."""
    client = maker(
        {
            "apiKey": f"{name}-demo-key",
            "secret": f"{name}-demo-secret",
            "options": {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "fetchMargins": False},
        }
    )
    api = client.urls["api"]
    api["public"] = api["private"] = f"{HTTP}/api/v3"
    api["sapi"] = f"{HTTP}/sapi/v1"
    if "ws" in api:
        api["ws"]["spot"] = f"{WS}/ws"
        api["ws"]["ws-api"]["spot"] = f"{WS}/ws-api/v3"
    return client


def by_rest():
    maker, taker = pointed(ccxt.binance, "TRADER1"), pointed(ccxt.binance, "TRADER2")
    markets = maker.load_markets()
    resting = maker.create_limit_buy_order("BTC/USDT", 0.01, 60000)
    taken = taker.create_market_sell_order("BTC/USDT", 0.004)
    seen = {
        "markets": sorted(markets),
        "resting": resting["status"],
        "taken": [taken["status"], taken["filled"], taken["average"]],
        "filled": maker.fetch_order(resting["id"], "BTC/USDT")["filled"],
        "trades": [trade["amount"] for trade in maker.fetch_my_trades("BTC/USDT")],
        "last": maker.fetch_ticker("BTC/USDT")["last"],
        "candle": maker.fetch_ohlcv("BTC/USDT", "1h")[-1][1:],
        "bid": maker.fetch_order_book("BTC/USDT")["bids"][0],
        "used": maker.fetch_balance()["USDT"]["used"],
        "cancelled": maker.cancel_order(resting["id"], "BTC/USDT")["status"],
        "open": maker.fetch_open_orders("BTC/USDT"),
    }
    for wrong, call in (
        ("poor", lambda: taker.create_limit_buy_order("BTC/USDT", 9000, 60000)),
        ("unknown", lambda: taker.cancel_order("123456789", "BTC/USDT")),
        ("post_only", lambda: post_only(maker, taker)),
    ):
        try:
            call()
        except ccxt.BaseError as error:
            seen[wrong] = type(error).__name__
    return seen


def post_only(maker, taker):
    maker.create_limit_buy_order("SOL/USDT", 1, 100)
    taker.create_order("SOL/USDT", "limit", "sell", 1, 100, {"postOnly": True})


async def by_websocket():
    maker, taker = pointed(ccxt.pro.binance, "TRADER1"), pointed(ccxt.pro.binance, "TRADER2")
    await maker.load_markets()
    watching = {
        "orders": asyncio.create_task(maker.watch_orders("ETH/USDT")),
        "book": asyncio.create_task(maker.watch_order_book("ETH/USDT")),
        "trades": asyncio.create_task(maker.watch_trades("ETH/USDT")),
    }
    while len(maker.clients) < 2 or not all(client.connected.done() for client in maker.clients.values()):
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)  # for its requests to subscribe, whose answers ccxt keeps to itself
    order = await maker.create_order_ws("ETH/USDT", "limit", "buy", 0.1, 3000)
    orders = await asyncio.wait_for(watching["orders"], 20)
    await taker.create_order("ETH/USDT", "market", "sell", 0.02)
    trades = await asyncio.wait_for(watching["trades"], 20)
    await asyncio.wait_for(watching["book"], 20)
    book = await asyncio.wait_for(maker.watch_order_book("ETH/USDT"), 20)
    await maker.cancel_order_ws(order["id"], "ETH/USDT")
    await maker.close()
    await taker.close()
    return {
        "order": order["status"],
        "told": orders[0]["id"] == order["id"],
        "trade": [trades[0]["price"], trades[0]["amount"]],
        "book": len(book["bids"]) > 0,
    }


print(json.dumps({"rest": by_rest(), "websocket": asyncio.run(by_websocket())}))
