from pathlib import Path

class JournalSource:
    def open(self, first: int, last: int) -> None: ...

class RecordList(JournalSource):
    def __init__(self, records: list[bytes], first: int = 1) -> None: ...

class Journal(JournalSource):
    def __init__(self, directory: Path) -> None: ...
