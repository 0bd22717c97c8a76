"""Decimal texts become whole numbers exactly, or not at all."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.config.units import seconds_of_day
from lockstep.core.schema.decimals import InexactError, in_steps, in_units, unit_value


@given(st.integers(0, 2**63 - 1), st.integers(1, 18))
def test_units_survive_their_text(units: int, scale: int) -> None:
    whole, rest = divmod(units, 10**scale)
    assert in_units(f"{whole}.{rest:0{scale}}", scale) == units


@given(st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{1,10})?", fullmatch=True, alphabet="-.05"), st.integers(0, 10))
def test_units_are_those_of_the_fraction(amount: str, scale: int) -> None:
    units = Fraction(amount) * 10**scale
    if units.denominator == 1:
        assert in_units(amount, scale) == units
    else:
        with pytest.raises(InexactError, match=f"more than {scale} decimals"):
            in_units(amount, scale)


def test_a_part_of_a_unit_is_refused() -> None:
    with pytest.raises(InexactError, match="more than 2 decimals"):
        in_units("0.001", 2)
    with pytest.raises(InexactError, match="not a multiple"):
        in_steps("0.03", "0.02")
    with pytest.raises(InexactError, match="smallest unit"):
        unit_value("0.01", "0.01", 3)


def test_a_tick_of_a_lot_has_its_value() -> None:
    assert unit_value("0.01", "0.0001", 8) == 100
    assert in_steps("60000", "0.01") == 6_000_000


def test_a_time_of_day_counts_from_midnight() -> None:
    assert (seconds_of_day("00:00"), seconds_of_day("08:30"), seconds_of_day("23:59:59")) == (0, 30_600, 86_399)
