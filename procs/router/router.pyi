from collections.abc import Callable, Iterator

from procs.agent import Agent
from procs.router.sequencer import Sequencer
from procs.router.source import JournalSource
from shm.board import Board
from shm.ring import Consumer, Producer

class ReplayError(RuntimeError): ...

class Router(Agent):
    core: Sequencer
    state: int
    def __init__(
        self,
        log: Producer,
        events: Producer,
        ingress: dict[int, Consumer],
        matchers: dict[int, Consumer],
        board: Board,
        source: JournalSource,
        changes: Callable[[Sequencer], Iterator[list[bytes]]],
        boot_id: bytes,
        core: Sequencer | None = None,
    ) -> None: ...
    @property
    def leads(self) -> bool: ...
