from lockstep.procs.api.balances import Balances
from lockstep.procs.api.keys import Keys
from lockstep.procs.api.listeners import Listeners
from lockstep.procs.api.people import People
from lockstep.procs.api.recent_events import RecentEvents
from lockstep.procs.api.tracked_orders import TrackedOrders
from lockstep.procs.api.withdrawals import Withdrawals
from lockstep.core.edge.authentication import Accounts
from lockstep.core.intake.listings import Listings
from lockstep.core.intake.orders import ClientOrders
from lockstep.core.tables.saved import Loader, Saver

class AccountState:
    listings: Listings
    orders: ClientOrders
    tracked: TrackedOrders
    people: People
    accounts: Accounts
    balances: Balances
    recent: RecentEvents
    listeners: Listeners
    keys: Keys
    withdrawals: Withdrawals
    phases: dict[int, int]
    references: dict[int, tuple[int, int]]
    definitions: dict[int, bytes]
    cancel_after: dict[int, int]
    corrected_number: int
    def position(self, ring: int) -> int: ...
    @property
    def replaced_client_id(self) -> bytes: ...
    def prevented_match(self, ring: int) -> bytes: ...
    def recorded_numbers(self) -> list[int]: ...
    def save(self, saver: Saver) -> None: ...
    def load(self, loader: Loader) -> None: ...
