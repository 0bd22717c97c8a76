"""Decimals and frames, against Python's own arithmetic and the websockets library's parser."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from lockstep.procs.publisher.text import decimal, frame


@given(st.integers(0, 2**63 - 1), st.integers(1, 2**32 - 1), st.integers(0, 18))
def test_a_decimal_is_exact_and_has_eight_digits_or_more(amount: int, mantissa: int, decimals: int) -> None:
    with localcontext() as context:
        context.prec = 80
        text = decimal(amount, mantissa, decimals)
        assert Decimal(text) == Decimal(amount * mantissa) / 10**decimals
    assert len(text.partition(".")[2]) == max(8, decimals)


def test_zero_is_what_clients_compare_with() -> None:
    assert decimal(0, 1, 2) == "0.00000000"


@pytest.mark.parametrize(("amount", "mantissa", "decimals"), [(-1, 1, 2), (1, 1, 19), (1, 2**32, 2)])
def test_refuses_what_it_cannot_show(amount: int, mantissa: int, decimals: int) -> None:
    with pytest.raises(ValueError, match=r"not negative|can't be shown"):
        decimal(amount, mantissa, decimals)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 300_000])
def test_a_frame_is_read_back_by_the_library(size: int) -> None:
    reader = StreamReader()
    reader.feed_data(frame(b"x" * size))
    parser = Frame.parse(reader.read_exact, mask=False)
    with pytest.raises(StopIteration) as stop:
        next(parser)
    parsed: Frame = stop.value.value
    assert (parsed.opcode, parsed.fin, len(parsed.data)) == (Opcode.TEXT, True, size)
