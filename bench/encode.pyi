from bench.workload import Workload

ACCOUNTS: int
MAKER_FEE_PPM: int
TAKER_FEE_PPM: int

class Encoder:
    workload: Workload
    next: int
    def __init__(self, workload: Workload, first_seq: int = 2) -> None: ...
