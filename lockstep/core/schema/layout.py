"""Derives byte layouts from the schema, packs and unpacks records, and generates the C view of it for Cython.

It is for start-up, tools and tests: nothing on the order path calls it, and it touches no shared memory.
"""

from __future__ import annotations

import hashlib
import struct
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple, cast, get_type_hints

from msgspec import Struct

from lockstep.core.schema import records
from lockstep.core.schema.records import (
    COMMANDS,
    ENUMS,
    EVENTS,
    RECORD_SIZE,
    SLOT_SIZE,
    Command,
    CommandType,
    Event,
    EventType,
)

HEADER_SIZES: dict[type[Struct], int] = {Command: 48, Event: 40}
RECORDS: tuple[type[Struct], ...] = (Command, Event, *COMMANDS.values(), *EVENTS.values())
PXD = Path(__file__).with_name("records.pxd")
TYPE = Command.__struct_fields__.index("type")

_FORMATS = {"uint8_t": "B", "uint16_t": "H", "uint32_t": "I", "uint64_t": "Q", "int16_t": "h", "int64_t": "q"}
_WIDTHS = {"uint8_t": 1, "uint16_t": 2, "uint32_t": 4, "uint64_t": 8, "int16_t": 2, "int64_t": 8, "char": 1}


class Field(NamedTuple):
    """One field of a record: where it lies, and how C and `struct` see it. `repeat` is 0 for a scalar."""

    name: str
    offset: int
    size: int
    c_type: str
    repeat: int

    @property
    def is_text(self) -> bool:
        return self.c_type == "char"

    @property
    def format(self) -> str:
        if not self.repeat:
            return _FORMATS[self.c_type]
        return f"{self.repeat}Q" if self.c_type == "uint64_t" else f"{self.size}s"


@cache
def fields_of(record: type[Struct]) -> tuple[Field, ...]:
    """Lay out `record` in C's natural order, asserting that C would add no padding of its own."""
    hints = get_type_hints(record, include_extras=True)
    offset = 0
    fields = []
    for name in record.__struct_fields__:
        extra = hints[name].__metadata__[0].extra
        c_type, size = extra["c"], extra["size"]
        width = _WIDTHS[c_type]
        assert offset % width == 0, f"{record.__name__}.{name} at {offset} would be padded to {width}"
        fields.append(Field(name, offset, size, c_type, size // width if size != width else 0))
        offset += size
    return tuple(fields)


def size_of(record: type[Struct]) -> int:
    last = fields_of(record)[-1]
    return last.offset + last.size


@cache
def _packer(record: type[Struct]) -> struct.Struct:
    return struct.Struct("<" + "".join(field.format for field in fields_of(record)))


@cache
def _reader(record: type[Struct]) -> attrgetter[tuple[Any, ...]]:
    return attrgetter(*(field.name for field in fields_of(record)))


@cache
def _arrays(record: type[Struct]) -> tuple[int, ...]:
    """Which of its fields are several numbers, the last one first."""
    return tuple(i for i, field in enumerate(fields_of(record)) if field.format == "8Q")[::-1]


def pack(record: Struct) -> bytes:
    """The record's 120 bytes as they lie in a slot; `type` is filled in from the class where it is 0."""
    kind = type(record)
    values = list(_reader(kind)(record))
    values[TYPE] = values[TYPE] or type_of(kind)
    for at in _arrays(kind):
        values[at : at + 1] = values[at]
    return _packer(kind).pack(*values)


@cache
def _texts(record: type[Struct]) -> tuple[int, ...]:
    """Which of its fields are text, which zeros fill."""
    return tuple(i for i, field in enumerate(fields_of(record)) if field.is_text)


def _unpack(record: type[Struct], data: bytes) -> Struct:
    values: list[Any] = list(_packer(record).unpack(data[:RECORD_SIZE]))
    for at in reversed(_arrays(record)):
        values[at : at + 8] = [tuple(values[at : at + 8])]
    for at in _texts(record):
        values[at] = values[at].rstrip(b"\0")
    return record(**dict(zip(record.__struct_fields__, values, strict=True)))


def unpack_command(data: bytes) -> Command:
    """Read a record of the log or of an ingress ring. Raises ValueError for a type that the schema does not know."""
    return cast(Command, _unpack(COMMANDS[CommandType(data[4])], data))


def unpack_event(data: bytes) -> Event:
    """Read a record of an event ring. Raises ValueError for a type that the schema does not know."""
    return cast(Event, _unpack(EVENTS[EventType(data[4])], data))


@cache
def type_of(record: type[Struct]) -> int:
    """The type number of a record class; 0 for the two headers."""
    for number, cls in (*COMMANDS.items(), *EVENTS.items()):
        if cls is record:
            return int(number)
    return 0


def _check() -> None:
    for header, size in HEADER_SIZES.items():
        assert size_of(header) == size, f"{header.__name__} is {size_of(header)} bytes, not {size}"
    assert Event.__struct_fields__.index("type") == TYPE
    for record in (*COMMANDS.values(), *EVENTS.values()):
        assert size_of(record) == RECORD_SIZE, f"{record.__name__} is {size_of(record)} bytes, not {RECORD_SIZE}"
    assert SLOT_SIZE == RECORD_SIZE + 8


_check()


def _schema_lines() -> list[str]:
    lines = []
    for record in RECORDS:
        lines.append(record.__name__)
        lines.extend(f"  {f.offset:3} {f.c_type} {f.name} {f.repeat}" for f in fields_of(record))
    for enum in ENUMS:
        lines.append(enum.__name__)
        lines.extend(f"  {member.name} {member.value}" for member in enum)
    return lines


# Of all records, their fields and their enums: who writes records says so, and who reads them compares.
SCHEMA_HASH = int.from_bytes(hashlib.sha256("\n".join(_schema_lines()).encode()).digest()[:8], "little") >> 1


def _snake(name: str) -> str:
    return "".join("_" + c if c.isupper() and i else c for i, c in enumerate(name)).upper()


def _c_struct(record: type[Struct]) -> list[str]:
    lines = [f"cdef struct {record.__name__}Record:"]
    for field in fields_of(record):
        suffix = f"[{field.repeat}]" if field.repeat else ""
        lines.append(f"    {field.c_type} {field.name}{suffix}")
    return lines


_PREFIX = {"CommandType": "CMD", "EventType": "EVT", "TimeInForce": "TIF", "OrderType": "ORD_TYPE", "SelfTrade": "STP"}


def generate_pxd() -> str:
    """The text of `records.pxd`: one C struct a record (`<Name>Record`), one C constant an enum member."""
    out = [
        "# Generated from lockstep/core/schema/records.py by `python -m lockstep.core.schema.layout`; do not edit.",
        "from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t",
        "",
        "cdef enum:",
    ]
    constants = (
        "SLOT_SIZE", "RECORD_SIZE", "CL_ORD_ID_SIZE", "SYMBOL_SIZE", "MAX_MATCHERS", "API_RING", "API_SESSION",
        "MAX_CANCEL_AFTER_S", "RESET_LIFE_S",
    )  # fmt: skip
    out += [f"    {name} = {getattr(records, name)}" for name in constants]
    # Compiled in, as the derivation is most of what a process of the venue would import `schema.layout` for.
    out += ["", "cdef extern from *:", '    """', f"    #define LOCKSTEP_SCHEMA_HASH {SCHEMA_HASH:#018x}ULL", '    """']
    out += ['    const uint64_t SCHEMA_HASH "LOCKSTEP_SCHEMA_HASH"']
    for enum in ENUMS:
        prefix = _PREFIX.get(enum.__name__, _snake(enum.__name__))
        out += ["", "cdef enum:", *(f"    {prefix}_{member.name} = {member.value}" for member in enum)]
    for record in RECORDS:
        out += ["", "", *_c_struct(record)]
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    text = generate_pxd()
    if not PXD.exists() or PXD.read_text() != text:  # a file that is newer, and the same, would compile all again
        PXD.write_text(text)
