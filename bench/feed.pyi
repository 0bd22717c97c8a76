from bench.tally import Tally
from bench.workload import Workload
from lockstep.shm.board import Board
from lockstep.shm.ring import Consumer, Producer

class Load:
    count: int
    sent: int
    def __init__(self, workload: Workload) -> None: ...

def run(
    load: Load,
    ingress: Producer,
    readers: list[list[Consumer]],
    board: Board,
    tally: Tally,
    begin: int = 0,
    end: int = 0,
) -> int: ...
