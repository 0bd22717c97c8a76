from collections.abc import Callable

from lockstep.core.edge.released_events import ReleasedEvents
from lockstep.core.edge.authentication import Account, Accounts
from lockstep.procs.gateway.fix_session import FixSession
from lockstep.procs.gateway.reports import Reports
from lockstep.procs.gateway.store import Store
from lockstep.core.venue.snapshot_parts import Snapshots
from lockstep.core.tables.saved import Loader, Saver

def accounts_in(part: Loader) -> list[Account]: ...

class EventReporter(ReleasedEvents):
    accounts: Accounts
    sessions: list[FixSession | None]
    recovering: bool
    snapshots: Snapshots
    def __init__(
        self,
        store: Store,
        reports: Reports,
        gateway: int,
        home_of: Callable[[str], int],
        comp_id: bytes,
    ) -> None: ...
    def save(self, saver: Saver) -> None: ...
    def load(self, loader: Loader) -> None: ...
    def has(self, session: int) -> bool: ...
    def opened(self) -> None: ...
