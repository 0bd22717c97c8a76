class LogonRefused(ConnectionError): ...

class Initiator:
    next_out: int
    def __init__(
        self,
        host: str,
        port: int,
        sender: str,
        target: str,
        password: str,
        symbol: str,
        price_decimals: int,
        quantity_decimals: int,
        patience_s: float = ...,
    ) -> None: ...
    def close(self) -> None: ...
