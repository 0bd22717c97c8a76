import asyncio
from collections.abc import Callable

from procs.gateway.fix.session import Session
from procs.gateway.forms import Checker
from procs.gateway.listing import Listing
from procs.gateway.orders import Orders
from procs.gateway.pump import EventPump
from procs.gateway.reports import Reports
from procs.gateway.store import Store
from procs.gateway.translate import Entry
from shm.board import Board

class Client:
    session: Session
    transport: asyncio.Transport
    address: str
    slow: bool
    closed: bool
    def __init__(self, session: Session, transport: asyncio.Transport, address: str) -> None: ...
    def space(self) -> memoryview: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def close(self) -> None: ...
    @property
    def is_active(self) -> bool: ...
    @property
    def has_left(self) -> bool: ...

class Gateway:
    store: Store
    orders: Orders
    listing: Listing
    pump: EventPump
    clients: set[Client]
    def __init__(
        self,
        store: Store,
        orders: Orders,
        listing: Listing,
        reports: Reports,
        pump: EventPump,
        entry: Entry,
        checker: Checker,
        board: Board,
        number: int,
        comp_id: bytes,
        max_message_bytes: int,
        logon: Callable[[Client, str, str, str], None],
    ) -> None: ...
    def connected(self, client: Client) -> None: ...
    def received(self, client: Client, size: int, now_ns: int) -> None: ...
    def lost(self, client: Client) -> None: ...
    def poll(self, now_ns: int) -> int: ...
    def wants(self) -> int: ...
    def is_ready(self) -> bool: ...
    def tick(self) -> None: ...
    def accept(self, client: Client, number: int, now_ns: int) -> None: ...
    def refuse(self, client: Client, now_ns: int) -> None: ...
    def say_goodbye(self, now_ns: int) -> None: ...
