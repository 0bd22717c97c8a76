from array import array

from lockstep.cli.flow.commands import Flow
from lockstep.cli.flow.initiator import Initiator

NEW: int
IMMEDIATE: int
REDUCE: int
CANCEL: int
REFUSED: int

class Stalled(RuntimeError): ...

class Driver:
    seen: int
    stopping: bool
    sent: int
    answered: int
    refused: int
    refusals: list[str]
    def __init__(
        self,
        sessions: tuple[Initiator, Initiator],
        flow: Flow,
        acks: array[int],
        window: int,
        first: int = ...,
    ) -> None: ...
    def run(self) -> None: ...
