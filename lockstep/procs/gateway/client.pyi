import asyncio

from lockstep.procs.gateway.fix.connection import Connection

class Client:
    connection: Connection
    transport: asyncio.Transport
    address: str
    rights: int
    slow: bool
    closed: bool
    def __init__(self, connection: Connection, transport: asyncio.Transport, address: str) -> None: ...
    def space(self) -> memoryview: ...
    @property
    def name(self) -> str: ...
    @property
    def claimed(self) -> str: ...
