from lockstep.procs.api.binance.parameters import Parameters

class OrderForm:
    detail: int
    wants_rates: bool
    client_order_id: bytes

class ListForm:
    kind: int
    detail: int
    list_client_order_id: bytes
    client_order_ids: list[bytes]

class Target:
    symbol: bytes
    order_id: int
    client_order_id: bytes | None

class CancelForm:
    target: Target
    client_order_id: bytes
    restriction: int

class CancelReplaceForm:
    cancel: CancelForm
    order: OrderForm
    stop_on_failure: bool
    cancel_when_too_many: bool

class AmendForm:
    target: Target

def read_order(sent: Parameters, generated: bytes) -> OrderForm: ...
def read_oco(sent: Parameters, generated: list[bytes]) -> ListForm: ...
def read_old_oco(sent: Parameters, generated: list[bytes]) -> ListForm: ...
def read_oto(sent: Parameters, generated: list[bytes]) -> ListForm: ...
def read_target(sent: Parameters) -> Target: ...
def read_list_target(sent: Parameters) -> Target: ...
def read_cancel(sent: Parameters, generated: bytes) -> CancelForm: ...
def read_cancel_replace(sent: Parameters, generated_cancel: bytes, generated: bytes) -> CancelReplaceForm: ...
def read_amend(sent: Parameters, generated: bytes) -> AmendForm: ...
