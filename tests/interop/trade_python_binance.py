"""Run in python-binance's environment: accounts trade by HMAC and by Ed25519; prints what they saw as JSON.

python trade_python_binance.py http://127.0.0.1:PORT FOLDER
"""

import asyncio
import hashlib
import json
import sys
from pathlib import Path

from binance import AsyncClient, BinanceSocketManager, DepthCacheManager
from binance.client import BaseClient, Client
from binance.exceptions import BinanceAPIException
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HTTP = sys.argv[1]
WS = HTTP.replace("http", "ws", 1)
BaseClient.API_URL = Client.API_URL = AsyncClient.API_URL = f"{HTTP}/api"
BaseClient.MARGIN_API_URL = Client.MARGIN_API_URL = AsyncClient.MARGIN_API_URL = f"{HTTP}/sapi"
BaseClient.WS_API_URL = AsyncClient.WS_API_URL = f"{WS}/ws-api/v3"
BinanceSocketManager.STREAM_URL = f"{WS}/"


def pem(name):
    """The demo key of an account, in a file as the library wants it."""
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"{name}-demo-ed25519".encode()).digest())
    file = Path(sys.argv[2]) / f"{name}.pem"
    plain = serialization.NoEncryption()
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return file


def by_rest(client):
    terms = {"symbol": "SOLUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    order = client.create_order(**terms, quantity="1", price="90.00")
    client.create_test_order(**terms, quantity="1", price="90.00")
    oco = client.create_oco_order(
        symbol="SOLUSDT", side="SELL", quantity="1", aboveType="LIMIT_MAKER", abovePrice="200", belowType="STOP_LOSS",
        belowStopPrice="50",
    )  # fmt: skip
    replaced = client.cancel_replace_order(
        **terms, quantity="2", price="91.00", cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=order["orderId"]
    )
    seen = {
        "status": client.get_exchange_info()["symbols"][0]["status"],
        "order": order["status"],
        "oco": oco["listOrderStatus"],
        "replaced": [replaced["cancelResult"], replaced["newOrderResult"]],
        "open": len(client.get_open_orders(symbol="SOLUSDT")),
        "cancelled": len(client.cancel_all_open_orders(symbol="SOLUSDT")),
        "listen_key": len(client.stream_get_listen_key()),
    }
    try:
        client.create_order(**terms, quantity="0.0000001", price="90.00")
    except BinanceAPIException as error:
        seen["lot"] = [error.code, error.message]
    return seen


STATES = ("EXECUTING", "ALL_DONE")  # of a list
MARKET = {"trade", "aggTrade", "kline", "24hrMiniTicker", "bookTicker"}


async def kinds(market):
    """What the streams have told of, once they have told of everything."""
    seen = set()
    while seen != MARKET:
        data = (await market.recv())["data"]
        seen.add(data.get("e", "bookTicker"))
    return sorted(seen)


async def event(own, kind, **members):
    """The next event of this kind with these members."""
    while True:
        told = await own.recv()
        told = told.get("event", told)
        if told["e"] == kind and members.items() <= told.items():
            return told


async def until_level(depth, side, level):
    """Wait until the best level of a side is this one, by differences."""
    while True:
        cache = await depth.recv()
        if (cache.get_bids() if side == "bids" else cache.get_asks())[:1] == [level]:
            return


async def by_websocket():
    client = await AsyncClient.create("TRADER3-demo-key", "TRADER3-demo-secret")
    other = await AsyncClient.create("TRADER4-demo-key", "TRADER4-demo-secret")
    sockets = BinanceSocketManager(client)
    names = ("trade", "aggTrade", "kline_1m", "miniTicker", "bookTicker")
    async with (
        asyncio.timeout(60),
        sockets.user_socket() as own,
        sockets.multiplex_socket([f"solusdt@{name}" for name in names]) as market,
        DepthCacheManager(client, "SOLUSDT", bm=sockets, ws_interval=100) as depth,
    ):
        limit = {"symbol": "SOLUSDT", "type": "LIMIT", "timeInForce": "GTC"}
        order = await client.ws_create_order(**limit, side="SELL", quantity="1", price="150.00")
        new = await event(own, "executionReport", i=order["orderId"], X="NEW")
        await until_level(depth, "asks", [150.0, 1.0])
        taken = await other.create_order(**limit, side="BUY", quantity="0.4", price="150.00")
        partly = await event(own, "executionReport", i=order["orderId"], X="PARTIALLY_FILLED")
        await until_level(depth, "asks", [150.0, 0.6])
        cancelled = await client.ws_cancel_order(symbol="SOLUSDT", orderId=order["orderId"])
        seen = {
            "order": [order["status"], new["x"]],
            "taken": [taken["status"], [fill["price"] for fill in taken["fills"]]],
            "partly": [partly["l"], partly["L"], partly["m"]],
            "streams": await kinds(market),
            "cancelled": [cancelled["status"], cancelled["executedQty"]],
            "lists": await lists(client, own),
        }
    await client.close_connection()
    await other.close_connection()
    return seen


async def lists(client, own):
    """What is told of lists of two orders, and what becomes of them."""
    symbol = {"symbol": "SOLUSDT"}
    oto = await client.ws_create_oto_order(
        **symbol, workingType="LIMIT", workingSide="BUY", workingPrice="70", workingQuantity="1",
        workingTimeInForce="GTC", pendingType="LIMIT", pendingSide="SELL", pendingPrice="300", pendingQuantity="1",
        pendingTimeInForce="GTC",
    )  # fmt: skip
    oco = await client.ws_create_oco_order(
        **symbol, side="SELL", quantity="1", aboveType="LIMIT_MAKER", abovePrice="200", belowType="STOP_LOSS_LIMIT",
        belowStopPrice="50", belowPrice="49", belowTimeInForce="GTC",
    )  # fmt: skip
    numbers = [each["orderListId"] for each in (oto, oco)]
    listed = {each["orderListId"]: each for each in await client.ws_get_oco_open_orders()}
    ended = [await client.ws_cancel_oco_order(**symbol, orderListId=number) for number in numbers]
    return [
        [listed[number]["contingencyType"] for number in numbers],
        [listed[each["orderListId"]]["orders"] == each["orders"] for each in (oto, oco)],
        [(await client.ws_get_oco_order(orderListId=number))["listOrderStatus"] for number in numbers],
        [(await event(own, "listStatus", g=number, L=status))["c"] for status in STATES for number in numbers],
        [[report["status"] for report in each["orderReports"]] for each in ended],
    ]


def main():
    seen = {
        "hmac": by_rest(Client("TRADER3-demo-key", "TRADER3-demo-secret")),
        "ed25519": by_rest(Client("TRADER4-demo-ed25519", private_key=pem("TRADER4"))),
        "websocket": asyncio.run(by_websocket()),
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
