class SegmentWriter:
    writes: int
    is_short: bool
    def tend(self) -> None: ...
