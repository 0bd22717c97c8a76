"""Run in python-binance's environment: an account trades by HMAC and by Ed25519; prints what it saw as JSON.

python trade_python_binance.py http://127.0.0.1:PORT FOLDER
"""

import asyncio
import hashlib
import json
import sys
from pathlib import Path

from binance import AsyncClient, BinanceSocketManager
from binance.client import BaseClient, Client
from binance.exceptions import BinanceAPIException
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HTTP, FOLDER = sys.argv[1], Path(sys.argv[2])
WS = HTTP.replace("http", "ws", 1)
BaseClient.API_URL = Client.API_URL = AsyncClient.API_URL = f"{HTTP}/api"
BaseClient.MARGIN_API_URL = Client.MARGIN_API_URL = AsyncClient.MARGIN_API_URL = f"{HTTP}/sapi"
BaseClient.WS_API_URL = AsyncClient.WS_API_URL = f"{WS}/ws-api/v3"
BinanceSocketManager.STREAM_URL = f"{WS}/"


def pem(name):
    """The demo key of an account, in a file as the library wants it."""
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"{name}-demo-ed25519".encode()).digest())
    file = FOLDER / f"{name}.pem"
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


async def by_websocket():
    client = await AsyncClient.create("TRADER3-demo-key", "TRADER3-demo-secret")
    sockets = BinanceSocketManager(client)
    async with sockets.user_socket() as own:
        order = await client.ws_create_order(
            symbol="SOLUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="1", price="80.00"
        )
        event = {}
        while event.get("e") != "executionReport":
            event = await asyncio.wait_for(own.recv(), 20)
            event = event.get("event", event)
        cancelled = await client.ws_cancel_order(symbol="SOLUSDT", orderId=order["orderId"])
    await client.close_connection()
    return {"order": order["status"], "told": event["i"] == order["orderId"], "cancelled": cancelled["status"]}


seen = {
    "hmac": by_rest(Client("TRADER3-demo-key", "TRADER3-demo-secret")),
    "ed25519": by_rest(Client("TRADER4-demo-ed25519", private_key=pem("TRADER4"))),
    "websocket": asyncio.run(by_websocket()),
}
print(json.dumps(seen))
