from lockstep.procs.router.balances import Balances
from lockstep.procs.router.ids import ClientIds
from lockstep.procs.router.orders import OpenOrders
from lockstep.procs.router.positions import Positions

class SettlementError(RuntimeError): ...

class Holds:
    ids: ClientIds
    orders: OpenOrders
    balances: Balances
    positions: Positions
    def __init__(self, closed_ids: int = ...) -> None: ...
