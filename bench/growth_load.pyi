from bench.workload import Workload

class Steady(Workload):
    filled: int
    def __init__(self, resting: int, instruments: int, prices: int, commands: int, is_near: bool) -> None: ...
