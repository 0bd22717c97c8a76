from collections.abc import Callable

from lockstep.core.venue.agent import Agent
from lockstep.shm.board import Board
from lockstep.core.journal.writer import JournalWriter
from lockstep.shm.ring import Consumer

class Journaler(Agent):
    journal: JournalWriter
    replayed_chain: int
    generation: int
    def __init__(
        self,
        log: Consumer,
        journal: JournalWriter,
        board: Board,
        generation: int = 1,
        renew: Callable[[], tuple[int, Consumer]] | None = None,
        eases: bool = False,
    ) -> None: ...
    def close(self) -> None: ...
