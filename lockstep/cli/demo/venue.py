"""What a venue says of itself to everybody: what is listed there, and what it costs."""

from __future__ import annotations

import http
from decimal import Decimal
from typing import Any

from lockstep.cli.demo.http_json import asked, connection_to
from lockstep.cli.demo.steps import Step, Steps


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
    connection = connection_to(host, port)
    try:
        answer, said = asked(connection, "GET", path)
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK or said is None:
        raise ConnectionError(f"{host}:{port}{path} is answered with {answer.status}")
    return said
