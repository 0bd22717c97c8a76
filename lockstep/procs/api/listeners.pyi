from collections.abc import Callable
from enum import IntEnum

Listener = Callable[[int, int, int, bytes, int], None]

class Notice(IntEnum):
    NEW = 0
    TRADE = 1
    CANCELLED = 2
    REPLACED = 3
    REJECTED = 4
    TRIGGERED = 5
    RESTATED = 6
    BALANCE = 7

class Listeners:
    def __len__(self) -> int: ...
    def add(self, account: int, listener: Listener) -> None: ...
    def remove(self, account: int, listener: Listener) -> None: ...
