"""What a venue says of itself to everybody: what is listed there, and what it costs."""

from __future__ import annotations

import http.client
import json
from decimal import Decimal
from typing import Any

from scripts.demo.steps import Step, Steps

PATIENCE_S = 10.0


def listed(host: str, port: int) -> dict[str, Steps]:
    """The instruments that are listed, by symbol. OSError."""
    found = _ask(host, port, "/v1/instruments")
    return {
        each["symbol"]: Steps(each["symbol"], each["base"], each["quote"], Step.of(each["tick"]), Step.of(each["lot"]))
        for each in found
        if each["phase"] != "delisted"
    }


def last_price(host: str, port: int, symbol: str) -> Decimal | None:
    """What was paid last; None where nothing was ever traded. OSError."""
    trades = _ask(host, port, f"/api/v3/trades?symbol={symbol}&limit=1")
    return Decimal(trades[-1]["price"]) if trades else None


def _ask(host: str, port: int, path: str) -> Any:
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise ConnectionError(f"{path} is answered with {answer.status}")
        return json.loads(said)
    except (http.client.HTTPException, ValueError) as error:
        raise ConnectionError(f"{host}:{port}{path} is no api of a venue: {error!r}") from None
    finally:
        connection.close()
