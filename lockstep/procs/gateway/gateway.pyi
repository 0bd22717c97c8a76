from collections.abc import Callable

from lockstep.config.schema import FixSection
from lockstep.procs.gateway.client import Client
from lockstep.procs.gateway.clients import Clients
from lockstep.procs.gateway.order_entry import OrderEntry
from lockstep.core.intake.listings import Listings
from lockstep.core.intake.orders import ClientOrders
from lockstep.procs.gateway.event_reporter import EventReporter
from lockstep.procs.gateway.session_log import Watch
from lockstep.procs.gateway.store import Store
from lockstep.shm.bell import Reason
from lockstep.shm.board import Board
from lockstep.shm.ring import Consumer

class Gateway:
    store: Store
    orders: ClientOrders
    listings: Listings
    reporter: EventReporter
    clients: Clients
    is_open: bool
    def __init__(
        self,
        reporter: EventReporter,
        order_entry: OrderEntry,
        fix: FixSection,
        logon: Callable[[Client, str, str, str], None],
        watch: Watch,
    ) -> None: ...
    def attach(self, consumers: dict[int, Consumer], board: Board) -> None: ...
    def connected(self, client: Client) -> None: ...
    def received(self, client: Client, size: int, now_ns: int) -> None: ...
    def poll(self, now_ns: int) -> int: ...
    def wants(self) -> Reason: ...
    def is_ready(self) -> bool: ...
    @property
    def may_tell(self) -> bool: ...
    def tick(self) -> None: ...
    def accept(self, client: Client, number: int, now_ns: int) -> None: ...
    def refuse(self, client: Client, now_ns: int) -> None: ...
    def send_on(self, client: Client, text: bytes, now_ns: int) -> None: ...
