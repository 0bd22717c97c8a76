"""Amounts as people write them, in the venue's units, and back: exact, or refused with what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from config.checks import I64_MAX
from config.units import InexactError, in_steps, in_units
from scripts.operate.directory import Directory
from scripts.terminal import UsageError
from shm.records import Instrument

NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,18})?")


def units_of(directory: Directory, asset: str, amount: str) -> int:
    """`amount` in the asset's smallest units. UsageError where it is no number of them."""
    return _counted(amount, lambda text: in_units(text, directory.asset(asset)[1]))


def lots_of(instrument: Instrument, amount: str) -> int:
    """`amount` in the instrument's lots."""
    return _counted(amount, lambda text: in_steps(text, step_text(instrument.lot_mantissa, instrument.quantity_scale)))


def ticks_of(instrument: Instrument, price: str) -> int:
    """`price` in the instrument's ticks."""
    return _counted(price, lambda text: in_steps(text, step_text(instrument.tick_mantissa, instrument.price_scale)))


def price_text(instrument: Instrument, ticks: int) -> str:
    """A price as people write it."""
    return step_text(ticks * instrument.tick_mantissa, instrument.price_scale)


def quantity_text(instrument: Instrument, lots: int) -> str:
    """A quantity as people write it."""
    return step_text(lots * instrument.lot_mantissa, instrument.quantity_scale)


def step_text(mantissa: int, scale: int) -> str:
    """mantissa / 10**scale in decimal, without an exponent."""
    return f"{Decimal(mantissa).scaleb(-scale):f}"


def _counted(text: str, count: Callable[[str], int]) -> int:
    if not NUMBER.fullmatch(text):
        raise UsageError(f"{text} is no decimal number, such as 12.5")
    try:
        number = count(text)
    except InexactError as error:
        raise UsageError(str(error)) from None
    if abs(number) > I64_MAX:
        raise UsageError(f"{text} is more than the venue can hold")
    return number
