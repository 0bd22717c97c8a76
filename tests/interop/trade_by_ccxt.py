"""Run in ccxt's environment: carries out orders that come as JSON lines, over REST; see players.py."""

import json
import sys
import time

import ccxt
from trade_ccxt import pointed

SYMBOL = "ETH/USDT"


def main():
    client = pointed(ccxt.binance, sys.argv[2])
    print(json.dumps(sorted(client.load_markets())), flush=True)
    for line in sys.stdin:
        side, quantity, price = json.loads(line)
        order = client.create_order(SYMBOL, "limit", side.lower(), quantity, price)
        print(json.dumps(order["id"]), flush=True)
        while order["status"] == "open":
            time.sleep(0.02)  # this client polls: REST tells nothing by itself
            order = client.fetch_order(order["id"], SYMBOL)
        print(json.dumps([order["filled"], order["average"]]), flush=True)


main()
