"""Answers about orders and trades, as Binance's JSON: exact decimals, its words for types, times and states.

It writes what views say (`views`); what an order is, it never decides. `time_unit` is how many nanoseconds one unit of
the answer's times has: MILLISECOND, or MICROSECOND where the client asked for it.
"""

from libc.stdint cimport int64_t

from lockstep.core.intake.orders cimport (
    STATUS_CANCELED,
    STATUS_FILLED,
    STATUS_NEW,
    STATUS_PARTIALLY_FILLED,
    STATUS_REJECTED,
)
from lockstep.core.schema.records cimport (
    ORD_TYPE_LIMIT,
    ORD_TYPE_MARKET,
    ORD_TYPE_STOP_LIMIT,
    ORDER_FLAG_BUDGET,
    ORDER_FLAG_POST_ONLY,
    CANCEL_REASON_SELF_TRADE,
    SIDE_BUY,
    STP_CANCEL_BOTH,
    STP_CANCEL_NEWEST,
    STP_CANCEL_OLDEST,
    STP_DECREMENT,
    TIF_FOK,
    TIF_IOC,
)
from lockstep.procs.api.binance.json_text cimport JsonText, int128
from lockstep.procs.api.binance.order_forms cimport DETAIL_ACK, DETAIL_FULL, DETAIL_RESULT
from lockstep.procs.api.read.views cimport FillView, OrderView, SymbolView

MILLISECOND = 1_000_000
MICROSECOND = 1_000
ACK = DETAIL_ACK
RESULT = DETAIL_RESULT
FULL = DETAIL_FULL


cdef bytes side_word(int side):
    return b"BUY" if side == SIDE_BUY else b"SELL"


cdef bytes type_word(OrderView order):
    """Binance's OrderType. It has no stop that trails a price: such an order shows its stop price as it is."""
    if order.ord_type == ORD_TYPE_LIMIT:
        return b"LIMIT_MAKER" if order.flags & ORDER_FLAG_POST_ONLY else b"LIMIT"
    if order.ord_type == ORD_TYPE_MARKET:
        return b"MARKET"
    return b"STOP_LOSS_LIMIT" if order.ord_type == ORD_TYPE_STOP_LIMIT else b"STOP_LOSS"


cdef bytes time_word(OrderView order):
    """Binance's TimeInForce: it has neither days nor auctions, and calls a market order GTC."""
    if order.ord_type != ORD_TYPE_MARKET:
        if order.time_in_force == TIF_IOC:
            return b"IOC"
        if order.time_in_force == TIF_FOK:
            return b"FOK"
    return b"GTC"


cdef bytes status_word(OrderView order):
    """Binance's OrderStatus. What an order could not do at once has expired, since nobody cancelled it."""
    if order.status == STATUS_CANCELED:
        if order.flags & ORDER_FLAG_BUDGET and is_spent(order):
            return b"FILLED"
        if order.end_reason == CANCEL_REASON_SELF_TRADE:
            return b"EXPIRED_IN_MATCH"
        if order.ord_type == ORD_TYPE_MARKET or order.time_in_force == TIF_IOC or order.time_in_force == TIF_FOK:
            return b"EXPIRED"
        return b"CANCELED"
    if order.status == STATUS_NEW:
        return b"PENDING_NEW" if order.waits_for_list else b"NEW"
    if order.status == STATUS_PARTIALLY_FILLED:
        return b"PARTIALLY_FILLED"
    if order.status == STATUS_FILLED:
        return b"FILLED"
    return b"REJECTED" if order.status == STATUS_REJECTED else b"EXPIRED"


cdef bint is_spent(OrderView order) noexcept:
    """Whether what is left of a budget pays for no lot: at its worst price, or at the average of what it got."""
    cdef int128 left = order.quantity_lots - order.executed_quote
    cdef int128 average
    if order.executed_lots == 0:
        return False
    average = order.executed_quote // order.executed_lots
    return left < max(<int128> order.price_ticks * order.symbol.unit_value, average)


cpdef bytes self_trade_word(int mode):
    """Binance's word for a mode of self-trade prevention."""
    if mode == STP_CANCEL_NEWEST:
        return b"EXPIRE_TAKER"
    if mode == STP_CANCEL_OLDEST:
        return b"EXPIRE_MAKER"
    if mode == STP_CANCEL_BOTH:
        return b"EXPIRE_BOTH"
    return b"DECREMENT" if mode == STP_DECREMENT else b"NONE"


cdef int put_ticks(JsonText out, SymbolView symbol, int64_t ticks) except -1:
    return out.decimal(<int128> ticks * symbol.tick, symbol.price_scale)


cdef int put_price(JsonText out, OrderView order) except -1:
    """The price of an order that has one: that of a market order is the venue's own affair."""
    cdef bint has_price = order.ord_type == ORD_TYPE_LIMIT or order.ord_type == ORD_TYPE_STOP_LIMIT
    return put_ticks(out, order.symbol, order.price_ticks if has_price else 0)


cdef int put_stop_price(JsonText out, OrderView order) except -1:
    return put_ticks(out, order.symbol, order.stop_price_ticks)


cdef int put_lots(JsonText out, OrderView order, int64_t lots) except -1:
    return out.decimal(<int128> lots * order.symbol.lot, order.symbol.quantity_scale)


cdef int put_quantity(JsonText out, OrderView order) except -1:
    """Its whole quantity; an order with a budget has what it got of that."""
    return put_lots(out, order, order.executed_lots if order.flags & ORDER_FLAG_BUDGET else order.quantity_lots)


cdef int put_quote(JsonText out, OrderView order, int64_t amount) except -1:
    return out.decimal(amount, order.symbol.quote_scale)


cdef int put_name(JsonText out, OrderView order) except -1:
    """Symbol and numbers, with which all answers about an order begin."""
    out.put(b'{"symbol":')
    out.string(order.symbol.symbol)
    return 0


cdef int put_numbers(JsonText out, OrderView order) except -1:
    out.put(b',"orderId":')
    out.integer(order.order_id)
    out.put(b',"orderListId":')
    return out.integer(order.list_id)


cdef int put_state(JsonText out, OrderView order) except -1:
    """From `price` to `side`: what all answers but an acknowledgement have."""
    out.put(b',"price":')
    put_price(out, order)
    out.put(b',"origQty":')
    put_quantity(out, order)
    out.put(b',"executedQty":')
    put_lots(out, order, order.executed_lots)
    out.put(b',"origQuoteOrderQty":')
    put_quote(out, order, order.quantity_lots if order.flags & ORDER_FLAG_BUDGET else 0)
    out.put(b',"cummulativeQuoteQty":')
    put_quote(out, order, order.executed_quote)
    out.put(b',"status":"')
    out.put(status_word(order))
    out.put(b'","timeInForce":"')
    out.put(time_word(order))
    out.put(b'","type":"')
    out.put(type_word(order))
    out.put(b'","side":"')
    out.put(side_word(order.side))
    return out.put(b'"')


cdef int put_further(JsonText out, OrderView order) except -1:
    """Stop price and iceberg, of orders that have them, and the self-trade mode."""
    if order.stop_price_ticks:
        out.put(b',"stopPrice":')
        put_stop_price(out, order)
    if order.display_lots:
        out.put(b',"icebergQty":')
        put_lots(out, order, order.display_lots)
    return put_mode(out, order)


cdef int put_mode(JsonText out, OrderView order) except -1:
    out.put(b',"selfTradePreventionMode":"')
    out.put(self_trade_word(order.stp))
    out.put(b'"')
    if order.prevented_match:
        out.put(b',"preventedMatchId":')
        out.integer(order.prevented_match)
    if order.prevented_lots:
        out.put(b',"preventedQuantity":')
        put_lots(out, order, order.prevented_lots)
    return 0


cdef int put_working(JsonText out, OrderView order, int64_t time_unit) except -1:
    """When it began to work; left out while it waits, since ccxt takes -1 for the order's time."""
    if order.working_ns == 0:
        return 0
    out.put(b',"workingTime":')
    return out.integer(order.working_ns // time_unit)


cdef bytes own_id(OrderView order):
    """The order's own client id, in the answer to a cancel: the other order of a list has no cancel of its own."""
    return order.original_client_order_id if order.original_client_order_id else order.client_order_id


cdef int put_fills(JsonText out, list fills) except -1:
    cdef FillView fill
    out.put(b',"fills":[')
    for fill in fills:
        out.separate()
        out.put(b'{"price":')
        put_ticks(out, fill.symbol, fill.price_ticks)
        out.put(b',"qty":')
        out.decimal(<int128> fill.quantity_lots * fill.symbol.lot, fill.symbol.quantity_scale)
        put_fee(out, fill)
        out.put(b',"tradeId":')
        out.integer(fill.trade_id)
        out.put(b"}")
    return out.put(b"]")


cdef int put_fee(JsonText out, FillView fill) except -1:
    """In the asset that this side receives."""
    out.put(b',"commission":')
    out.decimal(fill.fee, fill.symbol.base_scale if fill.is_buyer else fill.symbol.quote_scale)
    out.put(b',"commissionAsset":')
    return out.string(fill.symbol.base if fill.is_buyer else fill.symbol.quote)


cdef int put_order_answer(JsonText out, OrderView order, int detail, list fills, int64_t time_unit) except -1:
    put_name(out, order)
    put_numbers(out, order)
    out.put(b',"clientOrderId":')
    out.string(order.client_order_id)
    out.put(b',"transactTime":')
    out.integer(order.changed_ns // time_unit)
    if detail != DETAIL_ACK:
        put_state(out, order)
        put_working(out, order, time_unit)
        put_further(out, order)
        if detail == DETAIL_FULL:
            put_fills(out, fills)
    return out.put(b"}")


cpdef bytes order_answer(OrderView order, int detail, list fills, int64_t time_unit):
    """The answer to a new order: ACK, RESULT, or FULL with its fills so far (FillViews)."""
    cdef JsonText out = JsonText()
    put_order_answer(out, order, detail, fills, time_unit)
    return out.take()


cdef bytes array_of(list orders, int (*put)(JsonText, OrderView, int64_t) except -1, int64_t time_unit):
    """All of these orders, as `put` writes one."""
    cdef JsonText out = JsonText()
    out.put(b"[")
    for order in orders:
        out.separate()
        put(out, order, time_unit)
    out.put(b"]")
    return out.take()


cdef int put_row(JsonText out, OrderView order, int64_t time_unit) except -1:
    put_name(out, order)
    put_numbers(out, order)
    out.put(b',"clientOrderId":')
    out.string(order.client_order_id)
    put_state(out, order)
    out.put(b',"stopPrice":')
    put_stop_price(out, order)
    out.put(b',"icebergQty":')
    put_lots(out, order, order.display_lots)
    out.put(b',"time":')
    out.integer(order.entered_ns // time_unit)
    out.put(b',"updateTime":')
    out.integer(order.changed_ns // time_unit)
    out.put(b',"isWorking":')
    out.boolean(order.working_ns != 0)
    out.put(b',"workingTime":')
    out.integer(order.working_ns // time_unit if order.working_ns else -1)
    put_mode(out, order)
    return out.put(b"}")


cpdef bytes order_row(OrderView order, int64_t time_unit):
    """The answer to a query for one order."""
    cdef JsonText out = JsonText()
    put_row(out, order, time_unit)
    return out.take()


cpdef bytes order_rows(list orders, int64_t time_unit):
    """The answer to a query for open orders, or for all."""
    return array_of(orders, put_row, time_unit)


cdef int put_cancel(JsonText out, OrderView order, int64_t time_unit) except -1:
    put_name(out, order)
    out.put(b',"origClientOrderId":')
    out.string(own_id(order))
    put_numbers(out, order)
    out.put(b',"clientOrderId":')
    out.string(order.client_order_id)
    out.put(b',"transactTime":')
    out.integer(order.changed_ns // time_unit)
    put_state(out, order)
    put_further(out, order)
    return out.put(b"}")


cpdef bytes cancel_answer(OrderView order, int64_t time_unit):
    """The answer to a cancel: `client_order_id` is the cancel's, `original_client_order_id` the order's."""
    cdef JsonText out = JsonText()
    put_cancel(out, order, time_unit)
    return out.take()


cpdef bytes cancel_answers(list orders, int64_t time_unit):
    """The answer to a cancel of all open orders of a symbol."""
    return array_of(orders, put_cancel, time_unit)


cpdef bytes cancel_replace_answer(bytes cancelled, bytes placed):
    """The answer where both parts were done, of `cancel_answer` and `order_answer`; else `errors.cancel_replace`."""
    return b"".join((
        b'{"cancelResult":"SUCCESS","newOrderResult":"SUCCESS","cancelResponse":', cancelled,
        b',"newOrderResponse":', placed, b"}",
    ))


cpdef bytes amend_answer(OrderView order, int64_t execution_id, int64_t time_unit):
    """The answer to a smaller quantity: `original_client_order_id` is the order's id before."""
    cdef JsonText out = JsonText()
    out.put(b'{"transactTime":')
    out.integer(order.changed_ns // time_unit)
    out.put(b',"executionId":')
    out.integer(execution_id)
    out.put(b',"amendedOrder":')
    put_name(out, order)
    put_numbers(out, order)
    out.put(b',"origClientOrderId":')
    out.string(order.original_client_order_id)
    out.put(b',"clientOrderId":')
    out.string(order.client_order_id)
    out.put(b',"price":')
    put_price(out, order)
    out.put(b',"qty":')
    put_quantity(out, order)
    out.put(b',"executedQty":')
    put_lots(out, order, order.executed_lots)
    out.put(b',"preventedQty":')
    put_lots(out, order, order.prevented_lots)
    out.put(b',"quoteOrderQty":')
    put_quote(out, order, 0)
    out.put(b',"cumulativeQuoteQty":')
    put_quote(out, order, order.executed_quote)
    out.put(b',"status":"')
    out.put(status_word(order))
    out.put(b'","timeInForce":"')
    out.put(time_word(order))
    out.put(b'","type":"')
    out.put(type_word(order))
    out.put(b'","side":"')
    out.put(side_word(order.side))
    out.put(b'"')
    put_working(out, order, time_unit)
    put_mode(out, order)
    out.put(b"}}")
    return out.take()


cpdef bytes list_answer(
    list orders, bint triggers, bint is_done, bytes list_client_order_id, int detail, bint is_cancel, int64_t time_unit
):
    """The answer about a list of two orders, new or (`is_cancel`) cancelled; `triggers`: the first triggers the other.

    `is_done` says that neither is open any more.
    """
    cdef JsonText out = JsonText()
    cdef OrderView first = orders[0]
    cdef OrderView order
    cdef int64_t changed_ns = 0
    for order in orders:
        changed_ns = max(changed_ns, order.changed_ns)
    out.put(b'{"orderListId":')
    out.integer(first.list_id)
    out.put(b',"contingencyType":"OTO"' if triggers else b',"contingencyType":"OCO"')
    if is_done:
        out.put(b',"listStatusType":"ALL_DONE","listOrderStatus":"ALL_DONE","listClientOrderId":')
    else:
        out.put(b',"listStatusType":"EXEC_STARTED","listOrderStatus":"EXECUTING","listClientOrderId":')
    out.string(list_client_order_id)
    out.put(b',"transactionTime":')
    out.integer(changed_ns // time_unit)
    out.put(b',"symbol":')
    out.string(first.symbol.symbol)
    out.put(b',"orders":[')
    for order in orders:
        out.separate()
        put_name(out, order)
        out.put(b',"orderId":')
        out.integer(order.order_id)
        out.put(b',"clientOrderId":')
        out.string(own_id(order) if is_cancel else order.client_order_id)
        out.put(b"}")
    out.put(b'],"orderReports":[')
    for order in orders:
        out.separate()
        if is_cancel:
            put_cancel(out, order, time_unit)
        else:
            put_order_answer(out, order, min(detail, <int> DETAIL_RESULT), [], time_unit)
    out.put(b"]}")
    return out.take()


cpdef bytes trade_rows(list fills, int64_t time_unit):
    """The answer to a query for an account's trades."""
    cdef JsonText out = JsonText()
    cdef FillView fill
    out.put(b"[")
    for fill in fills:
        out.separate()
        put_trade(out, fill, time_unit)
    out.put(b"]")
    return out.take()


cdef int put_trade(JsonText out, FillView fill, int64_t time_unit) except -1:
    cdef SymbolView symbol = fill.symbol
    out.put(b'{"symbol":')
    out.string(symbol.symbol)
    out.put(b',"id":')
    out.integer(fill.trade_id)
    out.put(b',"orderId":')
    out.integer(fill.order_id)
    out.put(b',"orderListId":')
    out.integer(fill.list_id)
    out.put(b',"price":')
    put_ticks(out, symbol, fill.price_ticks)
    out.put(b',"qty":')
    out.decimal(<int128> fill.quantity_lots * symbol.lot, symbol.quantity_scale)
    out.put(b',"quoteQty":')
    out.decimal(<int128> fill.price_ticks * fill.quantity_lots * symbol.unit_value, symbol.quote_scale)
    put_fee(out, fill)
    out.put(b',"time":')
    out.integer(fill.time_ns // time_unit)
    out.put(b',"isBuyer":')
    out.boolean(fill.is_buyer)
    out.put(b',"isMaker":')
    out.boolean(fill.is_maker)
    return out.put(b',"isBestMatch":true}')
