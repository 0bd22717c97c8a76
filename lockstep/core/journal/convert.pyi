from pathlib import Path
from typing import NamedTuple

from lockstep.core.files.disk import Disk

class Header(NamedTuple):
    first_seq: int
    schema_hash: int

def header_of(where: Path | Disk, first_seq: int) -> Header: ...
def with_schema(segment: bytes, schema_hash: int) -> bytes: ...
