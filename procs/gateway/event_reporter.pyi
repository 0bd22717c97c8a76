from procs.edge.released_events import ReleasedEvents
from procs.gateway.authentication import Accounts
from procs.gateway.fix_session import FixSession
from procs.gateway.listings import Listings
from procs.gateway.orders import ClientOrders
from procs.gateway.reports import Reports
from procs.gateway.store import Store
from procs.venue.snapshot_parts import Snapshots
from procs.tables.saved import Loader, Saver

class EventReporter(ReleasedEvents):
    accounts: Accounts
    sessions: list[FixSession | None]
    recovering: bool
    def __init__(
        self,
        store: Store,
        orders: ClientOrders,
        listings: Listings,
        reports: Reports,
        gateway: int,
        comp_id: bytes,
        snapshots: Snapshots,
    ) -> None: ...
    def save(self, saver: Saver) -> None: ...
    def load(self, loader: Loader) -> None: ...
    def add_account(self, number: int, name: bytes) -> None: ...
    def opened(self) -> None: ...
