from procs.venue.agent import Agent
from procs.venue.snapshot_parts import Snapshots
from shm.bell import Sleeper
from shm.board import Board

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
