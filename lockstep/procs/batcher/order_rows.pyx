"""What a batch leaves of an order: a whole row, or a change of one that the database has, as COPY takes them.

It encodes what `rows` has found, and reads no event.
"""

from enum import IntEnum

from libc.stdint cimport int64_t, uint32_t

from lockstep.core.schema.records cimport ORDER_FLAG_BUDGET, ORDER_FLAG_POST_ONLY, ORDER_FLAG_SLIDE, STP_NONE
from lockstep.procs.batcher.encode cimport Buffer, int128
from lockstep.procs.batcher.listings cimport InstrumentRow, Listings
from lockstep.procs.batcher.names cimport NAME_SIZE, Names

from lockstep.core.schema.records import CancelReason, ListKind, OrderType, SelfTrade, Side, TimeInForce

cdef enum:
    CREATED_FIELDS = 31
    CHANGED_FIELDS = 15

ORDER_COLUMNS = (
    "order_id", "user_id", "symbol", "cl_ord_id", "side", "type", "time_in_force", "price", "quantity", "filled",
    "remaining", "prevented", "state", "stop_price", "trail", "display", "expires", "end_reason", "minimum", "budget",
    "post_only", "slide", "self_trade", "list_kind", "mate_order_id", "list_name", "is_open", "first_cl_ord_id",
    "created", "updated", "seq",
)
CHANGE_COLUMNS = (
    "order_id", "price", "quantity", "filled", "remaining", "prevented", "state", "stop_price", "trail", "display",
    "expires", "end_reason", "cl_ord_id", "updated", "seq",
)


class OrderStatus(IntEnum):
    """What a row's `state` may be."""

    WAITING = STATE_WAITING
    NEW = STATE_NEW
    TRIGGERED = STATE_TRIGGERED
    PARTIALLY_FILLED = STATE_PARTIALLY_FILLED
    FILLED = STATE_FILLED
    CANCELED = STATE_CANCELED
    EXPIRED = STATE_EXPIRED


assert len(ORDER_COLUMNS) == CREATED_FIELDS and len(CHANGE_COLUMNS) == CHANGED_FIELDS

cdef Names SIDES = Names(Side)
cdef Names TYPES = Names(OrderType)
cdef Names TIMES_IN_FORCE = Names(TimeInForce)
cdef Names SELF_TRADES = Names(SelfTrade)
cdef Names LIST_KINDS = Names(ListKind)
cdef Names REASONS = Names(CancelReason)
cdef Names STATES = Names(OrderStatus)


cdef inline void optional(Buffer out, int64_t units, uint32_t mantissa, int scale) noexcept nogil:
    """A term, null where the order has none: no term can be 0."""
    if units:
        out.decimal(<int128> units * mantissa, scale)
    else:
        out.null()


cdef void encode_terms(Buffer out, const OrderRow *order, const InstrumentRow *terms) noexcept nogil:
    """stop_price, trail, display, expires, end_reason."""
    optional(out, order.terms.stop_price_ticks, terms.tick_mantissa, terms.price_scale)
    optional(out, order.terms.trail_ticks, terms.tick_mantissa, terms.price_scale)
    optional(out, order.terms.display_lots, terms.lot_mantissa, terms.quantity_scale)
    if order.terms.expire_ns:
        out.time(order.terms.expire_ns)
    else:
        out.null()
    if order.reason:
        out.text(REASONS.of(order.reason), NAME_SIZE)
    else:
        out.null()


cdef int encode_created(Buffer out, Listings listings, const OrderRow *order) except -1 nogil:
    cdef const InstrumentRow *terms = listings.instrument(order.instrument)
    cdef bint has_budget = order.flags & ORDER_FLAG_BUDGET
    # What a budget buys is unknown beforehand: its quantity is what is filled.
    cdef int64_t quantity_lots = order.filled_lots if has_budget else order.quantity_lots
    out.row(CREATED_FIELDS)
    out.integer(<int64_t> order.order_id)
    out.integer_32(order.account)
    out.id(terms.symbol, sizeof(terms.symbol))
    out.id(order.cl_ord_id, sizeof(order.cl_ord_id))
    out.text(SIDES.of(order.side), NAME_SIZE)
    out.text(TYPES.of(order.ord_type), NAME_SIZE)
    out.text(TIMES_IN_FORCE.of(order.time_in_force), NAME_SIZE)
    out.decimal(<int128> order.price_ticks * terms.tick_mantissa, terms.price_scale)
    out.decimal(<int128> quantity_lots * terms.lot_mantissa, terms.quantity_scale)
    out.decimal(<int128> order.filled_lots * terms.lot_mantissa, terms.quantity_scale)
    out.decimal(<int128> (0 if has_budget else order.remaining_lots) * terms.lot_mantissa, terms.quantity_scale)
    out.decimal(<int128> (0 if has_budget else order.prevented_lots) * terms.lot_mantissa, terms.quantity_scale)
    out.text(STATES.of(order.state), NAME_SIZE)
    encode_terms(out, order, terms)
    optional(out, order.terms.minimum_lots, terms.lot_mantissa, terms.quantity_scale)
    if has_budget:
        out.decimal(order.quantity_lots, listings.asset(terms.quote_asset).scale)
    else:
        out.null()
    out.boolean(order.flags & ORDER_FLAG_POST_ONLY)
    out.boolean(order.flags & ORDER_FLAG_SLIDE)
    out.text(SELF_TRADES.of(order.stp if order.stp else STP_NONE), NAME_SIZE)
    if order.terms.mate_order_id:
        out.text(LIST_KINDS.of(order.terms.list_kind), NAME_SIZE)
        out.integer(<int64_t> order.terms.mate_order_id)
    else:
        out.null()
        out.null()
    if order.list_name[0]:
        out.id(order.list_name, sizeof(order.list_name))
    else:
        out.null()
    out.boolean(order.state <= STATE_PARTIALLY_FILLED)
    if order.renamed:
        out.id(order.first_cl_ord_id, sizeof(order.first_cl_ord_id))
    else:
        out.null()
    out.time(order.created_ns)
    out.time(order.updated_ns)
    out.integer(<int64_t> order.seq)
    return 0


cdef int encode_changed(Buffer out, Listings listings, const OrderRow *order) except -1 nogil:
    cdef const InstrumentRow *terms = listings.instrument(order.instrument)
    out.row(CHANGED_FIELDS)
    out.integer(<int64_t> order.order_id)
    if order.priced:
        out.decimal(<int128> order.price_ticks * terms.tick_mantissa, terms.price_scale)
    else:
        out.null()
    out.decimal(<int128> order.quantity_lots * terms.lot_mantissa, terms.quantity_scale)
    out.decimal(<int128> order.filled_lots * terms.lot_mantissa, terms.quantity_scale)
    out.decimal(<int128> order.remaining_lots * terms.lot_mantissa, terms.quantity_scale)
    out.decimal(<int128> order.prevented_lots * terms.lot_mantissa, terms.quantity_scale)
    if order.state != STATE_UNCHANGED:
        out.text(STATES.of(order.state), NAME_SIZE)
    else:
        out.null()
    encode_terms(out, order, terms)
    if order.renamed:
        out.id(order.cl_ord_id, sizeof(order.cl_ord_id))
    else:
        out.null()
    out.time(order.updated_ns)
    out.integer(<int64_t> order.seq)
    return 0
