from lockstep.cli.flow.terms import Market, Party

class LogonRefused(ConnectionError): ...

class Initiator:
    next_out: int
    def __init__(
        self,
        host: str,
        port: int,
        party: Party,
        market: Market,
        patience_s: float = ...,
    ) -> None: ...
    def close(self) -> None: ...
