from collections.abc import Callable

from procs.edge.released_events import ReleasedEvents
from procs.edge.authentication import Account, Accounts
from procs.gateway.fix_session import FixSession
from procs.intake.listings import Listings
from procs.intake.orders import ClientOrders
from procs.gateway.reports import Reports
from procs.gateway.store import Store
from procs.venue.snapshot_parts import Snapshots
from procs.tables.saved import Loader, Saver

def accounts_in(part: Loader) -> list[Account]: ...

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
        home_of: Callable[[str], int],
        comp_id: bytes,
        snapshots: Snapshots,
    ) -> None: ...
    def save(self, saver: Saver) -> None: ...
    def load(self, loader: Loader) -> None: ...
    def has(self, session: int) -> bool: ...
    def opened(self) -> None: ...
