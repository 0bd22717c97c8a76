from lockstep.shm.ring import Consumer

class Tally:
    accepted: int
    traded: int
    cancelled: int
    replaced: int
    rejected: int
    damaged: int
    events: int
    def drain(self, ring: Consumer) -> int: ...
    def refusals(self) -> dict[int, int]: ...
