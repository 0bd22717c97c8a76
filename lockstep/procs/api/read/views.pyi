class SymbolView:
    symbol: bytes
    base: bytes
    quote: bytes
    base_scale: int
    quote_scale: int
    price_scale: int
    tick: int
    quantity_scale: int
    lot: int
    unit_value: int
    lot_units: int
    phase: int
    maker_fee_ppm: int
    taker_fee_ppm: int
    most_lots: int
    most_value: int
    band_bps: int
    reference_ticks: int
    reference_ns: int
    def __init__(self, **fields: int | bytes) -> None: ...

class OrderView:
    symbol: SymbolView
    order_id: int
    list_id: int
    mate_id: int
    list_kind: int
    list_name: bytes
    client_order_id: bytes
    original_client_order_id: bytes
    side: int
    ord_type: int
    time_in_force: int
    stp: int
    flags: int
    status: int
    price_ticks: int
    stop_price_ticks: int
    quantity_lots: int
    executed_lots: int
    executed_quote: int
    display_lots: int
    entered_ns: int
    changed_ns: int
    working_ns: int
    end_reason: int
    prevented_lots: int
    prevented_match: int
    waits_for_list: bool
    def __init__(self, **fields: int | bytes | SymbolView) -> None: ...

class FillView:
    symbol: SymbolView
    trade_id: int
    order_id: int
    list_id: int
    price_ticks: int
    quantity_lots: int
    fee: int
    seq: int
    time_ns: int
    is_buyer: bool
    is_maker: bool
    def __init__(self, **fields: int | bool | SymbolView) -> None: ...

class PreventedView:
    match_id: int
    trade_group: int
    counter_order_id: int
    price_ticks: int
    quantity_lots: int
    lost_lots: int
    def __init__(self, **fields: int) -> None: ...

class BalanceView:
    asset: bytes
    scale: int
    free: int
    held: int
    def __init__(self, **fields: int | bytes) -> None: ...

def is_open(order: OrderView) -> bool: ...
def list_client_id(first: OrderView) -> bytes: ...
