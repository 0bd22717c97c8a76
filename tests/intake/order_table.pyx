"""The table of clients' orders, for tests: events go in, orders come out as dictionaries."""

from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.intake.orders cimport ClientOrder, ClientOrders, leaves_of, notional_of
from lockstep.core.schema.records cimport (
    CL_ORD_ID_SIZE, RECORD_SIZE, AcceptedRecord, CancelledRecord, ExtTermsEventRecord, RejectedRecord, ReplacedRecord,
    RestatedRecord, TradedRecord, TriggeredRecord,
)

from lockstep.core.schema import layout


def apply(ClientOrders orders not None, bytes event not None, bytes terms=None) -> None:
    """Apply one event record of 120 bytes, as the reports do, with the EXT_TERMS before it."""
    cdef const char *data = event
    cdef const char *further = NULL
    cdef const TradedRecord *traded = <const TradedRecord *> data
    if terms is not None:
        further = terms
    if len(event) != RECORD_SIZE or (terms is not None and len(terms) != RECORD_SIZE):
        raise ValueError(f"a record is {RECORD_SIZE} bytes")
    kind = type(layout.unpack_event(event)).__name__
    if kind == "Accepted":
        orders.accepted(<const AcceptedRecord *> data, <const ExtTermsEventRecord *> further)
    elif kind == "Rejected":
        orders.rejected(<const RejectedRecord *> data)
    elif kind == "Traded":
        orders.filled(traded.maker_order_id, traded.quantity_lots, traded.price_ticks, traded.maker_leaves_lots)
        orders.filled(traded.taker_order_id, traded.quantity_lots, traded.price_ticks, traded.taker_leaves_lots)
    elif kind == "Cancelled":
        orders.cancelled(<const CancelledRecord *> data)
    elif kind == "Replaced":
        orders.replaced(<const ReplacedRecord *> data, <const ExtTermsEventRecord *> further)
    elif kind == "Triggered":
        orders.triggered(<const TriggeredRecord *> data)
    elif kind == "Restated":
        orders.restated(<const RestatedRecord *> data)


def get(ClientOrders orders not None, uint64_t order_id) -> dict[str, int | bytes | str] | None:
    """Return what is known of an order, or None."""
    cdef const ClientOrder *order = orders.find(order_id)
    return None if order == NULL else view(order)


def get_client(ClientOrders orders not None, uint32_t account, bytes cl_ord_id) -> dict[str, int | bytes | str] | None:
    """The same by the account's current client order id."""
    cdef bytes padded = cl_ord_id.ljust(CL_ORD_ID_SIZE, b"\0")
    cdef const ClientOrder *order = orders.find_client(account, padded)
    return None if order == NULL else view(order)


cdef dict view(const ClientOrder *order):
    return {
        "order_id": order.order_id,
        "account": order.account,
        "instrument": order.instrument,
        "cl_ord_id": (<bytes> order.cl_ord_id[:CL_ORD_ID_SIZE]).rstrip(b"\0"),
        "side": order.side,
        "price_ticks": order.price_ticks,
        "quantity_lots": order.quantity_lots,
        "cum_lots": order.cum_lots,
        "leaves_lots": leaves_of(order),
        "notional": <uint64_t> notional_of(order),
        "status": chr(order.status),
        "flags": order.flags,
        "state": order.state,
    }
