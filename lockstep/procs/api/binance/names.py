"""The symbols that a request names: one, several, or none, which is all; and the instrument of a symbol."""

from __future__ import annotations

import msgspec

from lockstep.procs.api.binance.errors import (
    ApiError,
    Number,
    illegal_characters,
    invalid,
    invalid_combination,
    symbol_unknown,
)
from lockstep.procs.api.binance.parameters import Parameters
from lockstep.procs.api.read.shown import Shown

MOST_SYMBOLS = 1000
STATUSES = ("TRADING", "HALT", "BREAK")


def instrument_named(shown: Shown, symbol: bytes) -> int:
    """Return the instrument's number. ApiError where there is no such symbol."""
    instrument = shown.instrument(symbol)
    if not instrument:
        raise symbol_unknown()
    return instrument


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
    if len(set(names)) != len(names):
        raise ApiError(400, Number.SYMBOL_TWICE, "Symbol is present multiple times in the list.")
    return set(names)


def status_named(sent: Parameters) -> str | None:
    """`symbolStatus`; None where it was not sent. ApiError."""
    status = sent.text(b"symbolStatus")
    if status is not None and status not in STATUSES:
        raise ApiError(400, Number.INVALID_SYMBOL_STATUS, "Invalid symbolStatus.")
    return status


def permits_spot(sent: Parameters) -> bool:
    """Whether `permissions`, a word or a list of them, is not sent or has SPOT in it. ApiError."""
    named = sent.get(b"permissions")
    if named is None or named == b"SPOT":
        return True
    try:
        return "SPOT" in (msgspec.json.decode(named, type=list[str]) if named.startswith(b"[") else [])
    except (msgspec.DecodeError, UnicodeError):
        raise invalid("permissions") from None


def shows_sets(sent: Parameters) -> bool:
    """`showPermissionSets`, which is true unless it is sent. ApiError."""
    value = sent.get(b"showPermissionSets") or b"true"
    if value not in (b"true", b"false"):
        raise invalid("showPermissionSets")
    return value == b"true"


def status_mismatch() -> ApiError:
    """The answer where the one symbol that was asked for has another status than `symbolStatus`."""
    text = "The symbol's status does not match the requested status."
    return ApiError(400, Number.STATUS_MISMATCH, text)
