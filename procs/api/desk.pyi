from asyncio import Future
from collections.abc import Callable
from enum import IntEnum

from procs.api.balances import Balances
from procs.api.keys import Keys
from procs.api.people import People
from procs.api.recent_events import RecentEvents
from procs.api.requests import Request
from procs.api.tracked_orders import TrackedOrders
from procs.api.withdrawals import Withdrawals
from procs.edge.authentication import Accounts
from procs.intake.ingress_writer import IngressWriter
from procs.intake.listings import Listings
from procs.intake.orders import ClientOrders
from procs.tables.saved import Loader, Saver
from procs.venue.snapshot_parts import Snapshots
from shm.bell import Reason
from shm.board import Board
from shm.ring import Consumer

NAME: str
Listener = Callable[[int, int, int, bytes, int], None]

class Told(IntEnum):
    NEW = 0
    TRADE = 1
    CANCELLED = 2
    REPLACED = 3
    REJECTED = 4
    TRIGGERED = 5
    RESTATED = 6
    BALANCE = 7

class Desk:
    listings: Listings
    orders: ClientOrders
    tracked: TrackedOrders
    people: People
    accounts: Accounts
    balances: Balances
    recent: RecentEvents
    keys: Keys
    withdrawals: Withdrawals
    phases: dict[int, int]
    references: dict[int, tuple[int, int]]
    definitions: dict[int, bytes]
    cancel_after: dict[int, int]
    kick: Callable[[], None]
    is_open: bool
    connections: int
    now_ns: int
    corrected_number: int
    level_ns: int
    @property
    def committed(self) -> int: ...
    def __init__(
        self, ingress: IngressWriter, snapshots: Snapshots | None, future: Callable[[], Future[Request]], kept: int = ...
    ) -> None: ...
    def attach(self, consumers: dict[int, Consumer], board: Board) -> None: ...
    def poll(self, now_ns: int) -> int: ...
    def wants(self) -> Reason: ...
    def position(self, ring: int) -> int: ...
    @property
    def released_seq(self) -> int: ...
    def is_awaited(self) -> bool: ...
    def is_ready(self) -> bool: ...
    def carry(self, records: list[bytes], id: bytes, adds: bool = True, ticket: int = 0) -> Request | None: ...
    def sequenced(self) -> Future[None]: ...
    def settled_of(self, account: int) -> Future[None]: ...
    @property
    def replaced_client_id(self) -> bytes: ...
    def prevented_match(self, ring: int) -> bytes: ...
    def recorded_numbers(self) -> list[int]: ...
    def listen(self, account: int, listener: Listener) -> None: ...
    def leave(self, account: int, listener: Listener) -> None: ...
    def save(self, saver: Saver) -> None: ...
    def load(self, loader: Loader) -> None: ...
    def request_withdrawal(
        self, account: int, key: int, asset: int, amount: int, client_id: bytes, destination: bytes,
        ticket: int = 0,
    ) -> Request | int: ...
    def cancel_withdrawal(
        self, account: int, key: int, withdrawal: int, client_id: bytes, ticket: int = 0
    ) -> Request | int: ...
