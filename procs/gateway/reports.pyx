"""Writes ExecutionReports (8) and OrderCancelRejects (9), in the shapes of FIX 4.4 and 4.2.

It encodes what events and the order table say straight into an outbox; it keeps nothing and decides nothing.

Where the versions differ (FIX 4.2 with errata 20010501, FIX 4.4 with errata 20030618)::

    what          FIX 4.4                                FIX 4.2
    ExecType      F for a fill                           1 for a partial fill, 2 for the last
    OrdStatus     of a replaced order its own: 0 or 1    5 while nothing is filled, else 1
    20            absent                                 ExecTransType 0 (new), 3 (status)
    32            LastQty                                LastShares
    status        ExecType I                             ExecTransType 3, ExecType as OrdStatus
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport strlen

from procs.gateway.codes cimport EXPLANATION_SIZE, cxl_rej_reason, explain, ord_rej_reason
from procs.gateway.decimals cimport Grid
from procs.gateway.fix.digits cimport put_uint
from procs.gateway.fix.encode cimport MILLIS, Outbox
from procs.gateway.forms cimport Text
from procs.gateway.orders cimport (
    STATUS_FILLED,
    STATUS_NEW,
    STATUS_REJECTED,
    STATUS_REPLACED,
    int128,
    leaves_of,
    notional_of,
)
from shm.records cimport (
    CANCEL_REASON_IOC_REMAINDER,
    CANCEL_REASON_REQUESTED,
    CL_ORD_ID_SIZE,
    CMD_REPLACE,
    CODE_DUPLICATE_CLIENT_ID,
    ORD_TYPE_LIMIT,
    SIDE_BUY,
    SYMBOL_SIZE,
)

cdef enum:
    AVG_PX_DECIMALS = 8              # beyond those of the price
    INT64_MAX = 9223372036854775807
    COMM_TYPE_ABSOLUTE = 51          # CommType (13) = 3

cdef const char *UNKNOWN_ID = b"NONE"
cdef const char *IOC_TEXT = b"IOC: what could not trade at once was cancelled"
cdef const char *MARKET_TEXT = b"market order: what could not trade within the collar was cancelled"


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


cdef inline int add_sent(Outbox out, uint32_t tag, Text text) except -1 nogil:
    """Repeat a field as it came, if it did."""
    return out.add_bytes(tag, text.at, text.size) if text.size else 0


cdef class Reports:
    """One method a message; each writes the body's fields between the outbox's begin and end."""

    def __init__(self, Listing listing):
        self.listing = listing

    cdef int accepted(self, Outbox out, const Order *order, int ring, const AcceptedRecord *event) except -1 nogil:
        cdef ExecId exec_id = exec_id_of(ring, event.number, event.side)
        self.head(out, order, &exec_id, c"0", STATUS_NEW)
        self.terms(out, order, self.listing.get(order.instrument))
        self.progress(out, order, self.listing.get(order.instrument))
        return out.add_utc(60, event.time_ns, MILLIS)

    cdef int traded(self, Outbox out, const Order *order, int ring, const TradedRecord *event) except -1 nogil:
        """One side of a trade, which the order table has already applied to the order."""
        cdef const Listed *listed = self.listing.get(order.instrument)
        cdef ExecId exec_id = exec_id_of(ring, event.number, order.side)
        cdef char exec_type = c"F"
        cdef int64_t fee = event.maker_fee if order.order_id == event.maker_order_id else event.taker_fee
        cdef uint32_t asset = listed.base_asset if order.side == SIDE_BUY else listed.quote_asset
        if out.version == 42:
            exec_type = c"2" if order.status == STATUS_FILLED else c"1"
        self.head(out, order, &exec_id, exec_type, order.status)
        self.terms(out, order, listed)
        add_steps(out, 32, event.quantity_lots, &listed.quantity)
        add_steps(out, 31, event.price_ticks, &listed.price)
        self.progress(out, order, listed)
        if fee:
            out.add_decimal(12, fee, listed.base_scale if order.side == SIDE_BUY else listed.quote_scale)
            out.add_char(13, COMM_TYPE_ABSOLUTE)
            if out.version != 42:
                out.add_padded(479, self.listing.asset_name(asset), SYMBOL_SIZE)
        return out.add_utc(60, event.time_ns, MILLIS)

    cdef int cancelled(self, Outbox out, const Order *order, int ring, const CancelledRecord *event) except -1 nogil:
        cdef ExecId exec_id = exec_id_of(ring, event.number, order.side)
        cdef bint asked = event.reason == CANCEL_REASON_REQUESTED
        out.add_int(37, order.order_id)
        if asked:
            out.add_padded(11, event.cl_ord_id, CL_ORD_ID_SIZE)
            out.add_padded(41, order.cl_ord_id, CL_ORD_ID_SIZE)
        else:
            out.add_padded(11, order.cl_ord_id, CL_ORD_ID_SIZE)
        self.kind(out, &exec_id, c"4", order.status)
        self.terms(out, order, self.listing.get(order.instrument))
        self.progress(out, order, self.listing.get(order.instrument))
        out.add_utc(60, event.time_ns, MILLIS)
        if not asked:
            add_reason(out, event.reason)
        return 0

    cdef int replaced(
        self, Outbox out, const Order *order, int ring, const ReplacedRecord *event, const char *old_cl_ord_id
    ) except -1 nogil:
        cdef ExecId exec_id = exec_id_of(ring, event.number, order.side)
        cdef char status = order.status
        if out.version == 42 and status == STATUS_NEW:
            status = STATUS_REPLACED
        out.add_int(37, order.order_id)
        out.add_padded(11, order.cl_ord_id, CL_ORD_ID_SIZE)
        out.add_padded(41, old_cl_ord_id, CL_ORD_ID_SIZE)
        self.kind(out, &exec_id, c"5", status)
        self.terms(out, order, self.listing.get(order.instrument))
        self.progress(out, order, self.listing.get(order.instrument))
        return out.add_utc(60, event.time_ns, MILLIS)

    cdef int rejected(self, Outbox out, const RejectedRecord *event, int ring) except -1 nogil:
        """A new order that the router or a matcher refused. A duplicate's id belongs to another order: it has none."""
        cdef ExecId exec_id = exec_id_of(ring, event.number, event.side)
        cdef const Listed *listed = self.listing.get(event.instrument)
        if event.code == CODE_DUPLICATE_CLIENT_ID:
            out.add_bytes(37, UNKNOWN_ID, 4)
        else:
            out.add_int(37, event.order_id)
        out.add_padded(11, event.cl_ord_id, CL_ORD_ID_SIZE)
        self.kind(out, &exec_id, c"8", STATUS_REJECTED)
        out.add_int(103, ord_rej_reason(event.code, out.version == 42))
        if listed != NULL:
            out.add_padded(55, listed.symbol, SYMBOL_SIZE)
        out.add_char(54, c"0" + event.side)
        if listed != NULL:
            add_steps(out, 38, event.quantity_lots, &listed.quantity)
            if event.ord_type == ORD_TYPE_LIMIT:
                add_steps(out, 44, event.price_ticks, &listed.price)
        out.add_char(40, c"0" + event.ord_type)
        out.add_char(59, c"0" + event.time_in_force)
        add_nothing_done(out)
        out.add_utc(60, event.time_ns, MILLIS)
        return add_explanation(out, event.code, NULL, 0)

    cdef int cancel_rejected(
        self, Outbox out, const Order *order, const RejectedRecord *event, const char *orig_cl_ord_id
    ) except -1 nogil:
        """A cancel or replace that the router or a matcher refused; `order` is NULL where none is known."""
        add_target(out, order)
        out.add_padded(11, event.cl_ord_id, CL_ORD_ID_SIZE)
        out.add_padded(41, orig_cl_ord_id, CL_ORD_ID_SIZE)
        out.add_char(434, c"2" if event.command == CMD_REPLACE else c"1")
        out.add_int(102, cxl_rej_reason(event.code, out.version == 42))
        out.add_utc(60, event.time_ns, MILLIS)
        return add_explanation(out, event.code, NULL, 0)

    cdef int refused(
        self, Outbox out, const Form *form, const Refusal *refusal, const ExecId *exec_id, int64_t utc_ns
    ) except -1 nogil:
        """A new order that this gateway refused: its fields go back as they came."""
        out.add_bytes(37, UNKNOWN_ID, 4)
        add_sent(out, 11, form.cl_ord_id)
        self.kind(out, exec_id, c"8", STATUS_REJECTED)
        out.add_int(103, ord_rej_reason(refusal.code, out.version == 42))
        add_sent(out, 55, form.symbol)
        add_sent(out, 54, form.side)
        add_sent(out, 38, form.quantity)
        add_sent(out, 40, form.ord_type)
        add_sent(out, 44, form.price)
        add_sent(out, 59, form.time_in_force)
        add_nothing_done(out)
        out.add_utc(60, utc_ns, MILLIS)
        return add_explanation(out, refusal.code, refusal.sent.at, refusal.sent.size)

    cdef int cancel_refused(
        self, Outbox out, const Order *order, const Form *form, const Refusal *refusal, int64_t utc_ns
    ) except -1 nogil:
        """A cancel or replace that this gateway refused; `order` is NULL where none is known."""
        add_target(out, order)
        add_sent(out, 11, form.cl_ord_id)
        add_sent(out, 41, form.orig_cl_ord_id)
        out.add_char(434, c"2" if form.msg_type == c"G" else c"1")
        out.add_int(102, cxl_rej_reason(refusal.code, out.version == 42))
        out.add_utc(60, utc_ns, MILLIS)
        return add_explanation(out, refusal.code, refusal.sent.at, refusal.sent.size)

    cdef int status(self, Outbox out, const Order *order, const ExecId *exec_id, int64_t utc_ns) except -1 nogil:
        """How an order stands, for a message that was possibly sent before."""
        out.add_int(37, order.order_id)
        out.add_padded(11, order.cl_ord_id, CL_ORD_ID_SIZE)
        self.kind(out, exec_id, order.status if out.version == 42 else c"I", order.status, c"3")
        self.terms(out, order, self.listing.get(order.instrument))
        self.progress(out, order, self.listing.get(order.instrument))
        return out.add_utc(60, utc_ns, MILLIS)

    cdef int head(
        self, Outbox out, const Order *order, const ExecId *exec_id, char exec_type, char status
    ) except -1 nogil:
        out.add_int(37, order.order_id)
        out.add_padded(11, order.cl_ord_id, CL_ORD_ID_SIZE)
        return self.kind(out, exec_id, exec_type, status)

    cdef int kind(
        self, Outbox out, const ExecId *exec_id, char exec_type, char status, char trans_type=c"0"
    ) except -1 nogil:
        out.add_bytes(17, exec_id.text, exec_id.size)
        if out.version == 42:
            out.add_char(20, trans_type)
        out.add_char(150, exec_type)
        return out.add_char(39, status)

    cdef int terms(self, Outbox out, const Order *order, const Listed *listed) except -1 nogil:
        out.add_padded(55, listed.symbol, SYMBOL_SIZE)
        out.add_char(54, c"0" + order.side)
        add_steps(out, 38, order.quantity_lots, &listed.quantity)
        out.add_char(40, c"0" + order.ord_type)
        if order.ord_type == ORD_TYPE_LIMIT:
            add_steps(out, 44, order.price_ticks, &listed.price)
        return out.add_char(59, c"0" + order.time_in_force)

    cdef int progress(self, Outbox out, const Order *order, const Listed *listed) except -1 nogil:
        add_steps(out, 151, leaves_of(order), &listed.quantity)
        add_steps(out, 14, order.cum_lots, &listed.quantity)
        return add_average(out, order, listed)


cdef int add_average(Outbox out, const Order *order, const Listed *listed) except -1 nogil:
    """AvgPx (6): notional / quantity, cut to as many decimals (8 beyond the price's, at most) as fit."""
    cdef int128 value
    cdef int decimals = 0
    cdef int most = min(AVG_PX_DECIMALS, 18 - listed.price.scale)
    if order.cum_lots == 0:
        return out.add_char(6, c"0")
    value = notional_of(order) * listed.price.step
    while decimals < most and value * 10 / order.cum_lots <= INT64_MAX:
        value *= 10
        decimals += 1
    return out.add_decimal(6, <int64_t> (value / order.cum_lots), listed.price.scale + decimals)


cdef int add_nothing_done(Outbox out) except -1 nogil:
    out.add_char(151, c"0")
    out.add_char(14, c"0")
    return out.add_char(6, c"0")


cdef int add_target(Outbox out, const Order *order) except -1 nogil:
    """OrderID and OrdStatus of what a cancel or replace meant; FIX asks for NONE and Rejected where that is unknown."""
    if order == NULL:
        out.add_bytes(37, UNKNOWN_ID, 4)
        return out.add_char(39, STATUS_REJECTED)
    out.add_int(37, order.order_id)
    return out.add_char(39, order.status)


cdef int add_explanation(Outbox out, int code, const char *sent, size_t size) except -1 nogil:
    cdef char text[EXPLANATION_SIZE]
    return out.add_bytes(58, text, explain(code, sent, size, text))


cdef int add_reason(Outbox out, int reason) except -1 nogil:
    if reason == CANCEL_REASON_IOC_REMAINDER:
        return out.add_bytes(58, IOC_TEXT, strlen(IOC_TEXT))
    return out.add_bytes(58, MARKET_TEXT, strlen(MARKET_TEXT))
