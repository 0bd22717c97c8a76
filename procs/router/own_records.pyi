from collections.abc import Callable

class OwnRecords:
    rules: int
    raised: Callable[[], int] | None
    members: Callable[[], int] | None
    parity: int
