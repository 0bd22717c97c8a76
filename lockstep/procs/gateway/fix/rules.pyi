from collections.abc import Iterable

from lockstep.procs.gateway.fix.message import Message

class Rules:
    def __init__(self, supported: Iterable[str]) -> None: ...
    def verdict(self, version: int, message: Message) -> tuple[int, int] | None: ...
