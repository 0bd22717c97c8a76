from collections.abc import Sequence

from typing_extensions import Buffer

from lockstep.procs.batcher.candles import Candles
from lockstep.procs.batcher.history import History
from lockstep.procs.batcher.listings import Listings
from lockstep.procs.batcher.positions import Positions
from lockstep.core.schema.records import AccountDefined, AssetDefined, ExtCredentialEvent, InstrumentDefined

BALANCE_COLUMNS: tuple[str, ...]

class Batch:
    capacity: int
    events: int
    created: int
    changed: int
    balances: int
    complete_seq: int
    epoch: int
    history: History
    candles: Candles
    positions: Positions
    listings: Listings
    assets_defined: dict[int, AssetDefined]
    instruments_defined: dict[int, InstrumentDefined]
    users_defined: dict[int, tuple[AccountDefined, str, int]]
    def __init__(self, batch_rows: int) -> None: ...
    @property
    def numbers(self) -> list[int]: ...
    @property
    def causes(self) -> list[int]: ...
    @property
    def times_ns(self) -> list[int]: ...
    @property
    def boot(self) -> str: ...
    def begin(self, numbers: Sequence[int], complete_seq: int) -> None: ...
    def add_bytes(self, ring: int, first: int, slots: Buffer) -> None: ...
    def encode(self) -> tuple[memoryview, memoryview, memoryview]: ...

def phc(credential: ExtCredentialEvent) -> str: ...
