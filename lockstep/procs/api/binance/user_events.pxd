from libc.stdint cimport int64_t

from lockstep.procs.api.read.views cimport BalanceView, FillView, OrderView, PreventedView


# Why a report comes: Binance's execution types.
cdef enum Execution:
    EXECUTION_NEW = 0
    EXECUTION_CANCELED = 1
    EXECUTION_REPLACED = 2
    EXECUTION_REJECTED = 3
    EXECUTION_TRADE = 4
    EXECUTION_EXPIRED = 5
    EXECUTION_TRADE_PREVENTION = 6


cpdef bytes execution_report(
    OrderView order, int execution, FillView fill, bytes reject_reason, int64_t execution_id, int64_t now_ns,
    int64_t time_unit, PreventedView prevented=*
)
cpdef bytes account_position(list balances, int64_t changed_ns, int64_t now_ns, int64_t time_unit)
cpdef bytes list_status(
    list orders, bint triggers, bint is_done, bytes list_client_order_id, int64_t now_ns, int64_t time_unit
)
cpdef bytes stream_terminated(int64_t now_ns, int64_t time_unit)
cpdef bytes listen_key_expired(bytes listen_key, int64_t now_ns, int64_t time_unit)
cpdef bytes subscribed(int64_t subscription, bytes event)
cpdef bytes combined(bytes stream, bytes event)
