from lockstep.procs.gateway.lookup import Lookup
from lockstep.procs.gateway.store import Store

class Resend:
    lookup: Lookup
    def __init__(self, store: Store, session: int, begin: int, end: int) -> None: ...
    def read(self) -> tuple[int, int, bytes] | None: ...
