from collections.abc import Iterable
from pathlib import Path

def select(directory: Path, first: int, last: int, types: Iterable[int]) -> list[bytes]: ...
