"""Every code of the venue has an answer; those texts that clients compare are exact; the page shows the table."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from lockstep.core.schema.records import Code, CommandType
from lockstep.procs.api.binance import errors
from lockstep.procs.api.binance.codes import ANSWERS
from lockstep.procs.api.binance.errors import ApiError, refusal

PAGE = Path(__file__).parents[3] / "docs" / "protocols" / "rest.md"
BINANCE = {
    -1008, -1013, -1015, -1021, -1100, -1102, -1105, -1106, -1111, -1115, -1116, -1117, -1121, -1128, -1130, -2010,
    -2011, -2015, -2038,
}  # fmt: skip
COMMANDS = (CommandType.NEW_ORDER, CommandType.CANCEL, CommandType.REPLACE, CommandType.MASS_CANCEL)


def test_every_code_has_a_status_a_number_of_binances_and_a_text() -> None:
    for code, command in itertools.product((code for code in Code if code), COMMANDS):
        error = refusal(code, command, "price")
        assert error.status in (400, 401, 429, 503), code
        assert error.code in BINANCE, code
        assert "{" not in error.text.replace("{1,36}", "").replace("{1,20}", ""), code
        assert json.loads(error.body()) == {"code": error.code, "msg": error.text}
        if ANSWERS[code][1] == -2010:
            assert error.code == {CommandType.NEW_ORDER: -2010, CommandType.REPLACE: -2038}.get(command, -2011)


@pytest.mark.parametrize(
    ("code", "command", "number", "text"),
    [
        (Code.INSUFFICIENT_BALANCE, 1, -2010, "Account has insufficient balance for requested action."),
        (Code.NO_CHANCE_OF_BALANCE, 1, -2010, "Account has insufficient balance for requested action."),
        (Code.WOULD_TAKE, 1, -2010, "Order would immediately match and take."),
        (Code.MARKET_CLOSED, 1, -2010, "Market is closed."),
        (Code.HALTED, 2, -2011, "Market is closed."),
        (Code.PRICE_OFF_TICK, 1, -1013, "Filter failure: PRICE_FILTER"),
        (Code.QUANTITY_OFF_LOT, 1, -1013, "Filter failure: LOT_SIZE"),
        (Code.VALUE_TOO_LARGE, 1, -1013, "Filter failure: NOTIONAL"),
        (Code.TOO_MANY_OPEN_ORDERS, 1, -1013, "Filter failure: EXCHANGE_MAX_NUM_ORDERS"),
        (Code.DUPLICATE_CLIENT_ID, 1, -2010, "Duplicate order sent."),
        (Code.UNKNOWN_ORDER, 2, -2011, "Unknown order sent."),
        (Code.ORDER_CLOSED, 2, -2011, "Unknown order sent."),
        (Code.UNKNOWN_SYMBOL, 1, -1121, "Invalid symbol."),
    ],
)
def test_texts_that_clients_compare(code: Code, command: int, number: int, text: str) -> None:
    error = refusal(code, command)
    assert (error.status, error.code, error.text) == (400, number, text)


def test_a_parameter_or_filter_is_named_as_the_client_named_it() -> None:
    assert refusal(Code.TOO_MANY_DECIMALS, 1, "price").text == "Parameter 'price' has too much precision."
    assert refusal(Code.NUMBER_TOO_LARGE, 1, "belowStopPrice").text == "Filter failure: PRICE_FILTER"
    assert refusal(Code.NUMBER_TOO_LARGE, 1, "icebergQty").text == "Filter failure: LOT_SIZE"


def test_what_was_sent_or_not_is_told_apart() -> None:
    assert (errors.busy().status, errors.busy().code) == (503, -1008)
    assert errors.outcome_unknown().code == -1007
    assert errors.order_unknown().text == "Order does not exist."


@pytest.mark.parametrize(
    ("cancel", "order", "cancelled", "placed", "status", "code", "results"),
    [
        ("x", None, None, None, 400, -2022, ("FAILURE", "NOT_ATTEMPTED")),
        ("x", "y", None, None, 400, -2022, ("FAILURE", "FAILURE")),
        (None, "y", {"a": 1}, None, 409, -2021, ("SUCCESS", "FAILURE")),
        ("x", None, None, {"b": 2}, 409, -2021, ("FAILURE", "SUCCESS")),
    ],
)
def test_a_cancel_replace_that_failed_says_of_both_parts_what_came(
    cancel: str | None, order: str | None, cancelled: object, placed: object, status: int, code: int,
    results: tuple[str, str],
) -> None:  # fmt: skip
    parts = [ApiError(400, -2011, text) if text else None for text in (cancel, order)]
    error = errors.cancel_replace(parts[0], parts[1], cancelled, placed)
    assert (error.status, error.code) == (status, code)
    data = error.data
    assert (data["cancelResult"], data["newOrderResult"]) == results
    assert data["cancelResponse"] == ({"code": -2011, "msg": cancel} if cancel else cancelled)
    assert data["newOrderResponse"] == ({"code": -2011, "msg": order} if order else placed)


def test_the_page_has_every_code_with_its_answer() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and line[2].isdigit()]
    expected = []
    for code in (code for code in Code if code):
        status, number, text = ANSWERS[code]
        shown = text.replace("|", "\\|")
        expected.append(f"| {code.value} | {code.name} | {status} | {number} | {shown} |")
    assert rows == expected
