"""The parser and the field rules' inputs: framing, garbage, and agreement with simplefix and datetime."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import simplefix
from hypothesis import given
from hypothesis import strategies as st

from lockstep.procs.gateway.fix.message import Message
from tests.compiled import utc_ns
from tests.gateway.fix.client import Client, order

NEED_MORE, GARBLED, TOO_LONG = 0, -1, -2
VALUES = st.binary(min_size=1, max_size=40).filter(lambda value: b"\x01" not in value)
LENGTH_TAGS = {90, 93, 95, 212, 348, 350, 352, 354, 356, 358, 360, 362, 364, 445, 618, 621}
TAGS = st.integers(11, 9999).filter(lambda tag: tag not in LENGTH_TAGS and tag != 35)


def whole() -> bytes:
    return Client().message("D", order())


@given(st.lists(st.tuples(TAGS, VALUES), max_size=60))
def test_every_field_is_found_as_simplefix_wrote_it(fields: list[tuple[int, bytes]]) -> None:
    built = simplefix.FixMessage()
    for tag, value in [(8, b"FIX.4.4"), (35, b"D"), *fields]:
        built.append_pair(tag, value)
    data = built.encode()
    message = Message()
    assert message.read(data) == len(data)
    assert message.pairs()[2:-1] == [(35, b"D"), *fields]
    assert message.get(9999 + 1) is None


def test_every_proper_prefix_needs_more() -> None:
    data = whole()
    assert [Message().read(data[:size]) for size in range(len(data))] == [NEED_MORE] * len(data)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_one_wrong_byte_is_never_taken_for_the_message(position: int, byte: int) -> None:
    data = bytearray(whole())
    position %= len(data)
    changed = data[position] != byte
    data[position] = byte
    found = Message().read(bytes(data))
    assert found == (len(data) if not changed else found)
    assert not changed or found <= 0


NOISE = st.sampled_from([b"8=FIX.4.4\x01", b"9=5\x01", b"10=", b"\x01", b"35=D\x01"])


@given(st.binary(max_size=400) | st.lists(NOISE).map(b"".join))
def test_garbage_always_advances_and_the_message_behind_it_is_found(noise: bytes) -> None:
    data = b"x" + noise
    message = Message()
    steps = 0
    while (found := message.read(data)) != NEED_MORE:
        if found == TOO_LONG:
            return
        dropped = message.skipped() if found == GARBLED else found
        assert 0 < dropped <= len(data)
        data = data[dropped:]
        steps += 1
        assert steps <= 500


def test_noise_before_a_message_is_dropped() -> None:
    message = Message()
    data = b"noise 8=FI 8=8=F" + whole()
    while message.read(data) == GARBLED:
        data = data[message.skipped() :]
    assert message.get(35) == b"D"


def test_end_of_a_garbled_message_is_the_checksum_field_at_or_after_its_declared_end() -> None:
    """FIX-8: a garbled message is ignored and uses no number."""
    message = Message()
    short = whole().replace(b"\x019=1", b"\x019=0", 1)
    assert message.read(short + whole()) == GARBLED
    assert message.skipped() == len(short)


@pytest.mark.parametrize("length", [b"16384", b"999999999"])
def test_declared_length_above_the_bound_is_too_long(length: bytes) -> None:
    assert Message().read(b"8=FIX.4.4\x019=" + length + b"\x0135=D\x01") == TOO_LONG


def test_more_fields_than_the_bound_are_too_long() -> None:
    assert Message().read(Client().message("D", [(5000 + i, "x") for i in range(200)])) == TOO_LONG


@given(st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31)))  # noqa: DTZ001
def test_times_are_those_of_datetime(moment: datetime) -> None:
    since = moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    whole_s = since.days * 86400 + since.seconds
    text = moment.strftime("%Y%m%d-%H:%M:%S").rjust(17, "0").encode()
    assert utc_ns(text) == whole_s * 10**9
    assert utc_ns(text + b".%06d" % moment.microsecond) == (whole_s * 10**6 + moment.microsecond) * 1000


@pytest.mark.parametrize(
    "text",
    [b"", b"20260230-00:00:00", b"20261301-00:00:00", b"20260101-24:00:00", b"20260101 00:00:00", b"20260101-00:00:00.",
     b"2026010a-00:00:00", b"20260101-00:00:00.1234567890"],
)  # fmt: skip
def test_what_is_no_time_is_told(text: bytes) -> None:
    assert utc_ns(text) == -1
