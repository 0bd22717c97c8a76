from collections.abc import Callable, Iterator, Set
from typing import Protocol

from procs.agent import Agent
from procs.router.sequencer import Sequencer
from procs.router.settlement import ReplayError as ReplayError
from procs.router.source import JournalSource
from procs.tables.saved import Loader, Saver
from shm.board import Board
from shm.ring import Consumer, Producer

class Snapshots(Protocol):
    def save(self, seq: int, agent: str, write: Callable[[Saver], None]) -> None: ...

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
        *,
        snapshots: Snapshots | None = None,
        generation: int = 1,
        voided: Set[tuple[int, int, int]] = ...,
    ) -> None: ...
    def save(self, saver: Saver) -> None: ...
    def load(self, loader: Loader) -> None: ...
    @property
    def leads(self) -> bool: ...
