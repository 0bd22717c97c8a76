from procs.router.state import State

class Sequencer(State):
    last_seq: int
    last_time_ns: int
    epoch: int
    def __init__(self, closed_ids: int = ...) -> None: ...
    def state_hash(self) -> int: ...
