"""The outbox: what it writes is what simplefix, Decimal and datetime would."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.procs.gateway.fix.encode import Outbox
from tests.compiled import set_address
from tests.gateway.fix.client import START_UTC_NS, brief, decode

INT64 = st.integers(-(2**63) + 1, 2**63 - 1)


def outbox(limit: int = 1 << 20) -> Outbox:
    made = Outbox(limit)
    set_address(made, 44, b"LOCKSTEP", b"TRADER1")
    return made


@given(st.lists(st.binary(min_size=1, max_size=400).filter(lambda value: b"\x01" not in value), max_size=40))
def test_any_size_of_message_is_framed_right(values: list[bytes]) -> None:
    made = outbox()
    made.write("8", [(5000 + i, value) for i, value in enumerate(values)], START_UTC_NS)
    made.write("AE", [], START_UTC_NS)
    first, second = decode(made.take())
    assert [first.get(5000 + i) for i in range(len(values))] == values
    assert brief([first, second], 8, 35, 49, 56, 34) == [
        ("FIX.4.4", "8", "LOCKSTEP", "TRADER1", "1"),
        ("FIX.4.4", "AE", "LOCKSTEP", "TRADER1", "2"),
    ]


@given(INT64, INT64, st.integers(0, 18))
def test_numbers_are_exact_and_have_no_digit_too_many(number: int, mantissa: int, scale: int) -> None:
    made = outbox()
    made.write("8", [(14, number), (44, (mantissa, scale))], START_UTC_NS)
    [message] = decode(made.take())
    assert int(message.get(14)) == number
    text = message.get(44).decode()
    assert Decimal(text) == Decimal(mantissa).scaleb(-scale)
    assert "." not in text or not text.endswith(("0", "."))


@given(st.integers(0, 7_000_000_000 * 10**9), st.sampled_from([3, 6]))
def test_times_are_those_of_datetime(utc_ns: int, digits: int) -> None:
    made = outbox()
    made.write("8", [(60, ("utc", utc_ns, digits))], START_UTC_NS)
    [message] = decode(made.take())
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=utc_ns // 1000)
    fraction = f"{moment.microsecond:06d}"[:digits]
    assert message.get(60).decode() == moment.strftime("%Y%m%d-%H:%M:%S.") + fraction


def test_listed_messages_are_the_bytes_in_order() -> None:
    made = outbox()
    for i in range(200):
        made.write("8", [(37, i)], START_UTC_NS)
    listed = made.listed()
    assert [seq for _, seq, _ in listed] == list(range(1, 201))
    assert b"".join(data for _, _, data in listed) == made.take()
    assert made.listed() == []
    assert made.next_out == 201


def test_an_outbox_that_is_never_emptied_stops_its_writer() -> None:
    made = outbox(1000)
    with pytest.raises(BufferError, match="were to be the most"):
        made.write("8", [(58, b"x" * 100)] * 1000, START_UTC_NS)


def test_an_address_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="CompIDs"):
        set_address(Outbox(), 44, b"L" * 37, b"T")
