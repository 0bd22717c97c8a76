"""Amounts as people write them, in the venue's units, and back: exact, or refused with what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from config.checks import I64_MAX
from config.units import InexactError, in_steps, in_units
from procs.operating.directory import Directory
from procs.operating.errors import NotPossibleError
from shm.records import Instrument

NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,18})?")


class Unit(NamedTuple):
    """What an amount is counted in: mantissa / 10**scale."""

    name: str
    mantissa: int
    scale: int


def units_of(directory: Directory, asset: str, amount: str) -> int:
    """`amount` in the asset's smallest units. NotPossibleError if it is no number of them."""
    scale = directory.asset(asset)[1]
    return _counted(amount, Unit(f"{asset}'s smallest unit", 1, scale), lambda: in_units(amount, scale))


def ticks_of(instrument: Instrument, price: str) -> int:
    """`price` in the instrument's ticks."""
    unit = Unit(f"{_symbol(instrument)}'s tick", instrument.tick_mantissa, instrument.price_scale)
    return _counted(price, unit, lambda: in_steps(price, step_text(unit.mantissa, unit.scale)))


def price_text(instrument: Instrument, ticks: int) -> str:
    """A price as people write it."""
    return step_text(ticks * instrument.tick_mantissa, instrument.price_scale)


def quantity_text(instrument: Instrument, lots: int) -> str:
    """A quantity as people write it."""
    return step_text(lots * instrument.lot_mantissa, instrument.quantity_scale)


def step_text(mantissa: int, scale: int) -> str:
    """mantissa / 10**scale in decimal, without an exponent."""
    return f"{Decimal(mantissa).scaleb(-scale):f}"


def _symbol(instrument: Instrument) -> str:
    return instrument.symbol.decode()


def _counted(text: str, unit: Unit, count: Callable[[], int]) -> int:
    if not NUMBER.fullmatch(text):
        raise NotPossibleError(f"{text} is no decimal number, such as 12.5")
    try:
        number = count()
    except InexactError:
        raise NotPossibleError(
            f"{text} is no multiple of {unit.name}, {step_text(unit.mantissa, unit.scale)}"
        ) from None
    if abs(number) > I64_MAX:
        most = step_text(unit.mantissa * I64_MAX, unit.scale)
        raise NotPossibleError(f"{text} is more than the venue can hold: at most {most}")
    return number
