from collections.abc import Callable, Iterator, Set
from typing import Protocol

from lockstep.core.venue.agent import Agent
from lockstep.procs.router.own_records import OwnRecords
from lockstep.procs.router.sequencer import Sequencer
from lockstep.procs.router.settlement import ReplayError as ReplayError
from lockstep.procs.router.log_source import JournalSource
from lockstep.procs.router.witnesses import Witnesses
from lockstep.core.tables.saved import Loader, Saver
from lockstep.shm.board import Board
from lockstep.shm.ring import Consumer, Producer

class Snapshots(Protocol):
    def save(self, seq: int, agent: str, write: Callable[[Saver], None]) -> None: ...

class Router(Agent):
    core: Sequencer
    state: int
    follows: bool
    own: OwnRecords
    witnesses: Witnesses | None
    source: JournalSource
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
        id_window_s: int = 0,
        older_ids: int = 0,
        witnesses: Witnesses | None = None,
    ) -> None: ...
    def take_over(self) -> None: ...
    def save(self, saver: Saver) -> None: ...
    def load(self, loader: Loader) -> None: ...
    @property
    def leads(self) -> bool: ...
