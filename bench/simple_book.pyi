from collections.abc import Iterable

class SimpleBook:
    steps_over_own: bool
    resting: int
    trades: int
    still: int
    gone: int
    def __init__(self, capacity: int, steps_over_own: bool) -> None: ...
    def levels(self) -> list[tuple[str, int, int]]: ...

def digest_of(levels: Iterable[tuple[str, int, int]]) -> str: ...
