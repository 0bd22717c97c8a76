from collections.abc import Callable
from pathlib import Path

def upgrade(folder: Path, bases: list[int], beat: Callable[[], None]) -> bool: ...
