from collections.abc import Callable

class OwnRecords:
    raised: Callable[[], int] | None
    members: Callable[[], int] | None
    parity: int

def next_rules(known: int, held: int, raised: int | None) -> int: ...
