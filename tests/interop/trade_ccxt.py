"""Run in ccxt's environment: two accounts trade over REST; prints what they saw as JSON.

python trade_ccxt.py http://127.0.0.1:PORT
"""

import json
import re
import sys

import ccxt

HTTP = sys.argv[1]
WS = HTTP.replace("http", "ws", 1)


def pointed(maker, name):
    """A client of an account, of which only URLs and keys are the venue's."""
    client = maker({"apiKey": f"{name}-demo-key", "secret": f"{name}-demo-secret"})
    api = client.urls["api"]
    for part, url in api.items():
        if isinstance(url, str):
            api[part] = re.sub("https://[^/]+", HTTP, url)
    if "ws" in api:
        api["ws"]["spot"] = f"{WS}/ws"
        api["ws"]["ws-api"]["spot"] = f"{WS}/ws-api/v3"
    return client


def main():
    maker, taker = pointed(ccxt.binance, "TRADER1"), pointed(ccxt.binance, "TRADER2")
    markets = maker.load_markets()
    resting = maker.create_limit_buy_order("BTC/USDT", 0.01, 60000)
    taken = taker.create_market_sell_order("BTC/USDT", 0.004)
    seen = {
        "ping": maker.public_get_ping(),
        "clock": abs(maker.fetch_time() - maker.milliseconds()) < 10_000,
        "markets": sorted(markets),
        "resting": resting["status"],
        "taken": [taken["status"], taken["filled"], taken["average"]],
        "filled": maker.fetch_order(resting["id"], "BTC/USDT")["filled"],
        "trades": [trade["amount"] for trade in maker.fetch_my_trades("BTC/USDT")],
        "last": maker.fetch_ticker("BTC/USDT")["last"],
        "candle": maker.fetch_ohlcv("BTC/USDT", "1h")[-1][1:],
        "bid": maker.fetch_order_book("BTC/USDT")["bids"][0],
        "used": maker.fetch_balance()["USDT"]["used"],
        "edited": edited(maker, resting),
        "edited_used": maker.fetch_balance()["USDT"]["used"],
        "cancelled": [order["status"] for order in maker.cancel_all_orders("BTC/USDT")],
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
    print(json.dumps(seen))


def edited(maker, order):
    """By cancelReplace, which checks the balance of the caller's account."""
    made = maker.edit_order(order["id"], "BTC/USDT", "limit", "buy", 0.01, 59000)
    return [made["price"], made["amount"]]


def post_only(maker, taker):
    maker.create_limit_buy_order("SOL/USDT", 1, 100)
    taker.create_order("SOL/USDT", "limit", "sell", 1, 100, {"postOnly": True})


if __name__ == "__main__":
    main()
