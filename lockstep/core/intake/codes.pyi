from typing import NamedTuple

from lockstep.core.schema.records import Code

class Row(NamedTuple):
    meaning: str
    remedy: str
    fix: str
    order: tuple[int, int]
    cancel: tuple[int, int]

TABLE: dict[Code, Row]

def text_of(code: int, sent: bytes = b"", step: tuple[int, int] = (0, 0)) -> str: ...
