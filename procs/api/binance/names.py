"""The symbols that a request names: one, several, or none, which is all."""

from __future__ import annotations

import msgspec

from procs.api.binance.errors import illegal_characters, invalid_combination
from procs.api.binance.parameters import Parameters

MOST_SYMBOLS = 1000


def symbols_named(sent: Parameters) -> set[str] | None:
    """`symbol` or `symbols`; None where neither was sent. ApiError."""
    one, several = sent.get(b"symbol"), sent.get(b"symbols")
    if one is not None and several is not None:
        raise invalid_combination()
    if one is not None:
        return {one.decode()}
    if several is None:
        return None
    try:
        names = msgspec.json.decode(several, type=list[str])
    except (msgspec.DecodeError, UnicodeError):
        names = []
    if not 0 < len(names) <= MOST_SYMBOLS:
        raise illegal_characters("symbols", '["SYMBOL", ...]')
    return set(names)
