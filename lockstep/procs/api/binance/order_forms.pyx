"""What a client's parameters ask for, as the venue's forms: new orders, lists of two, cancels and amendments.

It knows Binance's names, which of them go together and what it answers where they do not. Numbers are read by the
venue's own checks (`intake.validation`); `error_of` says to the client what those find. A form points to the
bytes of its parameters, and keeps them.
"""

from lockstep.core.schema.records import CommandType
from lockstep.procs.api.binance.errors import (
    ApiError,
    Number,
    either_missing,
    illegal_characters,
    invalid,
    invalid_combination,
    missing,
    not_required,
    refusal as refusal_error,
    rejected,
)

cimport cython
from libc.stddef cimport size_t
from libc.string cimport memset

from lockstep.core.schema.alphabet cimport is_id
from lockstep.core.schema.decimals cimport FAULT_NONE, Decimal, parse_decimal, power_of_ten
from lockstep.core.schema.records cimport CL_ORD_ID_SIZE

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

# FIX's characters for what Binance has words for. They live as long as the module: forms point to them.
cdef bytes BUY = b"1"
cdef bytes SELL = b"2"
cdef bytes ONE_CANCELS_THE_OTHER = b"1"
cdef bytes ONE_TRIGGERS_THE_OTHER = b"2"
cdef bytes POST_ONLY = b"6"
cdef bytes GOOD_TILL_CANCEL = b"1"
cdef bytes IMMEDIATE_OR_CANCEL = b"3"
cdef dict SIDES = {b"BUY": BUY, b"SELL": SELL}
cdef dict TIMES_IN_FORCE = {b"GTC": GOOD_TILL_CANCEL, b"IOC": IMMEDIATE_OR_CANCEL, b"FOK": b"4"}
cdef dict SELF_TRADES = {
    b"NONE": b"100", b"EXPIRE_TAKER": b"1", b"EXPIRE_MAKER": b"2", b"EXPIRE_BOTH": b"3", b"DECREMENT": b"101",
}
cdef dict DETAILS = {b"ACK": DETAIL_ACK, b"RESULT": DETAIL_RESULT, b"FULL": DETAIL_FULL}
cdef dict RESTRICTIONS = {
    b"ONLY_NEW": RESTRICTION_ONLY_NEW, b"ONLY_PARTIALLY_FILLED": RESTRICTION_ONLY_PARTIALLY_FILLED,
}
# What Binance has and this venue's books have not, with what Binance says of a symbol that has not.
cdef dict LACKING = {
    b"TAKE_PROFIT": "Take profit orders are not supported for this symbol.",
    b"TAKE_PROFIT_LIMIT": "Take profit limit orders are not supported for this symbol.",
}


@cython.final
cdef class LegNames:
    """What the parameters of an order are called: in a list they begin with which of its two it is."""

    cdef bytes type
    cdef bytes side
    cdef bytes client_order_id
    cdef bytes quantity
    cdef bytes quote_quantity
    cdef bytes price
    cdef bytes stop_price
    cdef bytes time_in_force
    cdef bytes iceberg
    cdef bytes trailing
    cdef bytes peg
    cdef bytes strategy_id
    cdef bytes strategy_type

    def __init__(self, prefix, **names):
        self.type = self.name(prefix, "type", names)
        self.side = self.name(prefix, "side", names)
        self.client_order_id = self.name(prefix, "clientOrderId", names)
        self.quantity = self.name(prefix, "quantity", names)
        self.quote_quantity = self.name(prefix, "quoteOrderQty", names)
        self.price = self.name(prefix, "price", names)
        self.stop_price = self.name(prefix, "stopPrice", names)
        self.time_in_force = self.name(prefix, "timeInForce", names)
        self.iceberg = self.name(prefix, "icebergQty", names)
        self.trailing = self.name(prefix, "trailingDelta", names)
        self.peg = self.name(prefix, "pegPriceType", names)
        self.strategy_id = self.name(prefix, "strategyId", names)
        self.strategy_type = self.name(prefix, "strategyType", names)

    cdef bytes name(self, str prefix, str plain, dict names):
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


cdef inline Text text_of(bytes value) noexcept:
    """A value as a form has it; absent where there is none. Its bytes must be kept."""
    cdef Text text
    text.at = NULL
    text.size = 0
    if value is not None:
        text.at = value
        text.size = len(value)
    return text


cdef bytes bytes_of(Text text):
    return None if text.at == NULL else text.at[:text.size]


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


cdef bint is_zero(const char *text, size_t size) noexcept nogil:
    cdef size_t i
    for i in range(size):
        if text[i] != c"0" and text[i] != c".":
            return False
    return True


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


cdef int forbid(Parameters sent, bytes name) except -1:
    if sent.get(name) is not None:
        raise not_required(name.decode())
    return 0


cdef int read_leg(Parameters sent, LegNames names, bytes kind, bytes client_order_id, Form *form) except -1:
    """One order of the type `kind`; all of a form but its self-trade mode. ApiError."""
    cdef bytes side = sent.require(names.side)
    memset(form, 0, sizeof(Form))
    form.msg_type = c"D"
    form.symbol = text_of(symbol_of(sent))
    form.side = text_of(<bytes> SIDES.get(side))
    if form.side.at == NULL:
        raise ApiError(400, Number.INVALID_SIDE, "Invalid side.")
    form.cl_ord_id = text_of(client_order_id)
    refuse_lacking(sent, names)
    if kind == b"LIMIT":
        read_limit(sent, names, form)
    elif kind == b"MARKET":
        read_market(sent, names, form)
    elif kind == b"LIMIT_MAKER":
        read_limit_maker(sent, names, form)
    elif kind == b"STOP_LOSS_LIMIT":
        read_stop_limit(sent, names, form)
    elif kind == b"STOP_LOSS":
        read_stop(sent, names, form)
    elif kind in LACKING:
        raise rejected(LACKING[kind])
    else:
        raise ApiError(400, Number.INVALID_ORDER_TYPE, "Invalid orderType.")
    return 0


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


cdef Text require_decimal(Parameters sent, bytes name) except *:
    cdef bytes value = decimal_of(sent, name)
    if value is None:
        raise missing(name.decode())
    return text_of(value)


cdef Text require_time(Parameters sent, LegNames names) except *:
    cdef bytes value = <bytes> TIMES_IN_FORCE.get(sent.require(names.time_in_force))
    if value is None:
        raise ApiError(400, Number.INVALID_TIME_IN_FORCE, "Invalid timeInForce.")
    return text_of(value)


cdef int read_iceberg(Parameters sent, LegNames names, Form *form) except -1:
    """icebergQty; 0 is as good as none."""
    cdef bytes value = decimal_of(sent, names.iceberg)
    if value is None or is_zero(value, len(value)):
        return 0
    form.display = text_of(value)
    form.has_terms = True
    return 0


cdef int read_limit(Parameters sent, LegNames names, Form *form) except -1:
    form.ord_type = text_of(b"2")
    form.time_in_force = require_time(sent, names)
    form.quantity = require_decimal(sent, names.quantity)
    form.price = require_decimal(sent, names.price)
    read_iceberg(sent, names, form)
    forbid(sent, names.quote_quantity)
    return forbid(sent, names.stop_price)


cdef int read_limit_maker(Parameters sent, LegNames names, Form *form) except -1:
    form.ord_type = text_of(b"2")
    form.time_in_force = text_of(GOOD_TILL_CANCEL)
    form.quantity = require_decimal(sent, names.quantity)
    form.price = require_decimal(sent, names.price)
    form.exec_inst = text_of(POST_ONLY)
    form.has_terms = True
    read_iceberg(sent, names, form)
    forbid(sent, names.quote_quantity)
    forbid(sent, names.time_in_force)
    return forbid(sent, names.stop_price)


cdef int read_market(Parameters sent, LegNames names, Form *form) except -1:
    """A quantity, or an amount of the quote asset to spend or to receive."""
    cdef bytes quantity = decimal_of(sent, names.quantity)
    cdef bytes budget = decimal_of(sent, names.quote_quantity)
    form.ord_type = text_of(b"1")
    form.time_in_force = text_of(IMMEDIATE_OR_CANCEL)
    if quantity is None and budget is None:
        raise either_missing(names.quantity.decode(), names.quote_quantity.decode())
    if quantity is not None and budget is not None:
        raise invalid_combination()
    form.quantity = text_of(quantity)
    form.budget = text_of(budget)
    form.has_terms = budget is not None
    forbid(sent, names.price)
    forbid(sent, names.stop_price)
    forbid(sent, names.time_in_force)
    return forbid(sent, names.iceberg)


cdef int read_stop_limit(Parameters sent, LegNames names, Form *form) except -1:
    form.ord_type = text_of(b"4")
    form.time_in_force = require_time(sent, names)
    form.quantity = require_decimal(sent, names.quantity)
    form.price = require_decimal(sent, names.price)
    form.stop_price = require_decimal(sent, names.stop_price)
    form.exec_inst = text_of(POST_ONLY)  # refused where it would trigger at once
    form.has_terms = True
    read_iceberg(sent, names, form)
    return forbid(sent, names.quote_quantity)


cdef int read_stop(Parameters sent, LegNames names, Form *form) except -1:
    form.ord_type = text_of(b"3")
    form.time_in_force = text_of(GOOD_TILL_CANCEL)
    form.quantity = require_decimal(sent, names.quantity)
    form.stop_price = require_decimal(sent, names.stop_price)
    form.exec_inst = text_of(POST_ONLY)  # refused where it would trigger at once
    form.has_terms = True
    forbid(sent, names.price)
    forbid(sent, names.time_in_force)
    forbid(sent, names.iceberg)
    return forbid(sent, names.quote_quantity)


cdef int read_self_trade(Parameters sent, Form *form) except -1:
    cdef bytes mode = <bytes> choice(sent, b"selfTradePreventionMode", SELF_TRADES, None)
    if mode is not None:
        form.self_trade = text_of(mode)
        form.has_terms = True
    return 0


cdef object error_of_refusal(Parameters sent, const Refusal *refusal, int command):
    """The answer to a form that the venue's checks refuse; the value they found wrong says which parameter it is."""
    cdef const char *at
    for name, value in sent.values.items():
        at = <const char *> <bytes> value
        if at == refusal.sent.at:
            return refusal_error(refusal.code, command, name.decode())
    return refusal_error(refusal.code, command)


cdef dict fields_of(const Form *form):
    """A form for tests: what it has, by name."""
    found = {
        "msg_type": bytes([form.msg_type]), "cl_ord_id": bytes_of(form.cl_ord_id), "symbol": bytes_of(form.symbol),
        "side": bytes_of(form.side), "ord_type": bytes_of(form.ord_type), "price": bytes_of(form.price),
        "time_in_force": bytes_of(form.time_in_force), "quantity": bytes_of(form.quantity),
        "stop_price": bytes_of(form.stop_price), "display": bytes_of(form.display),
        "exec_inst": bytes_of(form.exec_inst), "budget": bytes_of(form.budget),
        "self_trade": bytes_of(form.self_trade),
    }
    return {name: value for name, value in found.items() if value is not None}


cdef class OrderForm:
    """A new order. `form` is for Validator.check."""

    cdef object error_of(self, const Refusal *refusal):
        return error_of_refusal(self.parameters, refusal, CommandType.NEW_ORDER)

    def fields(self):
        return fields_of(&self.form)


cdef class ListForm:
    """Two new orders that belong together. `forms` and `kind` are for Validator.check_list."""

    cdef object error_of(self, const Refusal *refusal):
        return error_of_refusal(self.parameters, refusal, CommandType.NEW_ORDER)

    def fields(self):
        return bytes_of(self.kind), fields_of(&self.forms[0]), fields_of(&self.forms[1])


cdef class Target:
    """The order, or the list, that a request is about: named by its number, by its client id, or by both."""


cdef class CancelForm:
    """A cancel of one order."""

    cdef void fill(self, Form *form) noexcept:
        """Its form, for Validator.check, which wants the order's side too, and its client id if that is not known."""
        memset(form, 0, sizeof(Form))
        form.msg_type = c"F"
        form.cl_ord_id = text_of(self.client_order_id)
        form.orig_cl_ord_id = text_of(self.target.client_order_id)
        form.symbol = text_of(self.target.symbol)


cdef class CancelReplaceForm:
    """A cancel, and a new order in its place, which is another order with a number of its own."""


cdef class AmendForm:
    """A smaller quantity for an order, which keeps its place."""

    cdef void fill(self, Form *form) noexcept:
        """Its form, for Validator.check, which wants the order's side, type and price too, and its client id."""
        memset(form, 0, sizeof(Form))
        form.msg_type = c"G"
        form.cl_ord_id = text_of(self.client_order_id)
        form.orig_cl_ord_id = text_of(self.target.client_order_id)
        form.symbol = text_of(self.target.symbol)
        form.quantity = text_of(self.quantity)

    cdef object error_of(self, const Refusal *refusal):
        return refusal_error(refusal.code, CommandType.REPLACE, "newQty")


cpdef OrderForm read_order(Parameters sent, bytes generated):
    """POST order and order/test; `generated` is its client id where it names none. ApiError."""
    cdef OrderForm found = OrderForm.__new__(OrderForm)
    cdef bytes kind = sent.require(PLAIN.type)
    cdef bint is_plain = kind == b"LIMIT" or kind == b"MARKET"
    found.parameters = sent
    found.client_order_id = client_id_of(sent, PLAIN.client_order_id, generated)
    found.detail = choice(sent, b"newOrderRespType", DETAILS, DETAIL_FULL if is_plain else DETAIL_ACK)
    found.wants_rates = choice(sent, b"computeCommissionRates", {b"true": 2, b"false": 1}, 1) == 2
    read_leg(sent, PLAIN, kind, found.client_order_id, &found.form)
    read_self_trade(sent, &found.form)
    if found.form.stop_price.at == NULL:  # beside a stop price it says the same again
        forbid(sent, b"stopLossPrice")
    return found


cdef ListForm read_pair(
    Parameters sent, bytes list_kind, LegNames first, bytes first_kind, LegNames second, bytes second_kind,
    list generated,
):
    """Two orders in the order of the venue's rules; `generated` are ids for the list and for them. ApiError."""
    cdef ListForm found = ListForm.__new__(ListForm)
    found.parameters = sent
    found.kind = text_of(list_kind)
    found.list_client_order_id = client_id_of(sent, b"listClientOrderId", generated[0])
    found.client_order_ids = [
        client_id_of(sent, first.client_order_id, generated[1]),
        client_id_of(sent, second.client_order_id, generated[2]),
    ]
    found.detail = choice(sent, b"newOrderRespType", DETAILS, DETAIL_FULL)
    read_leg(sent, first, first_kind, <bytes> found.client_order_ids[0], &found.forms[0])
    read_leg(sent, second, second_kind, <bytes> found.client_order_ids[1], &found.forms[1])
    read_self_trade(sent, &found.forms[0])
    read_self_trade(sent, &found.forms[1])
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
        found = read_pair(sent, ONE_CANCELS_THE_OTHER, ABOVE, above, BELOW, below, generated)
    else:
        found = read_pair(sent, ONE_CANCELS_THE_OTHER, BELOW, below, ABOVE, above, generated)
    check_relation(found)
    return found


cpdef ListForm read_old_oco(Parameters sent, list generated):
    """POST order/oco, which python-binance and older clients send. ApiError."""
    cdef bytes kind = b"STOP_LOSS" if sent.get(OLD_STOP.price) is None else b"STOP_LOSS_LIMIT"
    cdef ListForm found
    # The limit order has no stop price of its own: that parameter is the other order's.
    found = read_pair(sent, ONE_CANCELS_THE_OTHER, OLD_LIMIT, b"LIMIT_MAKER", OLD_STOP, kind, generated)
    check_relation(found)
    return found


cpdef ListForm read_oto(Parameters sent, list generated):
    """POST orderList/oto: a limit order that works, and one that waits until it is filled. ApiError."""
    cdef bytes working = sent.require(WORKING.type)
    cdef bytes pending = sent.require(PENDING.type)
    if working != b"LIMIT" and working != b"LIMIT_MAKER":
        raise ApiError(400, Number.INVALID_ORDER_TYPE, "Invalid orderType.")
    return read_pair(sent, ONE_TRIGGERS_THE_OTHER, WORKING, working, PENDING, pending, generated)


cdef int check_relation(ListForm pair) except -1:
    """A sell's limit price is above the price of its stop, a buy's below. ApiError."""
    cdef int order = compare(pair.forms[0].price, pair.forms[1].stop_price)
    if order and (order > 0) != (pair.forms[0].side.at[0] == c"2"):
        raise rejected(RELATION)
    return 0


cdef int compare(Text one, Text other) noexcept nogil:
    """Which of two numbers is greater: 1, or -1; 0 where they are equal, or one is beyond what the venue can hold."""
    cdef Decimal left
    cdef Decimal right
    cdef int128 difference
    if parse_decimal(one.at, one.size, &left) != FAULT_NONE:
        return 0
    if parse_decimal(other.at, other.size, &right) != FAULT_NONE:
        return 0
    difference = (
        <int128> left.mantissa * power_of_ten(MOST_DECIMALS - left.decimals)
        - <int128> right.mantissa * power_of_ten(MOST_DECIMALS - right.decimals)
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
    found.target = read_target(sent)
    found.client_order_id = client_id_of(sent, b"newClientOrderId", generated)
    found.quantity = decimal_of(sent, b"newQty")
    if found.quantity is None:
        raise missing("newQty")
    return found
