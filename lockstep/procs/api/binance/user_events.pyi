from lockstep.procs.api.read.views import BalanceView, FillView, OrderView, PreventedView

NEW: int
CANCELED: int
REPLACED: int
REJECTED: int
TRADE: int
EXPIRED: int
TRADE_PREVENTION: int

def execution_report(
    order: OrderView,
    execution: int,
    fill: FillView | None,
    reject_reason: bytes,
    execution_id: int,
    now_ns: int,
    time_unit: int,
    prevented: PreventedView | None = None,
) -> bytes: ...
def account_position(balances: list[BalanceView], changed_ns: int, now_ns: int, time_unit: int) -> bytes: ...
def list_status(
    orders: list[OrderView],
    triggers: bool,
    is_done: bool,
    list_client_order_id: bytes,
    now_ns: int,
    time_unit: int,
) -> bytes: ...
def stream_terminated(now_ns: int, time_unit: int) -> bytes: ...
def server_shutdown(now_ns: int, time_unit: int) -> bytes: ...
def listen_key_expired(listen_key: bytes, now_ns: int, time_unit: int) -> bytes: ...
def subscribed(subscription: int, event: bytes) -> bytes: ...
def combined(stream: bytes, event: bytes) -> bytes: ...
