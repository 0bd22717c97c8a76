from procs.gateway.authentication import Accounts
from procs.gateway.fix_session import FixSession
from procs.gateway.listing import Listing
from procs.gateway.orders import Orders
from procs.gateway.reports import Reports
from procs.gateway.store import Store
from procs.venue.snapshot_parts import Snapshots
from procs.tables.saved import Loader, Saver
from shm.board import Board
from shm.ring import Consumer

class EventReporter:
    accounts: Accounts
    sessions: list[FixSession | None]
    recovering: bool
    def __init__(
        self,
        store: Store,
        orders: Orders,
        listing: Listing,
        reports: Reports,
        gateway: int,
        comp_id: bytes,
        snapshots: Snapshots,
    ) -> None: ...
    def save(self, saver: Saver) -> None: ...
    def load(self, loader: Loader) -> None: ...
    def attach(self, consumers: dict[int, Consumer], board: Board) -> None: ...
    def add_account(self, number: int, name: bytes) -> None: ...
    def opened(self) -> None: ...
    def behind(self) -> bool: ...
    def position(self, ring: int) -> int: ...
