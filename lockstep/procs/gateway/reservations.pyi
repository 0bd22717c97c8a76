from collections.abc import Iterable

class Reservations:
    top: int
    def learn(self, records: Iterable[bytes]) -> None: ...
