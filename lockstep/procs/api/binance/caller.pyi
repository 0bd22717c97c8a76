from lockstep.procs.api.binance.parameters import Parameters
from lockstep.procs.api.binance.stream_rights import Right
from lockstep.procs.api.keys import ApiKey

class Call:
    sent: Parameters
    account: int
    key: int
    api_key: ApiKey | None
    unit: int
    now_ns: int
    verified: bytes | None
    def __init__(
        self, sent: Parameters, api_key: ApiKey | None, unit: int, now_ns: int, verified: bytes | None = None,
        right: Right | None = None,
    ) -> None: ...
    def ticket(self) -> int: ...
    def generated(self, which: int) -> bytes: ...
