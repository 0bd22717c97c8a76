"""What the configuration takes as a name is an id wherever that goes, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import ValidationError, convert

from lockstep.config.schema import AssetName, Decimal, Name, Symbol, TimeOfDay
from lockstep.core.schema.alphabet import fault_of_id

NAMES = {"name": Name, "asset": AssetName, "symbol": Symbol, "decimal": Decimal, "time": TimeOfDay}


@pytest.mark.parametrize(("kind", "good"), [("name", "A-1"), ("asset", "BTC"), ("symbol", "BTCUSDT"),
                                            ("decimal", "0.01"), ("time", "08:30")])  # fmt: skip
@pytest.mark.parametrize("behind", ["\n", "\0", " ", "é"])
def test_nothing_follows_a_name(kind: str, good: str, behind: str) -> None:
    convert(good, NAMES[kind])
    with pytest.raises(ValidationError):
        convert(good + behind, NAMES[kind])


@given(st.from_regex(r"[A-Za-z0-9_.-]{1,36}", fullmatch=True) | st.text(max_size=8))
def test_every_name_is_an_id(name: str) -> None:
    try:
        convert(name, Name)
    except ValidationError:
        return
    assert fault_of_id(name) == ""
