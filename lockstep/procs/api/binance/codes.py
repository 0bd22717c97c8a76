"""What the dialect answers where the venue refuses a command: HTTP status, Binance's code and exact text.

{parameter} and {filter} in a text stand for the parameter that is wrong, as the client named it, and the filter that it
fails. docs/protocols/rest.md shows the table to people.
"""

from __future__ import annotations

from lockstep.core.intake.codes import TABLE
from lockstep.core.schema.records import Code

MANDATORY = "Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
REJECTED = -2010  # "the venue refused it": of a cancel that is -2011, of a replace -2038
ILLEGAL = "Illegal characters found in parameter '{parameter}'; legal range is "
NOT_PERMITTED = (401, -2015, "Invalid API-key, IP, or permissions for action.")

_OF_BINANCE: dict[tuple[int, int, str], tuple[Code, ...]] = {
    (400, -1121, "Invalid symbol."): (Code.UNKNOWN_SYMBOL, Code.UNKNOWN_INSTRUMENT),
    (400, -1013, "Filter failure: PRICE_FILTER"): (Code.PRICE_OFF_TICK,),
    (400, -1013, "Filter failure: LOT_SIZE"): (Code.QUANTITY_OFF_LOT, Code.QUANTITY_TOO_LARGE),
    (400, -1013, "Invalid price."): (Code.PRICE_NOT_POSITIVE,),
    (400, -1013, "Invalid quantity."): (Code.QUANTITY_NOT_POSITIVE,),
    (400, -1111, "Parameter '{parameter}' has too much precision."): (Code.TOO_MANY_DECIMALS,),
    (400, -1013, "Filter failure: {filter}"): (Code.NUMBER_TOO_LARGE, Code.TERM_NEGATIVE),
    (400, -1116, "Invalid orderType."): (Code.UNSUPPORTED_ORDER_TYPE,),
    (400, -1115, "Invalid timeInForce."): (Code.UNSUPPORTED_TIME_IN_FORCE, Code.TIME_IN_FORCE_NOT_ALLOWED),
    (400, -1117, "Invalid side."): (Code.UNSUPPORTED_SIDE,),
    (400, -1100, ILLEGAL + "'^[a-zA-Z0-9-_]{1,36}$'."): (Code.CLIENT_ID_TOO_LONG,),
    (400, -1013, "Filter failure: NOTIONAL"): (Code.NOTIONAL_OVERFLOW, Code.VALUE_TOO_LARGE),
    (400, -1102, MANDATORY.format(name="price")): (Code.PRICE_MISSING,),
    (400, -1106, "Parameter 'price' sent when not required."): (Code.PRICE_NOT_ALLOWED,),
    (400, -2010, "Account has insufficient balance for requested action."): (
        Code.NO_CHANCE_OF_BALANCE, Code.INSUFFICIENT_BALANCE, Code.WOULD_LEAVE_SHORT,
    ),
    (400, -1100, ILLEGAL + "'^([0-9]{1,20})(\\.[0-9]{1,20})?$'."): (Code.NOT_A_NUMBER,),
    (503, -1008, "Server is currently overloaded with other requests. Please try again in a few minutes."): (
        Code.VENUE_BUSY, Code.JOURNAL_FULL,
    ),
    (400, -1105, "Parameter '{parameter}' was empty."): (Code.CLIENT_ID_EMPTY,),
    (400, -1102, MANDATORY.format(name="stopPrice")): (Code.STOP_PRICE_MISSING,),
    (400, -1106, "Parameter 'stopPrice' sent when not required."): (Code.STOP_PRICE_NOT_ALLOWED,),
    (400, -1102, MANDATORY.format(name="trailingDelta")): (Code.TRAIL_MISSING,),
    (400, -1106, "Parameter 'trailingDelta' sent when not required."): (Code.TRAIL_NOT_ALLOWED,),
    (400, -1106, "Parameter 'icebergQty' sent when not required."): (Code.DISPLAY_NOT_ALLOWED,),
    (400, -2010, "IcebergQty exceeds QTY."): (Code.DISPLAY_TOO_LARGE,),
    (400, -2010, "Unsupported order combination"): (
        Code.POST_ONLY_NOT_ALLOWED, Code.SLIDE_WITHOUT_POST_ONLY, Code.LIST_NOT_TWO, Code.UNSUPPORTED_LIST,
        Code.LIST_SYMBOLS_DIFFER, Code.LIST_SIDES_DIFFER, Code.LIST_QUANTITIES_DIFFER, Code.LIST_TYPES_NOT_ALLOWED,
    ),
    (400, -1106, "Parameter 'quoteOrderQty' sent when not required."): (Code.BUDGET_NOT_ALLOWED,),
    (400, -1128, "Combination of optional parameters invalid."): (Code.BUDGET_AND_QUANTITY,),
    (400, -1130, "Data sent for parameter 'selfTradePreventionMode' is not valid."): (Code.UNSUPPORTED_SELF_TRADE,),
    (400, -2010, "Duplicate order sent."): (Code.LIST_IDS_EQUAL, Code.DUPLICATE_CLIENT_ID, Code.RESENT_TOO_LATE),
    (400, -2010, "Unknown order sent."): (
        Code.UNKNOWN_ORDER, Code.SYMBOL_MISMATCH, Code.SIDE_MISMATCH, Code.ORDER_CLOSED,
    ),
    NOT_PERMITTED: (
        Code.UNKNOWN_ACCOUNT, Code.NOT_AN_OPERATOR, Code.SAME_OPERATOR, Code.KEY_UNKNOWN, Code.KEY_REVOKED,
        Code.KEY_EXPIRED, Code.KEY_SCOPE, Code.ROLE_NOT_ALLOWED, Code.OWN_WITHDRAWAL, Code.RESET_NEEDED,
        Code.RESET_UNKNOWN, Code.SECOND_NEEDED, Code.NO_SECOND, Code.OWN_ACCOUNT, Code.SESSION_ENDED,
    ),
    (400, -2010, "Market orders are not supported for this symbol."): (Code.NO_REFERENCE_PRICE,),
    (400, -1021, "Timestamp for this request is outside of the recvWindow."): (Code.TOO_OLD,),
    (400, -1013, "Filter failure: MAX_POSITION"): (Code.BALANCE_OVERFLOW, Code.POSITION_LIMIT),
    (400, -1013, "Filter failure: EXCHANGE_MAX_NUM_ORDERS"): (Code.LIMIT_REACHED, Code.TOO_MANY_OPEN_ORDERS),
    (400, -2010, "This account may not place or cancel orders."): (Code.KILL_SWITCH,),
    (429, -1015, "Too many new orders."): (Code.ORDER_RATE,),
    (400, -2010, "Market is closed."): (
        Code.DELISTED, Code.NOT_IN_THIS_PHASE, Code.MARKET_CLOSED, Code.HALTED, Code.CANCEL_ONLY,
    ),
    (400, -2010, "Order would immediately match and take."): (Code.WOULD_TAKE,),
    (400, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"): (Code.PRICE_OUTSIDE_BAND,),
    (400, -1013, "Filter failure: MAX_NUM_ALGO_ORDERS"): (Code.TOO_MANY_TRAILING,),
}  # fmt: skip
# Where Binance has no such refusal, the answer says what is wrong in the venue's own words.
ANSWERS: dict[int, tuple[int, int, str]] = {
    code.value: (400, REJECTED, f"{row.meaning[0].upper()}{row.meaning[1:]}.") for code, row in TABLE.items()
} | {code.value: answer for answer, codes in _OF_BINANCE.items() for code in codes}
