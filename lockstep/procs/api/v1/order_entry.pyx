"""Orders in the venue's own terms: from the fields of a request to the requests that commands are made of.

Fields have the names and words of `/v1`; numbers are judged by the venue's own checks. It knows neither HTTP nor JSON.
"""

from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.intake.order_request cimport (
    AMOUNTS, FIELD_BUDGET, FIELD_CL_ORD_ID, FIELD_DISPLAY, FIELD_EXPIRE_TIME, FIELD_KIND, FIELD_MINIMUM, FIELD_ORD_TYPE,
    FIELD_ORIG_CL_ORD_ID, FIELD_POST_ONLY, FIELD_PRICE, FIELD_QUANTITY, FIELD_SELF_TRADE, FIELD_SIDE, FIELD_SLIDE,
    FIELD_STOP_PRICE, FIELD_SYMBOL, FIELD_TIME_IN_FORCE, FIELD_TRAIL, OrderField, OrderRequest, Refusal, begin, has,
    put_amount, put_id, put_orig_id, put_symbol,
)
from lockstep.core.schema.records cimport CMD_CANCEL, CMD_NEW_ORDER, CMD_REPLACE, ORDER_FLAG_POST_ONLY, ORDER_FLAG_SLIDE
from lockstep.procs.api.commands cimport Commands

from lockstep.core.schema.enums import ListKind, OrderType, SelfTrade, Side, TimeInForce
from lockstep.procs.api.moments import LAST_MS

MS = 1_000_000

cdef dict NAMES = {
    FIELD_CL_ORD_ID: "client_order_id", FIELD_ORIG_CL_ORD_ID: "orig_client_order_id", FIELD_SYMBOL: "symbol",
    FIELD_SIDE: "side", FIELD_ORD_TYPE: "type", FIELD_TIME_IN_FORCE: "time_in_force", FIELD_PRICE: "price",
    FIELD_QUANTITY: "quantity", FIELD_BUDGET: "budget", FIELD_STOP_PRICE: "stop_price", FIELD_TRAIL: "trail",
    FIELD_DISPLAY: "display", FIELD_MINIMUM: "minimum", FIELD_EXPIRE_TIME: "expires", FIELD_POST_ONLY: "post_only",
    FIELD_SLIDE: "slide", FIELD_SELF_TRADE: "self_trade",
}


class OrderRefusedError(Exception):
    """The venue's checks refuse a request; nothing was sent. `field` is what they found wrong, "" if it is none."""

    def __init__(self, code, field):
        super().__init__(code)
        self.code = code
        self.field = field


cdef int fill(OrderRequest *request, int command, dict fields) except -1:
    """Read the fields of an order: words, times in ms, and numbers as texts; None or False where one is not sent."""
    cdef OrderField field
    cdef bytes text
    begin(request, command)
    for field, name in NAMES.items():
        value = fields.get(name)
        if value is None or value is False:
            continue
        request.sent |= 1 << field
        if field < AMOUNTS:
            text = value.encode()
            put_amount(request, field, text, len(text))
    text = fields["client_order_id"].encode()
    put_id(request, text, len(text))
    text = fields["symbol"].encode()
    put_symbol(request, text, len(text))
    if has(request, FIELD_ORIG_CL_ORD_ID):
        text = fields["orig_client_order_id"].encode()
        put_orig_id(request, text, len(text))
    request.order.side = Side[fields["side"].upper()]
    request.order.ord_type = OrderType[fields["type"].upper()]
    request.order.time_in_force = TimeInForce[fields["time_in_force"].upper()]
    if has(request, FIELD_SELF_TRADE):
        request.order.stp = SelfTrade[fields["self_trade"].upper()]
    if has(request, FIELD_POST_ONLY):
        request.order.flags |= ORDER_FLAG_POST_ONLY
    if has(request, FIELD_SLIDE):
        request.order.flags |= ORDER_FLAG_SLIDE
    if has(request, FIELD_EXPIRE_TIME):
        request.more.expire_ns = fields["expires"] * MS
    if fields["valid_until"] is not None:
        request.more.valid_until_ns = min(max(fields["valid_until"], 1), LAST_MS) * MS
    return 0


cdef str name_of(const OrderRequest *request, const Refusal *refusal):
    """The field that is wrong, if it was sent."""
    return NAMES[refusal.field] if refusal.field in NAMES and has(request, refusal.field) else ""


cdef class OrderEntry:
    """Sends what people ask for. Each method returns the request, whose outcome comes. OrderRefusedError.

    `ticket` is the caller's, as in IngressWriter.
    """

    cdef Commands commands

    def __init__(self, Commands commands not None):
        self.commands = commands

    def place(self, uint32_t account, uint64_t ticket, dict fields not None):
        """A new order."""
        cdef OrderRequest order
        cdef Refusal refusal
        fill(&order, CMD_NEW_ORDER, fields)
        request = self.commands.place(&order, account, 0, ticket, &refusal)
        if request is None:
            raise OrderRefusedError(refusal.code, name_of(&order, &refusal))
        return request

    def place_list(
        self, uint32_t account, uint64_t ticket, str kind not None, dict first not None, dict second not None
    ):
        """Two new orders: `oco`, one cancels the other, or `oto`, the first one triggers the second."""
        cdef OrderRequest orders[2]
        cdef Refusal refusal
        fill(&orders[0], CMD_NEW_ORDER, first)
        fill(&orders[1], CMD_NEW_ORDER, second)
        request = self.commands.place_list(orders, ListKind[kind.upper()], NULL, account, 0, ticket, &refusal)
        if request is None and refusal.field == FIELD_KIND:
            raise OrderRefusedError(refusal.code, "kind")
        if request is None:
            name = name_of(&orders[refusal.leg], &refusal)
            raise OrderRefusedError(refusal.code, f"orders[{refusal.leg}].{name}" if name else "")
        return request

    def replace(self, uint32_t account, uint64_t ticket, dict fields not None):
        """Other terms for an order, which gets a new client id."""
        cdef OrderRequest change
        cdef Refusal refusal
        fill(&change, CMD_REPLACE, fields)
        request = self.commands.place(&change, account, 0, ticket, &refusal)
        if request is None:
            raise OrderRefusedError(refusal.code, name_of(&change, &refusal))
        return request

    def cancel(
        self, uint32_t account, uint64_t ticket, uint32_t instrument, int side, bytes client_order_id,
        bytes orig_client_order_id
    ):
        """A cancel under an id of its own."""
        cdef OrderRequest cancel
        cdef Refusal refusal
        begin(&cancel, CMD_CANCEL)
        cancel.order.instrument = instrument
        cancel.order.side = side
        put_id(&cancel, client_order_id, len(client_order_id))
        put_orig_id(&cancel, orig_client_order_id, len(orig_client_order_id))
        request = self.commands.cancel(&cancel, account, 0, ticket, &refusal)
        if request is None:
            raise OrderRefusedError(refusal.code, "")
        return request
