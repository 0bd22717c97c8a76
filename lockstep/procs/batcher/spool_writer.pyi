from collections.abc import Mapping

from lockstep.procs.batcher.spool import Spool
from lockstep.core.edge.released_events import ReleasedEvents
from lockstep.shm.board import Board
from lockstep.shm.ring import Consumer

class SpoolWriter(ReleasedEvents):
    spool: Spool
    def __init__(self, board: Board, consumers: Mapping[int, Consumer], spool: Spool) -> None: ...
    @property
    def before(self) -> list[int]: ...
    def poll(self, now_ns: int) -> int: ...
