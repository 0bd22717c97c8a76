from procs.gateway.authentication import Accounts
from procs.gateway.listing import Listing
from procs.gateway.orders import Orders
from procs.gateway.reports import Reports
from procs.gateway.store import Store
from shm.board import Board
from shm.ring import Consumer

class EventPump:
    accounts: Accounts
    recovering: bool
    def __init__(
        self,
        consumers: dict[int, Consumer],
        store: Store,
        orders: Orders,
        listing: Listing,
        reports: Reports,
        board: Board,
        gateway: int,
        comp_id: bytes,
    ) -> None: ...
    def add_account(self, number: int, name: bytes) -> None: ...
    def opened(self) -> None: ...
    def behind(self) -> bool: ...
    def position(self, ring: int) -> int: ...
