from typing import NamedTuple

from lockstep.core.schema.records import ExtDestinationEvent, WithdrawalChanged

class Waiting(NamedTuple):
    number: int
    account: int
    asset: int
    amount: int
    state: int
    client_id: bytes
    destination: bytes
    requested_ns: int
    changed_ns: int

class Withdrawals:
    def note(self, event: WithdrawalChanged | ExtDestinationEvent) -> None: ...
    def of(self, account: int) -> list[Waiting]: ...
    def known(self) -> list[Waiting]: ...
    def restore(self, known: list[Waiting]) -> None: ...
