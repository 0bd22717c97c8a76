"""Amounts become whole units exactly, or are refused in words; and come back as they were written."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.core.operations.amounts import price_text, quantity_text, step_text, ticks_of, units_of
from lockstep.core.operations.directory import Directory
from lockstep.core.operations.errors import NotPossibleError
from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import Asset, Instrument

INSTRUMENT = Instrument(
    symbol=b"BTCUSDT", instrument=1, base_asset=1, quote_asset=2, tick_mantissa=5, price_scale=2, lot_mantissa=1,
    quantity_scale=4, matcher=1, reference_price_ticks=0, unit_value=500, lot_units=10_000, collar_bps=500,
    maker_fee_ppm=0, taker_fee_ppm=0,
)  # fmt: skip


@pytest.fixture
def directory() -> Directory:
    made = Directory()
    made.add([pack(Asset(seq=1, name=b"BTC", asset=1, scale=8)), pack(Asset(seq=2, name=b"USDT", asset=2, scale=2))])
    return made


@given(st.integers(1, 2**40))
def test_prices_and_quantities_survive_their_text(count: int) -> None:
    assert ticks_of(INSTRUMENT, price_text(INSTRUMENT, count)) == count
    assert Decimal(quantity_text(INSTRUMENT, count)) * 10_000 == count


def test_texts_have_no_exponent() -> None:
    assert (step_text(1, 8), step_text(-1250, 2), step_text(3, 0)) == ("0.00000001", "-12.50", "3")


def test_units_follow_the_scale_of_their_asset(directory: Directory) -> None:
    assert units_of(directory, "BTC", "0.5") == 50_000_000
    assert units_of(directory, "USDT", "-12.5") == -1250


@pytest.mark.parametrize(
    ("asset", "amount", "says"),
    [
        ("BTC", "a lot", "no decimal number"),
        ("BTC", "1e5", "no decimal number"),
        ("USDT", "0.001", "0.001 is no multiple of USDT's smallest unit, 0.01"),
        ("BTC", "92233720369", "more than the venue can hold: at most 92233720368.54775807"),
        ("ETH", "1", "no asset ETH; there are BTC, USDT"),
    ],
)
def test_what_is_no_amount_is_refused_in_words(directory: Directory, asset: str, amount: str, says: str) -> None:
    with pytest.raises(NotPossibleError, match=says):
        units_of(directory, asset, amount)


def test_a_price_off_the_tick_is_refused() -> None:
    with pytest.raises(NotPossibleError, match=r"0\.01 is no multiple of BTCUSDT's tick, 0\.05"):
        ticks_of(INSTRUMENT, "0.01")
