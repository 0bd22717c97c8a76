"""What answers and events are made of: a symbol, an order, a fill, a balance, as the venue counts them.

All amounts are whole numbers: prices in ticks, quantities in lots, money in the smallest units of its asset, times in
nanoseconds of the log's clock. Who fills a view says what is; each dialect writes it in its own words. A field that is
not set is 0, or empty.
"""

from lockstep.core.intake.orders cimport STATUS_NEW, STATUS_PARTIALLY_FILLED


cdef class SymbolView:
    """An instrument: a tick is tick / 10 ** price_scale quote assets, a lot is lot / 10 ** quantity_scale base assets.

    `unit_value` is what one tick × lot is worth in the quote asset's smallest units, `lot_units` a lot in the base
    asset's. `phase` is of schema.enums.Phase; `reference_ticks` has been the reference price since `reference_ns`.
    `most_lots` and `most_value` (in quote units) of an order, and `band_bps`, the static price band: 0 where there is
    none.
    """

    def __init__(self, **fields):
        set_fields(self, fields)


cdef class OrderView:
    """An order as it stands after an event, or now.

    `side`, `ord_type`, `time_in_force`, `stp` and `flags` are the venue's (schema.enums); `status` is FIX OrdStatus, as
    the number of its character (intake.orders.Status). `client_order_id` is the order's id now; in the answer to
    a cancel, and in its event, it is the cancel's own, and `original_client_order_id` the order's. In the event of an
    amendment they are the order's new id and its one before.

    `list_id` is -1 without a list, else the number of the list: the order id of its first order. `mate_id` is the other
    order of the list, `list_kind` says what the list does (schema.enums.ListKind); 0 without one. `list_name` is what
    its client called it, empty if it gave it no name. With the flag BUDGET, `quantity_lots` is an amount in the quote
    asset's smallest units. `executed_quote` is the sum of its fills'
    price × quantity, in these units. `stop_price_ticks` stays after it triggered. `working_ns` is when it began to
    work, 0 while it waits for its stop price or its list; `waits_for_list` says that it is the latter. `end_reason` is
    of schema.enums.CancelReason, 0 for an order that was not cancelled; `prevented_lots` is what prevention took, and
    `prevented_match` the id of the last match that it prevented, 0 without one.
    """

    def __cinit__(self):
        self.list_id = -1
        self.list_name = b""
        self.client_order_id = b""
        self.original_client_order_id = b""

    def __init__(self, **fields):
        set_fields(self, fields)


cdef class FillView:
    """One side of a trade: `fee` is in the asset that this side receives, a buyer's in the base; below 0 a rebate.

    `seq` is the command that made it: with the ids of trade and order it is a fill's key.
    """

    def __cinit__(self):
        self.list_id = -1

    def __init__(self, **fields):
        set_fields(self, fields)


cdef class PreventedView:
    """A prevented match as one of its orders saw it: the trade that did not happen, and what this order lost.

    `trade_group` is 0 for two orders of one account without a self-trade group.
    """

    def __init__(self, **fields):
        set_fields(self, fields)


cdef class BalanceView:
    """An account's balance of an asset: what is free, and what open orders and withdrawals hold."""

    def __init__(self, **fields):
        set_fields(self, fields)


def is_open(OrderView order not None) -> bool:
    """Whether an order may still be filled."""
    return order.status == STATUS_NEW or order.status == STATUS_PARTIALLY_FILLED


def list_client_id(OrderView first not None) -> bytes:
    """Return what a list is called: by its client, or else by the client id of its first order."""
    return first.list_name or first.client_order_id


cdef set_fields(view, dict fields):
    for name, value in fields.items():
        setattr(view, name, value)
