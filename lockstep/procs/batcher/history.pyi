TRADE_COLUMNS: tuple[str, ...]
PHASE_COLUMNS: tuple[str, ...]
ACTION_COLUMNS: tuple[str, ...]
CORRECTION_COLUMNS: tuple[str, ...]
PREVENTED_COLUMNS: tuple[str, ...]
REPLACEMENT_COLUMNS: tuple[str, ...]

class History:
    trades: int
    first_trade_ns: int
    last_trade_ns: int
    corrected: list[tuple[int, int]]
    def tables(self) -> dict[str, tuple[tuple[str, ...], memoryview]]: ...
