from collections.abc import Callable

class OwnRecords:
    rules: int
    members: Callable[[], int] | None
