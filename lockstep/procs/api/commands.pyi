from asyncio import Future
from collections.abc import Callable

from lockstep.procs.api.requests import Request

class Commands:
    kick: Callable[[], None]
    is_open: bool
    def carry(self, records: list[bytes], id: bytes, adds: bool = True, ticket: int = 0) -> Request | None: ...
    def sequenced(self) -> Future[None]: ...
    def request_withdrawal(
        self, account: int, key: int, asset: int, amount: int, client_id: bytes, destination: bytes,
        ticket: int = 0,
    ) -> Request | int: ...
    def cancel_withdrawal(
        self, account: int, key: int, withdrawal: int, client_id: bytes, ticket: int = 0
    ) -> Request | int: ...
