"""Writes reports of events: ExecutionReports (8), OrderCancelRejects (9), OrderMassCancelReports (r), 4.2 and 4.4.

It encodes what events and the order table say straight into an outbox, and keeps nothing.

Where the versions differ (FIX 4.2 with errata 20010501, FIX 4.4 with errata 20030618)::

    what          FIX 4.4                                FIX 4.2
    ExecType      F for a fill                           1 for a partial fill, 2 for the last
    OrdStatus     of a replaced order its own: 0 or 1    5 while nothing is filled, else 1
    20            absent                                 ExecTransType 0 (new), 3 (status)
    32            LastQty                                LastShares
    status        ExecType I                             ExecTransType 3, ExecType as OrdStatus
    18            a, of a trailing stop                  absent
    636, 851      WorkingIndicator, LastLiquidityInd     absent
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport strlen

from lockstep.core.intake.codes cimport EXPLANATION_SIZE, cxl_rej_reason, explain, mass_rej_reason, ord_rej_reason
from lockstep.core.intake.orders cimport (
    STATUS_FILLED, STATUS_NEW, STATUS_REJECTED, STATUS_REPLACED, ClientOrders, int128, is_closed, leaves_of,
    notional_of,
)
from lockstep.core.schema.decimals cimport Grid
from lockstep.core.schema.digits cimport put_uint
from lockstep.core.schema.records cimport (
    API_SESSION,
    CANCEL_REASON_AUCTION_ENDED,
    CANCEL_REASON_DELISTED,
    CANCEL_REASON_EXPIRED,
    CANCEL_REASON_FILL_OR_KILL,
    CANCEL_REASON_IOC_REMAINDER,
    CANCEL_REASON_LIST,
    CANCEL_REASON_MARKET_REMAINDER,
    CANCEL_REASON_MASS_CANCEL,
    CANCEL_REASON_MINIMUM_QUANTITY,
    CANCEL_REASON_NO_FUNDS,
    CANCEL_REASON_PRICE_BAND,
    CANCEL_REASON_REQUESTED,
    CANCEL_REASON_SELF_TRADE,
    CANCEL_REASON_VOIDED,
    CL_ORD_ID_SIZE,
    CMD_REPLACE,
    CODE_DUPLICATE_CLIENT_ID,
    CODE_OK,
    ORD_TYPE_LIMIT,
    ORD_TYPE_MARKET,
    ORD_TYPE_STOP_LIMIT,
    ORD_TYPE_TRAILING_STOP,
    ORDER_FLAG_BUDGET,
    ORDER_FLAG_POST_ONLY,
    ORDER_FLAG_SLIDE,
    ORDER_STATE_WAITING,
    RESTATE_REASON_SLID,
    SIDE_BUY,
    SYMBOL_SIZE,
    TRADE_FLAG_AUCTION,
    TRIGGER_REASON_AUCTION,
    TRIGGER_REASON_LIST,
    TRIGGER_REASON_STOP,
)
from lockstep.procs.gateway.fix.encode cimport MILLIS, Outbox

cdef enum:
    AVG_PX_DECIMALS = 8              # beyond those of the price
    INT64_MAX = 9223372036854775807
    COMM_TYPE_ABSOLUTE = 51          # CommType (13) = 3
    LIQUIDITY_ADDED = 49             # LastLiquidityInd (851) = 1; 4.4 has no value for an auction
    LIQUIDITY_REMOVED = 50
    RESTATED_PRICE = 51              # ExecRestatementReason (378): repricing, partial decline of OrderQty …
    RESTATED_QUANTITY = 53
    RESTATED_BY_BROKER = 4           # … broker option, and market option, which 4.2 lacks
    RESTATED_BY_MARKET = 8
    FLAGS_SHOWN = 12                 # POST_ONLY and SLIDE

assert FLAGS_SHOWN == ORDER_FLAG_POST_ONLY | ORDER_FLAG_SLIDE

cdef const char *UNKNOWN_ID = b"NONE"
cdef const char *AUCTION_TEXT = b"auction"
cdef const char *SLID_TEXT = b"post-only: moved to the best price at which it does not trade at once"
cdef const char *SELF_TRADE_TEXT = b"self-trade prevention: what would have met an order of its owner was taken off"
ctypedef const char *Words

cdef Words[16] CANCEL_TEXTS
CANCEL_TEXTS[CANCEL_REASON_REQUESTED] = b"cancelled by its owner's request by the api"
CANCEL_TEXTS[CANCEL_REASON_IOC_REMAINDER] = b"IOC: what could not trade at once was cancelled"
CANCEL_TEXTS[CANCEL_REASON_MARKET_REMAINDER] = b"market order: what could not trade within the collar was cancelled"
CANCEL_TEXTS[CANCEL_REASON_FILL_OR_KILL] = b"FOK: it could not trade completely at once"
CANCEL_TEXTS[CANCEL_REASON_MINIMUM_QUANTITY] = b"its minimum quantity could not trade at once"
CANCEL_TEXTS[CANCEL_REASON_SELF_TRADE] = b"self-trade prevention: it would have met an order of its owner"
CANCEL_TEXTS[CANCEL_REASON_EXPIRED] = b"its time in force has ended"
CANCEL_TEXTS[CANCEL_REASON_AUCTION_ENDED] = b"the auction that it was for has ended"
CANCEL_TEXTS[CANCEL_REASON_PRICE_BAND] = b"what could not trade within the price bands was cancelled"
CANCEL_TEXTS[CANCEL_REASON_LIST] = b"the other order of its list has ended it"
CANCEL_TEXTS[CANCEL_REASON_MASS_CANCEL] = b"mass cancel"
CANCEL_TEXTS[CANCEL_REASON_DELISTED] = b"the instrument is no longer traded"
CANCEL_TEXTS[CANCEL_REASON_NO_FUNDS] = b"the account's free balance does not cover it"
CANCEL_TEXTS[CANCEL_REASON_VOIDED] = b"the operator took it out: the venue could not carry it out"
cdef Words[4] TRIGGER_TEXTS
TRIGGER_TEXTS[TRIGGER_REASON_STOP] = b"triggered: its stop price was reached"
TRIGGER_TEXTS[TRIGGER_REASON_LIST] = b"triggered: the first order of its list is filled"
TRIGGER_TEXTS[TRIGGER_REASON_AUCTION] = b"triggered: the auction that it is for takes orders"


cdef ExecId exec_id_of(int ring, uint64_t number, int side) noexcept nogil:
    """The ExecID of one side of an event: the same after any restart, and never another's."""
    cdef ExecId exec_id
    cdef char *at = put_uint(exec_id.text, ring)
    at[0] = c"-"
    at = put_uint(at + 1, number)
    at[0] = c"-"
    at[1] = c"B" if side == SIDE_BUY else c"S"
    exec_id.size = at + 2 - exec_id.text
    return exec_id


cdef inline int add_steps(Outbox out, uint32_t tag, int64_t steps, const Grid *grid) except -1 nogil:
    return out.add_decimal(tag, steps * grid.step, grid.scale)


cdef inline char type_of(int ord_type) noexcept nogil:
    """OrdType: FIX has no digit for the trailing stop."""
    return c"P" if ord_type == ORD_TYPE_TRAILING_STOP else <char> (c"0" + ord_type)


cdef inline bint is_priced(int ord_type) noexcept nogil:
    return ord_type == ORD_TYPE_LIMIT or ord_type == ORD_TYPE_STOP_LIMIT


cdef class Reports:
    """One method a message; each writes the body's fields between the outbox's begin and end."""

    def __init__(self, Listings listings, ClientOrders orders):
        self.listings = listings
        self.orders = orders

    cdef int accepted(
        self, Outbox out, const ClientOrder *order, int ring, const AcceptedRecord *event
    ) except -1 nogil:
        cdef ExecId exec_id = exec_id_of(ring, event.number, event.side)
        self.head(out, order, &exec_id, c"0", STATUS_NEW)
        self.terms(out, order, self.listings.get(order.instrument))
        self.progress(out, order, self.listings.get(order.instrument))
        return out.add_utc(60, event.time_ns, MILLIS)

    cdef int traded(self, Outbox out, const ClientOrder *order, int ring, const TradedRecord *event) except -1 nogil:
        """One side of a trade, which the order table has already applied to the order."""
        cdef const Listing *listing = self.listings.get(order.instrument)
        cdef ExecId exec_id = exec_id_of(ring, event.number, order.side)
        cdef char exec_type = c"F"
        cdef int64_t fee = event.maker_fee if order.order_id == event.maker_order_id else event.taker_fee
        cdef uint32_t asset = listing.base_asset if order.side == SIDE_BUY else listing.quote_asset
        if out.version == 42:
            exec_type = c"2" if order.status == STATUS_FILLED else c"1"
        self.head(out, order, &exec_id, exec_type, order.status)
        self.terms(out, order, listing)
        add_steps(out, 32, event.quantity_lots, &listing.quantity)
        add_steps(out, 31, event.price_ticks, &listing.price)
        self.progress(out, order, listing)
        if event.flags & TRADE_FLAG_AUCTION:
            add_text(out, AUCTION_TEXT)
        elif out.version != 42:
            out.add_char(851, LIQUIDITY_ADDED if order.order_id == event.maker_order_id else LIQUIDITY_REMOVED)
        if fee:
            out.add_decimal(12, fee, listing.base_scale if order.side == SIDE_BUY else listing.quote_scale)
            out.add_char(13, COMM_TYPE_ABSOLUTE)
            if out.version != 42:
                out.add_padded(479, self.listings.asset_name(asset), SYMBOL_SIZE)
        return out.add_utc(60, event.time_ns, MILLIS)

    cdef int cancelled(
        self, Outbox out, const ClientOrder *order, int ring, const CancelledRecord *event
    ) except -1 nogil:
        cdef ExecId exec_id = exec_id_of(ring, event.number, order.side)
        cdef bint asked = event.reason == CANCEL_REASON_REQUESTED and event.session < API_SESSION
        out.add_int(37, order.order_id)
        if asked:
            out.add_padded(11, event.cl_ord_id, CL_ORD_ID_SIZE)
            out.add_padded(41, order.cl_ord_id, CL_ORD_ID_SIZE)
        else:
            out.add_padded(11, order.cl_ord_id, CL_ORD_ID_SIZE)
        add_kind(out, &exec_id, order.status, order.status)
        self.terms(out, order, self.listings.get(order.instrument))
        self.progress(out, order, self.listings.get(order.instrument))
        out.add_utc(60, event.time_ns, MILLIS)
        return 0 if asked else add_text(out, CANCEL_TEXTS[event.reason])

    cdef int triggered(
        self, Outbox out, const ClientOrder *order, int ring, const TriggeredRecord *event
    ) except -1 nogil:
        """FIX before 5.0 has no ExecType for it: it is a restatement, of whether the order works."""
        cdef ExecId exec_id = exec_id_of(ring, event.number, order.side)
        self.head(out, order, &exec_id, c"D", order.status)
        out.add_int(378, RESTATED_BY_BROKER if out.version == 42 else RESTATED_BY_MARKET)
        self.terms(out, order, self.listings.get(order.instrument))
        if out.version != 42:
            out.add_char(636, c"Y")
        self.progress(out, order, self.listings.get(order.instrument))
        out.add_utc(60, event.time_ns, MILLIS)
        return add_text(out, TRIGGER_TEXTS[event.reason])

    cdef int restated(
        self, Outbox out, const ClientOrder *order, int ring, const RestatedRecord *event
    ) except -1 nogil:
        cdef ExecId exec_id = exec_id_of(ring, event.number, order.side)
        cdef bint slid = event.reason == RESTATE_REASON_SLID
        self.head(out, order, &exec_id, c"D", order.status)
        out.add_char(378, RESTATED_PRICE if slid else RESTATED_QUANTITY)
        self.terms(out, order, self.listings.get(order.instrument))
        self.progress(out, order, self.listings.get(order.instrument))
        out.add_utc(60, event.time_ns, MILLIS)
        return add_text(out, SLID_TEXT if slid else SELF_TRADE_TEXT)

    cdef int mass_cancelled(self, Outbox out, const ConfirmedRecord *event) except -1 nogil:
        """A mass cancel that the router took: each order that it cancels is reported by itself."""
        return self.mass(out, event.cause, event.cl_ord_id, event.instrument, event.side, event.time_ns, CODE_OK)

    cdef int mass_rejected(self, Outbox out, const RejectedRecord *event) except -1 nogil:
        return self.mass(out, event.cause, event.cl_ord_id, event.instrument, event.side, event.time_ns, event.code)

    cdef int mass(
        self, Outbox out, uint64_t cause, const char *cl_ord_id, uint32_t instrument, int side, int64_t utc_ns, int code
    ) except -1 nogil:
        """An OrderMassCancelReport; its OrderID is the command's place in the log."""
        cdef const Listing *listing = self.listings.get(instrument) if instrument else NULL
        cdef char asked = c"1" if instrument else c"7"
        out.add_int(37, cause)
        out.add_padded(11, cl_ord_id, CL_ORD_ID_SIZE)
        out.add_char(530, asked)
        out.add_char(531, asked if code == CODE_OK else c"0")
        if code != CODE_OK:
            out.add_int(532, mass_rej_reason(code))
        if listing != NULL:
            out.add_padded(55, listing.symbol, SYMBOL_SIZE)
        if side:
            out.add_char(54, c"0" + side)
        out.add_utc(60, utc_ns, MILLIS)
        return 0 if code == CODE_OK else add_explanation(out, code, NULL, 0)

    cdef int replaced(
        self, Outbox out, const ClientOrder *order, int ring, const ReplacedRecord *event, const char *old_cl_ord_id
    ) except -1 nogil:
        cdef ExecId exec_id = exec_id_of(ring, event.number, order.side)
        cdef char status = order.status
        if out.version == 42 and status == STATUS_NEW:
            status = STATUS_REPLACED
        out.add_int(37, order.order_id)
        out.add_padded(11, order.cl_ord_id, CL_ORD_ID_SIZE)
        out.add_padded(41, old_cl_ord_id, CL_ORD_ID_SIZE)
        add_kind(out, &exec_id, c"5", status)
        self.terms(out, order, self.listings.get(order.instrument))
        self.progress(out, order, self.listings.get(order.instrument))
        return out.add_utc(60, event.time_ns, MILLIS)

    cdef int rejected(self, Outbox out, const RejectedRecord *event, int ring) except -1 nogil:
        """A new order that the router or a matcher refused. A duplicate's id belongs to another order: it has none."""
        cdef ExecId exec_id = exec_id_of(ring, event.number, event.side)
        cdef const Listing *listing = self.listings.get(event.instrument)
        if event.code == CODE_DUPLICATE_CLIENT_ID:
            out.add_bytes(37, UNKNOWN_ID, 4)
        else:
            out.add_int(37, event.order_id)
        out.add_padded(11, event.cl_ord_id, CL_ORD_ID_SIZE)
        add_kind(out, &exec_id, c"8", STATUS_REJECTED)
        out.add_int(103, ord_rej_reason(event.code, out.version == 42))
        if listing != NULL:
            out.add_padded(55, listing.symbol, SYMBOL_SIZE)
        out.add_char(54, c"0" + event.side)
        # The quantity of a market order may have been a budget, which a refusal does not tell.
        if listing != NULL and event.ord_type != ORD_TYPE_MARKET:
            add_steps(out, 38, event.quantity_lots, &listing.quantity)
            if is_priced(event.ord_type):
                add_steps(out, 44, event.price_ticks, &listing.price)
        out.add_char(40, type_of(event.ord_type))
        out.add_char(59, c"0" + event.time_in_force)
        add_nothing_done(out)
        out.add_utc(60, event.time_ns, MILLIS)
        return add_explanation(out, event.code, NULL, 0)

    cdef int cancel_rejected(
        self, Outbox out, const ClientOrder *order, const RejectedRecord *event, const char *orig_cl_ord_id
    ) except -1 nogil:
        """A cancel or replace that the router or a matcher refused; `order` is NULL if none is known."""
        add_target(out, order)
        out.add_padded(11, event.cl_ord_id, CL_ORD_ID_SIZE)
        out.add_padded(41, orig_cl_ord_id, CL_ORD_ID_SIZE)
        out.add_char(434, c"2" if event.command == CMD_REPLACE else c"1")
        out.add_int(102, cxl_rej_reason(event.code, out.version == 42))
        out.add_utc(60, event.time_ns, MILLIS)
        return add_explanation(out, event.code, NULL, 0)

    cdef int status(self, Outbox out, const ClientOrder *order, const ExecId *exec_id, int64_t utc_ns) except -1 nogil:
        """How an order stands, to answer a query or a possible resend; the caller adds fields that echo the request."""
        out.add_int(37, order.order_id)
        out.add_padded(11, order.cl_ord_id, CL_ORD_ID_SIZE)
        add_kind(out, exec_id, order.status if out.version == 42 else c"I", order.status, c"3")
        self.terms(out, order, self.listings.get(order.instrument))
        self.progress(out, order, self.listings.get(order.instrument))
        return out.add_utc(60, utc_ns, MILLIS)

    cdef int head(
        self, Outbox out, const ClientOrder *order, const ExecId *exec_id, char exec_type, char status
    ) except -1 nogil:
        out.add_int(37, order.order_id)
        out.add_padded(11, order.cl_ord_id, CL_ORD_ID_SIZE)
        return add_kind(out, exec_id, exec_type, status)

    cdef int terms(self, Outbox out, const ClientOrder *order, const Listing *listing) except -1 nogil:
        out.add_padded(55, listing.symbol, SYMBOL_SIZE)
        out.add_char(54, c"0" + order.side)
        if order.flags & ORDER_FLAG_BUDGET:
            out.add_decimal(152, order.quantity_lots, listing.quote_scale)
        # The quantity of a market order that was refused may have been a budget too.
        elif order.ord_type != ORD_TYPE_MARKET or order.status != STATUS_REJECTED:
            add_steps(out, 38, order.quantity_lots, &listing.quantity)
        out.add_char(40, type_of(order.ord_type))
        if is_priced(order.ord_type):
            add_steps(out, 44, order.price_ticks, &listing.price)
        out.add_char(59, c"0" + order.time_in_force)
        if order.further or order.flags & FLAGS_SHOWN or order.state == ORDER_STATE_WAITING:
            self.further(out, order, listing)
        return 0

    cdef int further(self, Outbox out, const ClientOrder *order, const Listing *listing) except -1 nogil:
        """What few orders have."""
        cdef const FurtherTerms *terms = self.orders.further_of(order)
        if order.ord_type == ORD_TYPE_TRAILING_STOP:
            if out.version != 42:  # which has no ExecInst for it: OrdType and PegDifference say it
                out.add_char(18, c"a")
        elif order.flags & ORDER_FLAG_POST_ONLY:
            out.add_char(18, c"6")
        if terms.stop_price_ticks:
            add_steps(out, 99, terms.stop_price_ticks, &listing.price)
        if terms.trail_ticks:
            add_steps(out, 211, terms.trail_ticks, &listing.price)
        if terms.display_lots:
            add_steps(out, 111, terms.display_lots, &listing.quantity)
        if terms.minimum_lots:
            add_steps(out, 110, terms.minimum_lots, &listing.quantity)
        if terms.expire_ns:
            out.add_utc(126, terms.expire_ns, MILLIS)
        if order.flags & ORDER_FLAG_SLIDE:
            out.add_char(9479, c"P")
        if order.state == ORDER_STATE_WAITING and out.version != 42 and not is_closed(order):
            out.add_char(636, c"N")
        return 0

    cdef int progress(self, Outbox out, const ClientOrder *order, const Listing *listing) except -1 nogil:
        if order.flags & ORDER_FLAG_BUDGET:
            add_budget_left(out, order, listing)
        else:
            add_steps(out, 151, leaves_of(order), &listing.quantity)
        add_steps(out, 14, order.cum_lots, &listing.quantity)
        return add_average(out, order, listing)


cdef int add_average(Outbox out, const ClientOrder *order, const Listing *listing) except -1 nogil:
    """AvgPx (6): notional / quantity, cut to as many decimals (8 beyond the price's, at most) as fit."""
    cdef int128 value
    cdef int decimals = 0
    cdef int most = min(AVG_PX_DECIMALS, 18 - listing.price.scale)
    if order.cum_lots == 0:
        return out.add_char(6, c"0")
    value = notional_of(order) * listing.price.step
    while decimals < most and value * 10 / order.cum_lots <= INT64_MAX:
        value *= 10
        decimals += 1
    return out.add_decimal(6, <int64_t> (value / order.cum_lots), listing.price.scale + decimals)


cdef int add_budget_left(Outbox out, const ClientOrder *order, const Listing *listing) except -1 nogil:
    """LeavesQty of an order with a budget: the rest of it, in the quote asset, while the order is open."""
    if is_closed(order):
        return out.add_char(151, c"0")
    return out.add_decimal(
        151, order.quantity_lots - <int64_t> (notional_of(order) * listing.unit_value), listing.quote_scale
    )


cdef int add_kind(
    Outbox out, const ExecId *exec_id, char exec_type, char status, char trans_type=c"0"
) except -1 nogil:
    """ExecID, ExecTransType where there is one, ExecType and OrdStatus."""
    out.add_bytes(17, exec_id.text, exec_id.size)
    if out.version == 42:
        out.add_char(20, trans_type)
    out.add_char(150, exec_type)
    return out.add_char(39, status)


cdef int add_nothing_done(Outbox out) except -1 nogil:
    out.add_char(151, c"0")
    out.add_char(14, c"0")
    return out.add_char(6, c"0")


cdef int add_target(Outbox out, const ClientOrder *order) except -1 nogil:
    """OrderID and OrdStatus of what a cancel or replace meant; FIX wants NONE and Rejected if that is unknown."""
    if order == NULL:
        out.add_bytes(37, UNKNOWN_ID, 4)
        return out.add_char(39, STATUS_REJECTED)
    out.add_int(37, order.order_id)
    return out.add_char(39, order.status)


cdef int add_explanation(
    Outbox out, int code, const char *sent, size_t size, const Grid *grid=NULL
) except -1 nogil:
    cdef char text[EXPLANATION_SIZE]
    return out.add_bytes(58, text, explain(code, sent, size, grid, text))


cdef int add_text(Outbox out, const char *text) except -1 nogil:
    return out.add_bytes(58, text, strlen(text))
