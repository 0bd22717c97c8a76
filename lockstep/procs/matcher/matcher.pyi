from collections.abc import Mapping

from lockstep.core.venue.agent import Agent
from lockstep.core.venue.instrument_images import Images
from lockstep.procs.matcher.book import Book
from lockstep.core.venue.snapshot_parts import Snapshots
from lockstep.core.tables.saved import Loader, Saver
from lockstep.shm.board import Board
from lockstep.shm.ring import Consumer, Producer

class Matcher(Agent):
    book: Book
    def __init__(
        self,
        number: int,
        log: Consumer,
        events: Producer,
        board: Board,
        images: Images | None = ...,
        snapshots: Snapshots | None = ...,
        voided: Mapping[int, int] = ...,
    ) -> None: ...
    def save(self, saver: Saver) -> None: ...
    def load(self, loader: Loader) -> None: ...
    def digest(self) -> int: ...
