from lockstep.procs.gateway.client import Client

class FixSession:
    number: int
    name: bytes
    client: Client | None
    @property
    def numbers(self) -> tuple[int, int]: ...
