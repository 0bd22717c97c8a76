"""Errors as Binance's clients know them: HTTP status, code and exact text.

What answers the venue's own refusals is in `codes`; what is wrong with a request before it is an order is here.
It never decides that something is wrong.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import msgspec

from lockstep.core.schema.records import Code, CommandType
from lockstep.procs.api.binance.codes import ANSWERS, MANDATORY, REJECTED
from lockstep.procs.api.errors import DeclinedError, Reason

REJECTED_BY_COMMAND = {CommandType.CANCEL: -2011, CommandType.MASS_CANCEL: -2011, CommandType.REPLACE: -2038}
PRICES = {"price", "stopPrice", "abovePrice", "belowPrice", "aboveStopPrice", "belowStopPrice", "stopLimitPrice"}
PRICES |= {"workingPrice", "pendingPrice", "pendingStopPrice"}


class Number(IntEnum):
    """Binance's codes that are not of the table of reject codes."""

    UNKNOWN = -1000
    DISCONNECTED = -1001
    TOO_MANY_REQUESTS = -1003
    TIMEOUT = -1007
    OVERLOADED = -1008
    INVALID_MESSAGE = -1013
    TOO_MANY_ORDERS = -1015
    UNSUPPORTED_OPERATION = -1020
    INVALID_TIMESTAMP = -1021
    INVALID_SIGNATURE = -1022
    NOT_FOUND = -1099
    ILLEGAL_CHARACTERS = -1100
    TOO_MANY_PARAMETERS = -1101
    MANDATORY_PARAMETER = -1102
    UNKNOWN_PARAMETER = -1103
    UNREAD_PARAMETERS = -1104
    PARAMETER_EMPTY = -1105
    PARAMETER_NOT_REQUIRED = -1106
    INVALID_TIME_IN_FORCE = -1115
    INVALID_ORDER_TYPE = -1116
    INVALID_SIDE = -1117
    INVALID_INTERVAL = -1120
    INVALID_SYMBOL = -1121
    INVALID_SYMBOL_STATUS = -1122
    UNKNOWN_LISTEN_KEY = -1125
    INTERVAL_TOO_LARGE = -1127
    INVALID_COMBINATION = -1128
    INVALID_PARAMETER = -1130
    INVALID_RECV_WINDOW = -1131
    INVALID_STRATEGY_TYPE = -1134
    INVALID_JSON = -1135
    INVALID_TICKER_TYPE = -1139
    INVALID_CANCEL_RESTRICTIONS = -1145
    SYMBOL_TWICE = -1151
    BUY_LIMIT_ABOVE = -1165
    SELL_LIMIT_BELOW = -1166
    BOTH_LIMIT = -1168
    INVALID_TIME_UNIT = -1194
    STATUS_MISMATCH = -1220
    REJECTED = -2010
    CANCEL_REJECTED = -2011
    ORDER_UNKNOWN = -2013
    KEY_FORMAT = -2014
    KEY_REJECTED = -2015
    CANCEL_REPLACE_PARTIAL = -2021
    CANCEL_REPLACE_FAILED = -2022
    SUBSCRIPTION_ACTIVE = -2035
    AMEND_REJECTED = -2038
    NO_REFERENCE_PRICE = -2043
    NOT_OPEN_FOR_WITHDRAWAL = -4019
    KEY_KIND = -4056


# Answers to reasons that are limits. With any other reason, the database or another part of the venue is away.
LIMITED = {
    Reason.TOO_MUCH_WEIGHT: (
        429, Number.TOO_MANY_REQUESTS,
        ("Too much request weight used; current limit is {limit} request weight per 1 MINUTE. "
         "Please use WebSocket Streams for live updates to avoid polling the API."),
    ),
    Reason.ADDRESS_BANNED: (
        418, Number.TOO_MANY_REQUESTS,
        ("Way too much request weight used; IP banned until {until_ms}. "
         "Please use WebSocket Streams for live updates to avoid bans."),
    ),
    Reason.TOO_MANY_ORDERS: (
        429, Number.TOO_MANY_ORDERS, "Too many new orders; current limit is {limit} orders per {interval}."
    ),
}  # fmt: skip


class ApiError(Exception):
    """An answer that says what is wrong. `retry_after` is in seconds; `data` goes with a failed cancel-replace."""

    def __init__(self, status: int, code: int, text: str, *, data: Any = None, retry_after: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.code = int(code)
        self.text = text
        self.data = data
        self.retry_after = retry_after

    def fields(self) -> dict[str, Any]:
        """`code` and `msg`, and `data` where there is any."""
        fields = {"code": self.code, "msg": self.text}
        return fields if self.data is None else {**fields, "data": self.data}

    def body(self) -> bytes:
        """The JSON that answers a REST request."""
        return msgspec.json.encode(self.fields())


def refusal(code: int, command: int = CommandType.NEW_ORDER, parameter: str = "quantity") -> ApiError:
    """What the API answers where the venue refuses a command with one of its codes.

    `parameter` is the one that is wrong, as the client named it: only codes below 100 may need it.
    """
    status, number, text = ANSWERS[code]
    if number == REJECTED:
        number = REJECTED_BY_COMMAND.get(CommandType(command), REJECTED)
    if "{" in text:
        text = text.replace("{parameter}", parameter)
        text = text.replace("{filter}", "PRICE_FILTER" if parameter in PRICES else "LOT_SIZE")
    return ApiError(status, number, text)


def illegal_characters(parameter: str, legal: str) -> ApiError:
    text = f"Illegal characters found in parameter '{parameter}'; legal range is '{legal}'."
    return ApiError(400, Number.ILLEGAL_CHARACTERS, text)


def illegal_request() -> ApiError:
    return ApiError(400, Number.ILLEGAL_CHARACTERS, "Illegal characters found in a parameter.")


def too_many_parameters() -> ApiError:
    return ApiError(400, Number.TOO_MANY_PARAMETERS, "Too many parameters sent for this endpoint.")


def too_many_symbols(most: int) -> ApiError:
    text = f"Too many values sent for parameter 'symbols', maximum allowed up to {most}."
    return ApiError(400, Number.TOO_MANY_PARAMETERS, text)


def duplicate_parameter() -> ApiError:
    return ApiError(400, Number.TOO_MANY_PARAMETERS, "Duplicate values for a parameter detected.")


def missing(parameter: str) -> ApiError:
    return ApiError(400, Number.MANDATORY_PARAMETER, MANDATORY.format(name=parameter))


def either_missing(one: str, other: str) -> ApiError:
    text = f"Param '{one}' or '{other}' must be sent, but both were empty/null!"
    return ApiError(400, Number.MANDATORY_PARAMETER, text)


def unread_parameters(read: int, sent: int) -> ApiError:
    text = f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
    return ApiError(400, Number.UNREAD_PARAMETERS, text)


def empty(parameter: str) -> ApiError:
    return ApiError(400, Number.PARAMETER_EMPTY, f"Parameter '{parameter}' was empty.")


def not_required(parameter: str) -> ApiError:
    return ApiError(400, Number.PARAMETER_NOT_REQUIRED, f"Parameter '{parameter}' sent when not required.")


def invalid(parameter: str) -> ApiError:
    return ApiError(400, Number.INVALID_PARAMETER, f"Data sent for parameter '{parameter}' is not valid.")


def invalid_combination() -> ApiError:
    return ApiError(400, Number.INVALID_COMBINATION, "Combination of optional parameters invalid.")


def rejected(text: str) -> ApiError:
    """A new order that this venue never takes."""
    return ApiError(400, Number.REJECTED, text)


def order_unknown() -> ApiError:
    """The answer to a query; a cancel's is `refusal(Code.UNKNOWN_ORDER, CommandType.CANCEL)`."""
    return ApiError(400, Number.ORDER_UNKNOWN, "Order does not exist.")


def symbol_unknown() -> ApiError:
    return refusal(Code.UNKNOWN_SYMBOL)


def interval_invalid() -> ApiError:
    return ApiError(400, Number.INVALID_INTERVAL, "Invalid interval.")


def listen_key_unknown() -> ApiError:
    return ApiError(400, Number.UNKNOWN_LISTEN_KEY, "This listenKey does not exist.")


def subscription_active() -> ApiError:
    return ApiError(400, Number.SUBSCRIPTION_ACTIVE, "User Data Stream subscription already active.")


def busy() -> ApiError:
    """Nothing was sent: the request may be repeated."""
    return refusal(Code.VENUE_BUSY)


def outcome_unknown() -> ApiError:
    """It was sent, and what came of it is not known: ask for the order."""
    text = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
    return ApiError(504, Number.TIMEOUT, text)


def unavailable(what: str) -> ApiError:
    """Something beside the trading core is away: `what` says what."""
    return ApiError(503, Number.DISCONNECTED, f"Internal error; unable to process your request: {what}.")


def declined(error: DeclinedError) -> ApiError:
    """What the dialect answers where the api declines a request."""
    if error.reason is Reason.SYMBOL_UNKNOWN:
        return symbol_unknown()
    if error.reason not in LIMITED:
        return unavailable(error.reason.value)
    status, number, text = LIMITED[error.reason]
    return ApiError(status, number, text.format_map(error.facts), retry_after=error.retry_after)


def internal() -> ApiError:
    return ApiError(500, Number.UNKNOWN, "An unknown error occurred while processing the request.")


def no_such_endpoint() -> ApiError:
    return ApiError(404, Number.NOT_FOUND, "Not found, authenticated, or authorized.")


def not_supported() -> ApiError:
    return ApiError(400, Number.UNSUPPORTED_OPERATION, "This operation is not supported.")


def cancel_replace(cancel: ApiError | None, order: ApiError | None, cancelled: Any, placed: Any) -> ApiError:
    """A cancel-replace of which not both parts were done: `cancelled` and `placed` are raw answers of what was.

    An order that was not attempted, since its cancel failed, has neither.
    """
    data = {
        "cancelResult": "FAILURE" if cancel else "SUCCESS",
        "newOrderResult": "FAILURE" if order else "SUCCESS" if placed is not None else "NOT_ATTEMPTED",
        "cancelResponse": cancel.fields() if cancel else cancelled,
        "newOrderResponse": order.fields() if order else placed,
    }
    if (cancel is None) != (order is None) and (cancelled is not None or placed is not None):
        text = "Order cancel-replace partially failed."
        return ApiError(409, Number.CANCEL_REPLACE_PARTIAL, text, data=data)
    return ApiError(400, Number.CANCEL_REPLACE_FAILED, "Order cancel-replace failed.", data=data)
