from lockstep.procs.router.state import State

RULES: int

class Sequencer(State):
    last_seq: int
    last_time_ns: int
    epoch: int
    def __init__(self, closed_ids: int = ...) -> None: ...
    def knows_id(self, account: int, text: bytes) -> bool: ...
    def state_hash(self) -> int: ...
