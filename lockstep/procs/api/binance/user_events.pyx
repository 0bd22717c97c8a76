"""The events of an account's user stream, as Binance's JSON: executionReport, balances, lists.

It writes one event from views; which events an account sees, and how often, is not its affair. `now_ns` is when the
event is sent, all other times are the log's.
"""

from libc.stdint cimport int64_t

from lockstep.core.intake.orders cimport STATUS_NEW, STATUS_PARTIALLY_FILLED
from lockstep.core.schema.records cimport ORDER_FLAG_BUDGET
from lockstep.procs.api.binance.answers cimport (
    put_lots,
    put_price,
    put_quantity,
    put_quote,
    put_stop_price,
    self_trade_word,
    side_word,
    status_word,
    time_word,
    type_word,
)
from lockstep.procs.api.binance.json_text cimport JsonText, int128
from lockstep.procs.api.read.views cimport BalanceView, FillView, OrderView, PreventedView, SymbolView

NEW = EXECUTION_NEW
CANCELED = EXECUTION_CANCELED
REPLACED = EXECUTION_REPLACED
REJECTED = EXECUTION_REJECTED
TRADE = EXECUTION_TRADE
EXPIRED = EXECUTION_EXPIRED
TRADE_PREVENTION = EXECUTION_TRADE_PREVENTION

cdef tuple EXECUTIONS = (b"NEW", b"CANCELED", b"REPLACED", b"REJECTED", b"TRADE", b"EXPIRED", b"TRADE_PREVENTION")


cdef int put_time(JsonText out, bytes name, int64_t moment_ns, int64_t time_unit) except -1:
    out.put(name)
    return out.integer(moment_ns // time_unit)


cdef int put_last_fill(JsonText out, OrderView order, FillView fill) except -1:
    """l, z, L, n, N: the fill that the report is about, and all of the order's so far."""
    cdef SymbolView symbol = order.symbol
    out.put(b',"l":')
    put_lots(out, order, 0 if fill is None else fill.quantity_lots)
    out.put(b',"z":')
    put_lots(out, order, order.executed_lots)
    out.put(b',"L":')
    out.decimal(0 if fill is None else <int128> fill.price_ticks * symbol.tick, symbol.price_scale)
    if fill is None:
        return out.put(b',"n":"0","N":null')
    out.put(b',"n":')
    out.decimal(fill.fee, symbol.base_scale if fill.is_buyer else symbol.quote_scale)
    out.put(b',"N":')
    return out.string(symbol.base if fill.is_buyer else symbol.quote)


cdef int put_last_quote(JsonText out, OrderView order, FillView fill) except -1:
    """Z, Y, Q: amounts of the quote asset, of all fills, of this one, and asked for."""
    cdef SymbolView symbol = order.symbol
    cdef int128 amount = 0
    out.put(b',"Z":')
    put_quote(out, order, order.executed_quote)
    if fill is not None:
        amount = <int128> fill.price_ticks * fill.quantity_lots * symbol.unit_value
    out.put(b',"Y":')
    out.decimal(amount, symbol.quote_scale)
    out.put(b',"Q":')
    return put_quote(out, order, order.quantity_lots if order.flags & ORDER_FLAG_BUDGET else 0)


cdef int put_terms(JsonText out, OrderView order) except -1:
    """s to F: the order as it was asked for."""
    out.put(b',"s":')
    out.string(order.symbol.symbol)
    out.put(b',"c":')
    out.string(order.client_order_id)
    out.put(b',"S":"')
    out.put(side_word(order.side))
    out.put(b'","o":"')
    out.put(type_word(order))
    out.put(b'","f":"')
    out.put(time_word(order))
    out.put(b'","q":')
    put_quantity(out, order)
    out.put(b',"p":')
    put_price(out, order)
    out.put(b',"P":')
    put_stop_price(out, order)
    out.put(b',"F":')
    return put_lots(out, order, order.display_lots)


cdef int put_prevented(JsonText out, OrderView order, PreventedView prevented) except -1:
    """v, A: the match that was prevented last, and what the order has lost so far; B to pY: `prevented` itself."""
    cdef SymbolView symbol = order.symbol
    if order.prevented_match:
        out.put(b',"v":')
        out.integer(order.prevented_match)
    if order.prevented_lots:
        out.put(b',"A":')
        put_lots(out, order, order.prevented_lots)
    if prevented is None:
        return 0
    out.put(b',"B":')
    put_lots(out, order, prevented.lost_lots)
    out.put(b',"u":')
    out.integer(prevented.trade_group or -1)
    out.put(b',"U":')
    out.integer(prevented.counter_order_id)
    out.put(b',"Cs":')
    out.string(symbol.symbol)
    out.put(b',"pl":')
    put_lots(out, order, prevented.quantity_lots)
    out.put(b',"pL":')
    out.decimal(<int128> prevented.price_ticks * symbol.tick, symbol.price_scale)
    out.put(b',"pY":')
    return out.decimal(
        <int128> prevented.price_ticks * prevented.quantity_lots * symbol.unit_value, symbol.quote_scale
    )


cpdef bytes execution_report(
    OrderView order, int execution, FillView fill, bytes reject_reason, int64_t execution_id, int64_t now_ns,
    int64_t time_unit, PreventedView prevented=None
):
    """executionReport of an order as it stands after an event; `fill` is a trade's, `reject_reason` NONE if it is none,
    `prevented` the match that self-trade prevention ended or reduced the order for.

    Of a cancel `order.client_order_id` is the cancel's own id and `original_client_order_id` the order's.
    """
    cdef JsonText out = JsonText()
    cdef bint is_open = order.status == STATUS_NEW or order.status == STATUS_PARTIALLY_FILLED
    put_time(out, b'{"e":"executionReport","E":', now_ns, time_unit)
    put_terms(out, order)
    out.put(b',"g":')
    out.integer(order.list_id)
    out.put(b',"C":')
    out.string(order.original_client_order_id)
    out.put(b',"x":"')
    out.put(<bytes> EXECUTIONS[execution])
    out.put(b'","X":"')
    out.put(status_word(order))
    out.put(b'","r":')
    out.string(reject_reason)
    out.put(b',"i":')
    out.integer(order.order_id)
    put_last_fill(out, order, fill)
    put_time(out, b',"T":', order.changed_ns, time_unit)
    out.put(b',"t":')
    out.integer(-1 if fill is None else fill.trade_id)
    out.put(b',"I":')
    out.integer(execution_id)
    out.put(b',"w":')
    out.boolean(is_open and order.working_ns != 0)
    out.put(b',"m":')
    out.boolean(fill is not None and fill.is_maker)
    put_time(out, b',"M":false,"O":', order.entered_ns, time_unit)
    put_last_quote(out, order, fill)
    if order.working_ns:
        put_time(out, b',"W":', order.working_ns, time_unit)
    out.put(b',"V":"')
    out.put(self_trade_word(order.stp))
    out.put(b'"')
    put_prevented(out, order, prevented)
    out.put(b"}")
    return out.take()


cpdef bytes account_position(list balances, int64_t changed_ns, int64_t now_ns, int64_t time_unit):
    """outboundAccountPosition: the balances that one command has changed, or may have."""
    cdef JsonText out = JsonText()
    cdef BalanceView balance
    put_time(out, b'{"e":"outboundAccountPosition","E":', now_ns, time_unit)
    put_time(out, b',"u":', changed_ns, time_unit)
    out.put(b',"B":[')
    for balance in balances:
        out.separate()
        out.put(b'{"a":')
        out.string(balance.asset)
        out.put(b',"f":')
        out.decimal(balance.free, balance.scale)
        out.put(b',"l":')
        out.decimal(balance.held, balance.scale)
        out.put(b"}")
    out.put(b"]}")
    return out.take()


cpdef bytes list_status(
    list orders, bint triggers, bint is_done, bytes list_client_order_id, int64_t now_ns, int64_t time_unit
):
    """listStatus of a list of two orders: it began, or neither of them is open any more."""
    cdef JsonText out = JsonText()
    cdef OrderView first = orders[0]
    cdef OrderView order
    cdef int64_t changed_ns = 0
    for order in orders:
        changed_ns = max(changed_ns, order.changed_ns)
    put_time(out, b'{"e":"listStatus","E":', now_ns, time_unit)
    out.put(b',"s":')
    out.string(first.symbol.symbol)
    out.put(b',"g":')
    out.integer(first.list_id)
    out.put(b',"c":"OTO"' if triggers else b',"c":"OCO"')
    if is_done:
        out.put(b',"l":"ALL_DONE","L":"ALL_DONE","r":"NONE","C":')
    else:
        out.put(b',"l":"EXEC_STARTED","L":"EXECUTING","r":"NONE","C":')
    out.string(list_client_order_id)
    put_time(out, b',"T":', changed_ns, time_unit)
    out.put(b',"O":[')
    for order in orders:
        out.separate()
        out.put(b'{"s":')
        out.string(order.symbol.symbol)
        out.put(b',"i":')
        out.integer(order.order_id)
        out.put(b',"c":')
        out.string(order.client_order_id)
        out.put(b"}")
    out.put(b"]}")
    return out.take()


cpdef bytes stream_terminated(int64_t now_ns, int64_t time_unit):
    """eventStreamTerminated: the last event of a subscription."""
    cdef JsonText out = JsonText()
    put_time(out, b'{"e":"eventStreamTerminated","E":', now_ns, time_unit)
    out.put(b"}")
    return out.take()


cpdef bytes server_shutdown(int64_t now_ns, int64_t time_unit):
    """The last event of a connection before the venue stops."""
    return b'{"e":"serverShutdown","E":%d}' % (now_ns // time_unit)


cpdef bytes listen_key_expired(bytes listen_key, int64_t now_ns, int64_t time_unit):
    """listenKeyExpired: the last event of a stream by listenKey."""
    cdef JsonText out = JsonText()
    put_time(out, b'{"e":"listenKeyExpired","E":', now_ns, time_unit)
    out.put(b',"listenKey":')
    out.string(listen_key)
    out.put(b"}")
    return out.take()


cpdef bytes subscribed(int64_t subscription, bytes event):
    """An event as the WebSocket API sends it."""
    cdef JsonText out = JsonText()
    out.put(b'{"subscriptionId":')
    out.integer(subscription)
    out.put(b',"event":')
    out.put(event)
    out.put(b"}")
    return out.take()


cpdef bytes combined(bytes stream, bytes event):
    """An event as `/stream` sends it, by listenKey; `/ws` sends it as it is."""
    cdef JsonText out = JsonText()
    out.put(b'{"stream":')
    out.string(stream)
    out.put(b',"data":')
    out.put(event)
    out.put(b"}")
    return out.take()
