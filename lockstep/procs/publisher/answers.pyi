from lockstep.core.edge.market_queries import Forgotten
from lockstep.procs.publisher.feed import Feed

FORMS: tuple[str, ...]

def depth(feed: Feed, instrument: int, limit: int) -> bytes | None: ...
def trades(
    feed: Feed, instrument: int, limit: int, from_id: int = -1, in_us: bool = False
) -> tuple[bytes, Forgotten | None]: ...
def aggregates(
    feed: Feed,
    instrument: int,
    limit: int,
    from_id: int = -1,
    start_ms: int = -1,
    end_ms: int = -1,
    in_us: bool = False,
) -> tuple[bytes, Forgotten | None]: ...
def klines(
    feed: Feed,
    instrument: int,
    interval: str,
    limit: int,
    start_ms: int = -1,
    end_ms: int = -1,
    in_us: bool = False,
    offset: int = 0,
) -> tuple[bytes, Forgotten | None]: ...
def window(
    feed: Feed, instrument: int, minutes: int, offset: int, is_full: bool
) -> tuple[bytes, Forgotten | None]: ...
def rows(feed: Feed, form: str, instruments: list[int]) -> list[bytes]: ...
def average(feed: Feed, instrument: int) -> bytes: ...
