"""What the row `rest` is held against: a FastAPI handler that checks an order's signature and fields, and does no more.

    python -m bench.fastapi_peer PORT SECRET

It runs on uvicorn, with uvloop and httptools, and says `ready`.
"""

from __future__ import annotations

import hmac
import sys
from decimal import Decimal
from typing import Annotated, Any, Literal

import uvicorn
from fastapi import FastAPI, Header, HTTPException, Query, Request
from pydantic import BaseModel, Field

SECRET = sys.argv[2].encode() if len(sys.argv) > 2 else b""


class Order(BaseModel):
    """The fields of a limit order."""

    symbol: Annotated[str, Field(pattern="^[A-Z0-9-_.]{1,20}$")]
    side: Literal["BUY", "SELL"]
    type: Literal["LIMIT"]
    timeInForce: Literal["GTC", "IOC", "FOK"]  # noqa: N815
    quantity: Annotated[Decimal, Field(gt=0)]
    price: Annotated[Decimal, Field(gt=0)]
    newClientOrderId: Annotated[str, Field(pattern="^[a-zA-Z0-9-_]{1,36}$")]  # noqa: N815
    recvWindow: Annotated[int, Field(le=60_000)]  # noqa: N815
    timestamp: int
    signature: Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$")]


app = FastAPI()


@app.post("/api/v3/order")
async def place(
    request: Request, order: Annotated[Order, Query()], x_mbx_apikey: Annotated[str, Header()]
) -> dict[str, Any]:
    """Take an order that is signed and well formed."""
    text: bytes = request.scope["query_string"].rpartition(b"&signature=")[0]
    if not x_mbx_apikey or not hmac.compare_digest(hmac.digest(SECRET, text, "sha256").hex(), order.signature):
        raise HTTPException(400, "Signature for this request is not valid.")
    return {"symbol": order.symbol, "clientOrderId": order.newClientOrderId, "status": "NEW"}


class _Announced(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        print("ready", flush=True)


if __name__ == "__main__":
    _Announced(
        uvicorn.Config(
            app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False, log_config=None,
            timeout_keep_alive=75,
        )
    ).run()  # fmt: skip
