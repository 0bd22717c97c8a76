from procs.router.ledger import Ledger

class Sequencer:
    ledger: Ledger
    last_seq: int
    last_time_ns: int
    epoch: int
    assets: dict[bytes, tuple[int, int]]
    instruments: dict[bytes, int]
    accounts: dict[bytes, int]
    credentials: dict[int, bytes]
    def __init__(self, closed_ids: int = ...) -> None: ...
    def state_hash(self) -> int: ...
    def instrument(self, instrument: int) -> dict[str, object]: ...
    def session_in(self, session: int) -> int: ...
