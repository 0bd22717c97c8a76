from collections.abc import Mapping

from procs.batcher.spool import Spool
from procs.edge.released_events import ReleasedEvents
from shm.board import Board
from shm.ring import Consumer

class SpoolWriter(ReleasedEvents):
    spool: Spool
    def __init__(self, board: Board, consumers: Mapping[int, Consumer], spool: Spool) -> None: ...
    @property
    def before(self) -> list[int]: ...
    def poll(self, now_ns: int) -> int: ...
