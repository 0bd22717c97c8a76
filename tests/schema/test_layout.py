"""The schema: sizes, packing and the generated C view."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from lockstep.core.journal.format import OWN_SCHEMA
from lockstep.core.schema import layout, records
from lockstep.core.schema.records import COMMANDS, EVENTS, Command

ALL = [*COMMANDS.values(), *EVENTS.values()]


def a_value(field: layout.Field) -> st.SearchStrategy[object]:
    if field.format == "8Q":
        return st.tuples(*[st.integers(0, 2**63 - 1)] * 8)
    if field.format.endswith("s"):
        raw = st.binary(min_size=field.size, max_size=field.size)
        return raw.map(lambda data: data.rstrip(b"\0")) if field.is_text else raw
    bits = field.size * 8
    signed = field.c_type.startswith("i")
    top = 2 ** (bits - 1) - 1 if signed or bits == 64 else 2**bits - 1
    return st.integers(-(2 ** (bits - 1)) if signed else 0, top)


@pytest.mark.parametrize("record", ALL, ids=lambda record: record.__name__)
def test_every_record_fills_its_slot(record: type[Struct]) -> None:
    assert layout.size_of(record) == records.RECORD_SIZE
    assert records.RECORD_SIZE + 8 == records.SLOT_SIZE


def test_what_cancels_and_replaces_have_in_common_lies_in_the_same_places() -> None:
    """`client_ids.pxd`, and the router's refusals, look at either as a Replace."""
    of_cancel = {field.name: field for field in layout.fields_of(records.Cancel)}
    of_replace = {field.name: field for field in layout.fields_of(records.Replace)}
    for name in ("cl_ord_id", "instrument", "msg_seq_num", "flags", "verdict"):
        assert of_cancel[name] == of_replace[name]


@given(st.data())
def test_what_is_packed_is_unpacked(data: st.DataObject) -> None:
    record = data.draw(st.sampled_from(ALL))
    fields = layout.fields_of(record)
    values = {field.name: data.draw(a_value(field)) for field in fields if field.name != "type"}
    packed = layout.pack(record(**values))
    unpacked = layout.unpack_command(packed) if issubclass(record, Command) else layout.unpack_event(packed)
    assert unpacked == record(**values, type=layout.type_of(record))


def test_a_hole_that_c_would_pad_is_refused() -> None:
    class Holed(Struct):
        small: records.u8
        large: records.u64

    with pytest.raises(AssertionError, match="would be padded"):
        layout.fields_of(Holed)


def test_text_longer_than_its_field_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"name": "x" * 17, "asset": 1, "scale": 2}, records.Asset)


def test_the_generated_view_is_current() -> None:
    assert layout.PXD.read_text() == layout.generate_pxd()
    assert layout.SCHEMA_HASH == OWN_SCHEMA
