from pathlib import Path

class JournalSource:
    def open(self, last: int) -> None: ...

class RecordList(JournalSource):
    def __init__(self, records: list[bytes]) -> None: ...

class Journal(JournalSource):
    def __init__(self, directory: Path) -> None: ...
