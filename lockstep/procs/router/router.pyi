from collections.abc import Callable
from typing import Protocol

from lockstep.core.venue.agent import Agent
from lockstep.procs.router.own_records import OwnRecords
from lockstep.procs.router.sequencer import Sequencer
from lockstep.procs.router.settlement import ReplayError as ReplayError
from lockstep.procs.router.log_source import JournalSource
from lockstep.procs.router.origin import Origin, Rings
from lockstep.procs.router.witnesses import Witnesses
from lockstep.core.tables.saved import Loader, Saver
from lockstep.shm.board import Board

class Snapshots(Protocol):
    def save(self, seq: int, agent: str, write: Callable[[Saver], None]) -> None: ...

class Router(Agent):
    core: Sequencer
    state: int
    follows: bool
    own: OwnRecords
    witnesses: Witnesses | None
    source: JournalSource
    def __init__(self, rings: Rings, board: Board, origin: Origin, snapshots: Snapshots | None = None) -> None: ...
    def take_over(self) -> None: ...
    def save(self, saver: Saver) -> None: ...
    def load(self, loader: Loader) -> None: ...
    @property
    def leads(self) -> bool: ...
