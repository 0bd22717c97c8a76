"""What a venue says, as types; where it can't be that, there is a VenueError."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeVar

import msgspec
from msgspec import Struct, structs

from lockstep.client.errors import GARBLED, VenueError

MAX_PLACES = 64  # of an amount, on either side of its point
MAX_SHOWN = 200  # characters of what is garbled, in an error
WRONG = (ValueError, RecursionError)  # what msgspec raises, also of a text that is no UTF-8 or has endless brackets
T = TypeVar("T")


class Said(Struct, frozen=True):
    """What a venue says. Its amounts can be compared and written out: none is a NaN, or has a million digits."""

    def __post_init__(self) -> None:
        _check(structs.astuple(self))


def from_json(text: bytes | str, type: type[T], code: str = GARBLED) -> T:
    """Return what a text says. VenueError (`code`) where that is no `type`."""
    try:
        return msgspec.json.decode(text, type=type)
    except WRONG as error:
        raise VenueError(code, f"This is not what a venue says: {text[:MAX_SHOWN]!r}: {error}.") from error


def from_builtins(value: object, type: type[T]) -> T:
    """Return what decoded JSON says. VenueError (GARBLED) where that is no `type`."""
    try:
        return msgspec.convert(value, type)
    except WRONG as error:
        raise VenueError(GARBLED, f"This is not what a venue says: {str(value)[:MAX_SHOWN]}: {error}.") from error


def is_amount(value: Decimal) -> bool:
    """Return whether a number is finite, and of an amount's size."""
    return value.is_finite() and abs(value.adjusted()) <= MAX_PLACES


def _check(values: tuple[object, ...]) -> None:
    """Raise ValueError unless each Decimal is an amount, in tuples too."""
    for value in values:
        if isinstance(value, tuple):
            _check(value)
        elif isinstance(value, Decimal) and not is_amount(value):
            raise ValueError(f"{value} is not an amount")
