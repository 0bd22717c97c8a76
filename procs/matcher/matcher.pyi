from collections.abc import Mapping

from procs.venue.agent import Agent
from procs.venue.instrument_images import Images
from procs.matcher.book import Book
from procs.venue.snapshot_parts import Snapshots
from procs.tables.saved import Loader, Saver
from shm.board import Board
from shm.ring import Consumer, Producer

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
