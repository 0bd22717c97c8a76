from collections.abc import Callable

from procs.gateway.client import Client
from procs.gateway.order_entry import OrderEntry
from procs.intake.listings import Listings
from procs.intake.orders import ClientOrders
from procs.gateway.event_reporter import EventReporter
from procs.gateway.session_log import Watch
from procs.gateway.store import Store
from procs.intake.ingress_writer import IngressWriter
from shm.bell import Reason
from shm.board import Board
from shm.ring import Consumer

class Gateway:
    store: Store
    orders: ClientOrders
    listings: Listings
    reporter: EventReporter
    clients: dict[Client, None]
    is_open: bool
    def __init__(
        self,
        store: Store,
        orders: ClientOrders,
        listings: Listings,
        reporter: EventReporter,
        ingress: IngressWriter,
        order_entry: OrderEntry,
        comp_id: bytes,
        max_message_bytes: int,
        logon: Callable[[Client, str, str, str], None],
        watch: Watch,
        unread_timeout_s: int,
        max_messages_per_second: int,
    ) -> None: ...
    def attach(self, consumers: dict[int, Consumer], board: Board) -> None: ...
    def connected(self, client: Client) -> None: ...
    def received(self, client: Client, size: int, now_ns: int) -> None: ...
    def end(self, client: Client, why: str | int, at_once: bool = False) -> None: ...
    def lost(self, client: Client, why: str) -> None: ...
    def poll(self, now_ns: int) -> int: ...
    def wants(self) -> Reason: ...
    def is_ready(self) -> bool: ...
    def tick(self) -> None: ...
    def accept(self, client: Client, number: int, now_ns: int) -> None: ...
    def refuse(self, client: Client, now_ns: int) -> None: ...
    def send_on(self, client: Client, text: bytes, now_ns: int) -> None: ...
    def say_goodbye(self, now_ns: int) -> None: ...
    def log_out(self, number: int, text: bytes, now_ns: int) -> Client | None: ...
