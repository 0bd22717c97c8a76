"""Amounts as people write them, in the venue's units, and back: exact, or refused with what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from lockstep.config.checks import I64_MAX
from lockstep.config.schema import DECIMAL
from lockstep.core.operations.directory import Directory
from lockstep.core.operations.errors import NotPossibleError
from lockstep.core.schema.decimals import InexactError, decimal, in_steps, in_units
from lockstep.core.schema.records import Code, Instrument

NUMBER = re.compile(f"-?{DECIMAL}")


class Unit(NamedTuple):
    """What an amount is counted in: mantissa / 10**scale."""

    name: str
    mantissa: int
    scale: int


def units_of(directory: Directory, asset: str, amount: str, field: str = "amount", *, large: Code = Code.OK) -> int:
    """`amount` in the asset's smallest units. NotPossibleError if it is none, or too large: with that code."""
    scale = directory.asset(asset)[1]
    unit = Unit(f"{asset}'s smallest unit", 1, scale)
    return _counted(amount, unit, lambda: in_units(amount, scale), field, large)


def limit_of(directory: Directory, asset: str, amount: str, field: str = "amount") -> tuple[int, int]:
    """An asset's number, and an amount of it that is not below zero, in its smallest units. NotPossibleError."""
    units = units_of(directory, asset, amount, field)
    if units < 0:
        raise NotPossibleError(f"{amount} is below zero", field)
    return directory.asset(asset)[0], units


def ticks_of(instrument: Instrument, price: str) -> int:
    """`price` in the instrument's ticks."""
    unit = Unit(f"{_symbol(instrument)}'s tick", instrument.tick_mantissa, instrument.price_scale)
    return _counted(price, unit, lambda: in_steps(price, step_text(unit.mantissa, unit.scale)), "price")


def price_text(instrument: Instrument, ticks: int) -> str:
    """A price as people write it."""
    return step_text(ticks * instrument.tick_mantissa, instrument.price_scale)


def quantity_text(instrument: Instrument, lots: int) -> str:
    """A quantity as people write it."""
    return step_text(lots * instrument.lot_mantissa, instrument.quantity_scale)


def amount_text(directory: Directory, asset: int, units: int) -> str:
    """An amount of an asset and its name, as people write it."""
    name, scale = directory.name_of_asset(asset)
    return f"{step_text(units, scale)} {name}"


def step_text(mantissa: int, scale: int) -> str:
    """mantissa / 10**scale in decimal, without an exponent."""
    return decimal(mantissa, scale, 0)


def _symbol(instrument: Instrument) -> str:
    return instrument.symbol.decode()


def _counted(text: str, unit: Unit, count: Callable[[], int], field: str, large: Code = Code.OK) -> int:
    if not NUMBER.fullmatch(text):
        raise NotPossibleError(f"{text} is no decimal number, such as 12.5", field)
    try:
        number = count()
    except InexactError:
        says = f"{text} is no multiple of {unit.name}, {step_text(unit.mantissa, unit.scale)}"
        raise NotPossibleError(says, field) from None
    if abs(number) > I64_MAX:
        most = step_text(unit.mantissa * I64_MAX, unit.scale)
        raise NotPossibleError(f"{text} is more than the venue can hold: at most {most}", field, large)
    return number
