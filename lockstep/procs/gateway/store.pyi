from collections.abc import Callable
from pathlib import Path

from lockstep.core.intake.refused_ids import RefusedIds
from lockstep.procs.gateway.opening import Past, Room
from lockstep.procs.gateway.reservations import Reservations
from lockstep.procs.gateway.segment_writer import SegmentWriter
from lockstep.core.tables.saved import Loader, Saver

class Store:
    segment: SegmentWriter
    reservations: Reservations
    other_boot: bool
    is_emptied: bool
    follows: bool
    is_full: bool
    @property
    def last_events(self) -> list[int]: ...
    def __init__(
        self,
        folder: Path,
        refused: RefusedIds,
        past: Past = ...,
        room: Room = ...,
        beat: Callable[[], None] = ...,
    ) -> None: ...
    def save(self, saver: Saver) -> None: ...
    def lead(self) -> None: ...
    def recovered(self) -> None: ...
    def expected_in(self, session: int, sequenced: int, received: int = ...) -> tuple[int, set[int]]: ...
    def sync(self) -> None: ...
    def retain(self, now_ns: int) -> None: ...
    def check(self) -> None: ...

def read_over(loader: Loader) -> Reservations: ...
