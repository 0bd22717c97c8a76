"""What a client's parameters ask for, as the venue's requests: new orders, lists of two, cancels and amendments.

It knows Binance's names, which of them go together and what it answers where they do not. Numbers are judged by the
venue's own checks (`intake.validation`); `error_of` says to the client what those find.
"""

from collections import namedtuple

from lockstep.core.schema.records import CommandType
from lockstep.procs.api.binance.errors import (
    ApiError, Number, either_missing, illegal_characters, invalid, invalid_combination, missing, not_required,
    refusal as refusal_error, rejected,
)

from libc.stddef cimport size_t

from lockstep.core.intake.order_request cimport (
    FIELD_BUDGET, FIELD_DISPLAY, FIELD_PRICE, FIELD_QUANTITY, FIELD_STOP_PRICE, FIELD_TIME_IN_FORCE, Amount,
    OrderField, OrderRequest, Refusal, begin, has, put_amount, put_id, put_symbol,
)
from lockstep.core.schema.alphabet cimport is_id
from lockstep.core.schema.decimals cimport FAULT_NONE, power_of_ten
from lockstep.core.schema.records cimport (
    CL_ORD_ID_SIZE, CMD_NEW_ORDER, CMD_REPLACE, LIST_KIND_OCO, LIST_KIND_OTO, ORD_TYPE_LIMIT, ORD_TYPE_MARKET,
    ORD_TYPE_STOP, ORD_TYPE_STOP_LIMIT, ORDER_FLAG_POST_ONLY, SIDE_SELL, TIF_GTC, TIF_IOC,
)
from lockstep.procs.api.binance.parameters cimport Parameters

from lockstep.core.schema.enums import SelfTrade, Side, TimeInForce

cdef extern from *:
    ctypedef long long int128 "__int128"

cdef enum:
    MOST_DIGITS = 20                 # before the point, and behind it
    MOST_DECIMALS = 18
    MOST_SYMBOL = 20
    LEAST_STRATEGY_TYPE = 1_000_000

MOST_ID = 2 ** 63 - 1
DECIMAL = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
CLIENT_ID = "^[a-zA-Z0-9-_]{1,36}$"
SYMBOL = "^[A-Z0-9-_.]{1,20}$"
TRAILING = "Trailing stop orders are not supported for this symbol."
PEGGED = "Pegged orders are not supported for this symbol."
COMBINATION = "Unsupported order combination"
RELATION = "The relationship of the prices for the orders is not correct."

cdef dict SIDES = {b"BUY": Side.BUY, b"SELL": Side.SELL}
cdef dict TIMES_IN_FORCE = {b"GTC": TimeInForce.GTC, b"IOC": TimeInForce.IOC, b"FOK": TimeInForce.FOK}
cdef dict SELF_TRADES = {
    b"NONE": SelfTrade.NONE, b"EXPIRE_TAKER": SelfTrade.CANCEL_NEWEST, b"EXPIRE_MAKER": SelfTrade.CANCEL_OLDEST,
    b"EXPIRE_BOTH": SelfTrade.CANCEL_BOTH, b"DECREMENT": SelfTrade.DECREMENT,
}
cdef dict DETAILS = {b"ACK": DETAIL_ACK, b"RESULT": DETAIL_RESULT, b"FULL": DETAIL_FULL}
cdef dict RESTRICTIONS = {
    b"ONLY_NEW": RESTRICTION_ONLY_NEW, b"ONLY_PARTIALLY_FILLED": RESTRICTION_ONLY_PARTIALLY_FILLED,
}
# What an order of a type is here, and which parameters it must have, and must not: `time` is None where its client says
# that. A stop that is post-only is refused where it would trigger at once.
Kind = namedtuple("Kind", "ord_type time flags required forbidden")
cdef dict KINDS = {
    b"LIMIT": Kind(ORD_TYPE_LIMIT, None, 0, (FIELD_QUANTITY, FIELD_PRICE), (FIELD_BUDGET, FIELD_STOP_PRICE)),
    b"LIMIT_MAKER": Kind(
        ORD_TYPE_LIMIT, TIF_GTC, ORDER_FLAG_POST_ONLY, (FIELD_QUANTITY, FIELD_PRICE),
        (FIELD_BUDGET, FIELD_TIME_IN_FORCE, FIELD_STOP_PRICE),
    ),
    b"MARKET": Kind(
        ORD_TYPE_MARKET, TIF_IOC, 0, (), (FIELD_PRICE, FIELD_STOP_PRICE, FIELD_TIME_IN_FORCE, FIELD_DISPLAY),
    ),
    b"STOP_LOSS_LIMIT": Kind(
        ORD_TYPE_STOP_LIMIT, None, ORDER_FLAG_POST_ONLY, (FIELD_QUANTITY, FIELD_PRICE, FIELD_STOP_PRICE),
        (FIELD_BUDGET,),
    ),
    b"STOP_LOSS": Kind(
        ORD_TYPE_STOP, TIF_GTC, ORDER_FLAG_POST_ONLY, (FIELD_QUANTITY, FIELD_STOP_PRICE),
        (FIELD_PRICE, FIELD_TIME_IN_FORCE, FIELD_DISPLAY, FIELD_BUDGET),
    ),
}
# What Binance has and this venue's books have not, with what Binance says of a symbol that has not.
cdef dict LACKING = {
    b"TAKE_PROFIT": "Take profit orders are not supported for this symbol.",
    b"TAKE_PROFIT_LIMIT": "Take profit limit orders are not supported for this symbol.",
}


cdef class LegNames:
    """What the parameters of an order are called: in a list they begin with which of its two it is."""

    def __init__(self, prefix, **names):
        self.fields = {
            FIELD_QUANTITY: full_name(prefix, "quantity", names),
            FIELD_BUDGET: full_name(prefix, "quoteOrderQty", names),
            FIELD_PRICE: full_name(prefix, "price", names),
            FIELD_STOP_PRICE: full_name(prefix, "stopPrice", names),
            FIELD_DISPLAY: full_name(prefix, "icebergQty", names),
            FIELD_TIME_IN_FORCE: full_name(prefix, "timeInForce", names),
        }
        self.type = full_name(prefix, "type", names)
        self.side = full_name(prefix, "side", names)
        self.client_order_id = full_name(prefix, "clientOrderId", names)
        self.trailing = full_name(prefix, "trailingDelta", names)
        self.peg = full_name(prefix, "pegPriceType", names)
        self.strategy_id = full_name(prefix, "strategyId", names)
        self.strategy_type = full_name(prefix, "strategyType", names)

    cdef bytes of(self, OrderField field):
        return self.fields[field]


cdef bytes full_name(str prefix, str plain, dict names):
    cdef str full = prefix + plain[0].upper() + plain[1:] if prefix else plain
    return names.get(plain, full).encode()


cdef LegNames PLAIN = LegNames("", clientOrderId="newClientOrderId")
cdef LegNames ABOVE = LegNames("above", side="side", quantity="quantity")
cdef LegNames BELOW = LegNames("below", side="side", quantity="quantity")
cdef LegNames WORKING = LegNames("working")
cdef LegNames PENDING = LegNames("pending")
cdef LegNames OLD_LIMIT = LegNames("limit", side="side", quantity="quantity", price="price")
cdef LegNames OLD_STOP = LegNames(
    "stop", side="side", quantity="quantity", price="stopLimitPrice", stopPrice="stopPrice",
    timeInForce="stopLimitTimeInForce", trailingDelta="trailingDelta",
)


cdef bint is_decimal(const char *text, size_t size) noexcept nogil:
    """Whether it is digits, at most 20, with or without a point and at most 20 more."""
    cdef size_t i
    cdef size_t digits = 0
    cdef bint in_fraction = False
    for i in range(size):
        if c"0" <= text[i] <= c"9":
            digits += 1
            if digits > MOST_DIGITS:
                return False
        elif text[i] == c"." and digits and not in_fraction:
            in_fraction = True
            digits = 0
        else:
            return False
    return digits > 0


cdef bint is_symbol(const char *text, size_t size) noexcept nogil:
    cdef size_t i
    cdef char c
    for i in range(size):
        c = text[i]
        if not (c"A" <= c <= c"Z" or c"0" <= c <= c"9" or c == c"-" or c == c"_" or c == c"."):
            return False
    return 0 < size <= MOST_SYMBOL


cdef bytes decimal_of(Parameters sent, bytes name):
    """A number's text, or None where it was not sent. ApiError where it is no number."""
    cdef bytes value = sent.get(name)
    if value is not None and not is_decimal(value, len(value)):
        raise illegal_characters(name.decode(), DECIMAL)
    return value


cdef bytes client_id_of(Parameters sent, bytes name, bytes default):
    """A client order id. Those of FIX may have any printable character, and can be named here too."""
    cdef bytes value = sent.get(name)
    if value is None:
        return default
    if len(value) > CL_ORD_ID_SIZE or not is_id(value, len(value)):
        raise illegal_characters(name.decode(), CLIENT_ID)
    return value


cdef bytes symbol_of(Parameters sent):
    cdef bytes value = sent.require(b"symbol")
    if not is_symbol(value, len(value)):
        raise illegal_characters("symbol", SYMBOL)
    return value


cdef object choice(Parameters sent, bytes name, dict choices, default):
    """One of a parameter's words, translated; `default` where it was not sent."""
    cdef bytes value = sent.get(name)
    if value is None:
        return default
    found = choices.get(value)
    if found is None:
        raise invalid(name.decode())
    return found


cdef int read_leg(
    Parameters sent, LegNames names, bytes kind, bytes client_order_id, OrderRequest *request
) except -1:
    """One order of the type `kind`. ApiError."""
    cdef bytes side = sent.require(names.side)
    cdef bytes symbol = symbol_of(sent)
    if side not in SIDES:
        raise ApiError(400, Number.INVALID_SIDE, "Invalid side.")
    begin(request, CMD_NEW_ORDER)
    put_symbol(request, symbol, len(symbol))
    put_id(request, client_order_id, len(client_order_id))
    request.order.side = SIDES[side]
    refuse_lacking(sent, names)
    if kind in LACKING:
        raise rejected(LACKING[kind])
    if kind not in KINDS:
        raise ApiError(400, Number.INVALID_ORDER_TYPE, "Invalid orderType.")
    found = KINDS[kind]
    request.order.ord_type = found.ord_type
    request.order.flags = found.flags
    request.order.time_in_force = time_in_force_of(sent, names) if found.time is None else found.time
    if found.ord_type == ORD_TYPE_MARKET:
        read_market_amount(sent, names, request)
    for field in found.required:
        require_number(sent, names, field, request)
    if FIELD_DISPLAY not in found.forbidden:
        read_iceberg(sent, names, request)
    for field in found.forbidden:
        if sent.get(names.of(field)) is not None:
            raise not_required(names.of(field).decode())
    return 0


cdef int self_trade_of(Parameters sent) except -1:
    return choice(sent, b"selfTradePreventionMode", SELF_TRADES, SelfTrade.DEFAULT)


cdef int refuse_lacking(Parameters sent, LegNames names) except -1:
    """What would make another order than the venue can take, and what is only remembered by Binance."""
    cdef bytes kind
    if sent.get(names.trailing) is not None:
        raise rejected(TRAILING)
    if sent.get(names.peg) is not None:
        raise rejected(PEGGED)
    if sent.get(names.strategy_id) is not None:
        sent.integer(names.strategy_id, 0, MOST_ID)
    kind = sent.get(names.strategy_type)
    if kind is not None and sent.integer(names.strategy_type, 0, MOST_ID) < LEAST_STRATEGY_TYPE:
        raise ApiError(400, Number.INVALID_STRATEGY_TYPE, "strategyType was less than 1000000.")
    return 0


cdef bint read_number(Parameters sent, bytes name, OrderField field, OrderRequest *request) except -1:
    """Read a number, if it was sent. ApiError where it is none."""
    cdef bytes value = decimal_of(sent, name)
    if value is None:
        return False
    put_amount(request, field, value, len(value))
    return True


cdef int require_number(Parameters sent, LegNames names, OrderField field, OrderRequest *request) except -1:
    if not read_number(sent, names.of(field), field, request):
        raise missing(names.of(field).decode())
    return 0


cdef int time_in_force_of(Parameters sent, LegNames names) except -1:
    cdef bytes word = sent.require(names.of(FIELD_TIME_IN_FORCE))
    if word not in TIMES_IN_FORCE:
        raise ApiError(400, Number.INVALID_TIME_IN_FORCE, "Invalid timeInForce.")
    return TIMES_IN_FORCE[word]


cdef int read_iceberg(Parameters sent, LegNames names, OrderRequest *request) except -1:
    """icebergQty; 0 is as good as none."""
    cdef Amount *display = &request.amounts[FIELD_DISPLAY]
    if read_number(sent, names.of(FIELD_DISPLAY), FIELD_DISPLAY, request):
        if display.fault == FAULT_NONE and display.value.mantissa == 0:
            request.sent &= ~(1 << FIELD_DISPLAY)
    return 0


cdef int read_market_amount(Parameters sent, LegNames names, OrderRequest *request) except -1:
    """A quantity, or an amount of the quote asset to spend or to receive."""
    cdef bint has_quantity = read_number(sent, names.of(FIELD_QUANTITY), FIELD_QUANTITY, request)
    cdef bint has_budget = read_number(sent, names.of(FIELD_BUDGET), FIELD_BUDGET, request)
    if not has_quantity and not has_budget:
        raise either_missing(names.of(FIELD_QUANTITY).decode(), names.of(FIELD_BUDGET).decode())
    if has_quantity and has_budget:
        raise invalid_combination()
    return 0


cdef object error_of_refusal(LegNames names, const OrderRequest *request, const Refusal *refusal):
    """The answer to a new order that the venue's checks refuse; a parameter that was sent and is wrong is named."""
    if refusal.field in names.fields and has(request, refusal.field):
        return refusal_error(refusal.code, CommandType.NEW_ORDER, names.of(refusal.field).decode())
    return refusal_error(refusal.code, CommandType.NEW_ORDER)


cdef class OrderForm:
    """A new order. `request` is for Validator.check."""

    cdef object error_of(self, const Refusal *refusal):
        return error_of_refusal(PLAIN, &self.request, refusal)


cdef class ListForm:
    """Two new orders that belong together. `requests` and `kind` are for Validator.check_list."""

    cdef object error_of(self, const Refusal *refusal):
        return error_of_refusal(self.second if refusal.leg else self.first, &self.requests[refusal.leg], refusal)


cdef class Target:
    """The order, or the list, that a request is about: named by its number, by its client id, or by both."""


cdef class CancelForm:
    """A cancel of one order."""


cdef class CancelReplaceForm:
    """A cancel, and a new order in its place, which is another order with a number of its own."""


cdef class AmendForm:
    """A smaller quantity for an order, which keeps its place."""

    cdef object error_of(self, const Refusal *refusal):
        return refusal_error(refusal.code, CommandType.REPLACE, "newQty")


cpdef OrderForm read_order(Parameters sent, bytes generated):
    """POST order and order/test; `generated` is its client id where it names none. ApiError."""
    cdef OrderForm found = OrderForm.__new__(OrderForm)
    cdef bytes kind = sent.require(PLAIN.type)
    cdef bint is_plain = kind == b"LIMIT" or kind == b"MARKET"
    found.client_order_id = client_id_of(sent, PLAIN.client_order_id, generated)
    found.detail = choice(sent, b"newOrderRespType", DETAILS, DETAIL_FULL if is_plain else DETAIL_ACK)
    found.wants_rates = choice(sent, b"computeCommissionRates", {b"true": 2, b"false": 1}, 1) == 2
    read_leg(sent, PLAIN, kind, found.client_order_id, &found.request)
    found.request.order.stp = self_trade_of(sent)
    if not has(&found.request, FIELD_STOP_PRICE) and sent.get(b"stopLossPrice") is not None:
        raise not_required("stopLossPrice")  # with a stop price it says the same again
    return found


cdef ListForm read_pair(
    Parameters sent, int list_kind, LegNames first, bytes first_kind, LegNames second, bytes second_kind,
    list generated,
):
    """Two orders in the order of the venue's rules; `generated` are ids for the list and for them. ApiError."""
    cdef ListForm found = ListForm.__new__(ListForm)
    found.kind = list_kind
    found.first = first
    found.second = second
    found.list_client_order_id = client_id_of(sent, b"listClientOrderId", generated[0])
    found.client_order_ids = [
        client_id_of(sent, first.client_order_id, generated[1]),
        client_id_of(sent, second.client_order_id, generated[2]),
    ]
    found.detail = choice(sent, b"newOrderRespType", DETAILS, DETAIL_FULL)
    read_leg(sent, first, first_kind, <bytes> found.client_order_ids[0], &found.requests[0])
    read_leg(sent, second, second_kind, <bytes> found.client_order_ids[1], &found.requests[1])
    found.requests[0].order.stp = found.requests[1].order.stp = self_trade_of(sent)
    return found


cpdef ListForm read_oco(Parameters sent, list generated):
    """POST orderList/oco: a limit order on one side of the market, a stop on the other. ApiError."""
    cdef bytes above = sent.require(ABOVE.type)
    cdef bytes below = sent.require(BELOW.type)
    cdef bytes side = sent.require(b"side")
    cdef ListForm found
    for kind in (above, below):
        if kind in LACKING:
            raise rejected(LACKING[kind])
        if kind not in (b"LIMIT_MAKER", b"STOP_LOSS", b"STOP_LOSS_LIMIT"):
            raise ApiError(400, Number.INVALID_ORDER_TYPE, "Invalid orderType.")
    if above == below == b"LIMIT_MAKER":
        raise ApiError(400, Number.BOTH_LIMIT, "At least one OCO order must be contingent.")
    if above != b"LIMIT_MAKER" and below != b"LIMIT_MAKER":
        raise rejected(COMBINATION)
    if side == b"BUY" and above == b"LIMIT_MAKER":
        raise ApiError(400, Number.BUY_LIMIT_ABOVE, "A limit order in a buy OCO must be below.")
    if side == b"SELL" and below == b"LIMIT_MAKER":
        raise ApiError(400, Number.SELL_LIMIT_BELOW, "A limit order in a sell OCO must be above.")
    if above == b"LIMIT_MAKER":
        found = read_pair(sent, LIST_KIND_OCO, ABOVE, above, BELOW, below, generated)
    else:
        found = read_pair(sent, LIST_KIND_OCO, BELOW, below, ABOVE, above, generated)
    check_relation(found)
    return found


cpdef ListForm read_old_oco(Parameters sent, list generated):
    """POST order/oco, which python-binance and older clients send. ApiError."""
    cdef bytes kind = b"STOP_LOSS" if sent.get(OLD_STOP.of(FIELD_PRICE)) is None else b"STOP_LOSS_LIMIT"
    cdef ListForm found
    # The limit order has no stop price of its own: that parameter is the other order's.
    found = read_pair(sent, LIST_KIND_OCO, OLD_LIMIT, b"LIMIT_MAKER", OLD_STOP, kind, generated)
    check_relation(found)
    return found


cpdef ListForm read_oto(Parameters sent, list generated):
    """POST orderList/oto: a limit order that works, and one that waits until it is filled. ApiError."""
    cdef bytes working = sent.require(WORKING.type)
    cdef bytes pending = sent.require(PENDING.type)
    if working != b"LIMIT" and working != b"LIMIT_MAKER":
        raise ApiError(400, Number.INVALID_ORDER_TYPE, "Invalid orderType.")
    return read_pair(sent, LIST_KIND_OTO, WORKING, working, PENDING, pending, generated)


cdef int check_relation(ListForm pair) except -1:
    """A sell's limit price is above the price of its stop, a buy's below. ApiError."""
    cdef int order = compare(&pair.requests[0].amounts[FIELD_PRICE], &pair.requests[1].amounts[FIELD_STOP_PRICE])
    if order and (order > 0) != (pair.requests[0].order.side == SIDE_SELL):
        raise rejected(RELATION)
    return 0


cdef int compare(const Amount *one, const Amount *other) noexcept nogil:
    """Which of two numbers is greater: 1, or -1; 0 where they are equal, or one is beyond what the venue can hold."""
    cdef int128 difference
    if one.fault != FAULT_NONE or other.fault != FAULT_NONE:
        return 0
    difference = (
        <int128> one.value.mantissa * power_of_ten(MOST_DECIMALS - one.value.decimals)
        - <int128> other.value.mantissa * power_of_ten(MOST_DECIMALS - other.value.decimals)
    )
    return (difference > 0) - (difference < 0)


cdef Target target_of(Parameters sent, bytes number, bytes client_id):
    cdef Target found = Target.__new__(Target)
    found.symbol = symbol_of(sent)
    found.client_order_id = client_id_of(sent, client_id, None)
    if sent.get(number) is not None:
        found.order_id = sent.integer(number, 0, MOST_ID)
    elif found.client_order_id is None:
        raise either_missing(client_id.decode(), number.decode())
    return found


cpdef Target read_target(Parameters sent):
    """GET order: which one. ApiError."""
    return target_of(sent, b"orderId", b"origClientOrderId")


cpdef Target read_list_target(Parameters sent):
    """DELETE orderList: which one. ApiError."""
    return target_of(sent, b"orderListId", b"listClientOrderId")


cpdef CancelForm read_cancel(Parameters sent, bytes generated):
    """DELETE order; `generated` is the cancel's own id where it names none. ApiError."""
    cdef CancelForm found = CancelForm.__new__(CancelForm)
    found.target = read_target(sent)
    found.client_order_id = client_id_of(sent, b"newClientOrderId", generated)
    found.restriction = restriction_of(sent)
    return found


cdef int restriction_of(Parameters sent) except -1:
    cdef bytes value = sent.get(b"cancelRestrictions")
    if value is None:
        return RESTRICTION_NONE
    if value not in RESTRICTIONS:
        text = "cancelRestrictions has to be either ONLY_NEW or ONLY_PARTIALLY_FILLED."
        raise ApiError(400, Number.INVALID_CANCEL_RESTRICTIONS, text)
    return RESTRICTIONS[value]


cpdef CancelReplaceForm read_cancel_replace(Parameters sent, bytes generated_cancel, bytes generated):
    """POST order/cancelReplace. ApiError."""
    cdef CancelReplaceForm found = CancelReplaceForm.__new__(CancelReplaceForm)
    cdef bytes mode = sent.require(b"cancelReplaceMode")
    cdef int too_many = choice(sent, b"orderRateLimitExceededMode", {b"DO_NOTHING": 1, b"CANCEL_ONLY": 2}, 1)
    if mode != b"STOP_ON_FAILURE" and mode != b"ALLOW_FAILURE":
        raise invalid("cancelReplaceMode")
    found.stop_on_failure = mode == b"STOP_ON_FAILURE"
    found.cancel_when_too_many = too_many == 2
    found.cancel = CancelForm.__new__(CancelForm)
    found.cancel.target = target_of(sent, b"cancelOrderId", b"cancelOrigClientOrderId")
    found.cancel.client_order_id = client_id_of(sent, b"cancelNewClientOrderId", generated_cancel)
    found.cancel.restriction = restriction_of(sent)
    found.order = read_order(sent, generated)
    return found


cpdef AmendForm read_amend(Parameters sent, bytes generated):
    """PUT order/amend/keepPriority; `generated` is the order's new client id where it names none. ApiError."""
    cdef AmendForm found = AmendForm.__new__(AmendForm)
    cdef bytes client_order_id = client_id_of(sent, b"newClientOrderId", generated)
    found.target = read_target(sent)
    begin(&found.request, CMD_REPLACE)
    put_id(&found.request, client_order_id, len(client_order_id))
    if not read_number(sent, b"newQty", FIELD_QUANTITY, &found.request):
        raise missing("newQty")
    return found
