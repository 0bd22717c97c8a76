from collections.abc import Sequence

from typing_extensions import Buffer

from shm.records import AccountDefined, AssetDefined, ExtCredentialEvent, InstrumentDefined

ORDER_COLUMNS: tuple[str, ...]
CHANGE_COLUMNS: tuple[str, ...]
TRADE_COLUMNS: tuple[str, ...]
BALANCE_COLUMNS: tuple[str, ...]

class Batch:
    capacity: int
    events: int
    created: int
    changed: int
    trades: int
    balances: int
    complete_seq: int
    first_trade_ns: int
    last_trade_ns: int
    assets_defined: dict[int, AssetDefined]
    instruments_defined: dict[int, InstrumentDefined]
    users_defined: dict[int, tuple[AccountDefined, str, int]]
    def __init__(self, batch_rows: int) -> None: ...
    @property
    def numbers(self) -> list[int]: ...
    @property
    def causes(self) -> list[int]: ...
    def begin(self, numbers: Sequence[int], complete_seq: int) -> None: ...
    def add_bytes(self, ring: int, first: int, slots: Buffer) -> None: ...
    def encode(self) -> tuple[memoryview, memoryview, memoryview, memoryview]: ...
    def know_asset(self, number: int, name: bytes, scale: int) -> None: ...
    def know_instrument(
        self, number: int, symbol: bytes, base: int, quote: int, tick: tuple[int, int], lot: tuple[int, int]
    ) -> None: ...

def phc(credential: ExtCredentialEvent) -> str: ...
