from lockstep.core.venue.agent import Agent
from lockstep.core.venue.snapshot_parts import Snapshots
from lockstep.shm.bell import Sleeper
from lockstep.shm.board import Board

class Loop:
    def __init__(
        self,
        agents: list[Agent],
        slots: list[int],
        sleeper: Sleeper,
        board: Board,
        spin_ns: int,
        snapshots: Snapshots,
        anchor_ns: int,
    ) -> None: ...
    def stop(self) -> None: ...
    def run(self) -> None: ...
