from procs.router.balances import Balances
from procs.router.ids import ClientIds
from procs.router.orders import OpenOrders
from procs.router.positions import Positions

class SettlementError(RuntimeError): ...

class Holds:
    ids: ClientIds
    orders: OpenOrders
    balances: Balances
    positions: Positions
    def __init__(self, closed_ids: int = ...) -> None: ...
