STORED: tuple[str, ...]
CANDLE_COLUMNS: tuple[str, ...]
TOUCHED_COLUMNS: tuple[str, ...]

class Candles:
    count: int
    def encoded(self) -> memoryview: ...
    def touched(self) -> memoryview: ...
