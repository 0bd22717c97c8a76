from collections.abc import Callable

from procs.venue.agent import Agent
from shm.board import Board
from shm.journal_writer import JournalWriter
from shm.ring import Consumer

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
