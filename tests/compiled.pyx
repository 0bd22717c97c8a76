"""Compiled functions that only other compiled code calls, as tests call them: with Python's values.

It adds nothing to what they do.
"""

from libc.stdint cimport int64_t

from lockstep.core.intake.utc cimport parse_utc
from lockstep.core.rules.order_terms cimport list_fault, order_fault
from lockstep.core.schema.decimals cimport FAULT_NONE, Decimal, Fault, Grid, parse_decimal, to_steps
from lockstep.core.schema.records cimport RECORD_SIZE, ExtLegRecord, ExtTermsRecord, NewOrderRecord
from lockstep.procs.batcher.encode cimport Buffer, int128
from lockstep.procs.gateway.secrets cimport blank


class BadNumber(ValueError):
    """Text that is not a number of the grid; `fault` says why."""

    def __init__(self, int fault):
        super().__init__(f"fault {fault}")
        self.fault = fault


def steps(bytes text not None, int scale, int64_t step, int most_decimals) -> int:
    """Return how many steps of step / 10 ** `scale` a text is. Raises BadNumber."""
    cdef Decimal number
    cdef Grid grid
    cdef int64_t found = 0
    grid.scale, grid.step, grid.most_decimals = scale, step, most_decimals
    cdef Fault fault = parse_decimal(text, len(text), &number)
    if fault == FAULT_NONE:
        fault = to_steps(&number, &grid, &found)
    if fault != FAULT_NONE:
        raise BadNumber(fault)
    return found


def utc_ns(bytes text not None) -> int:
    """Return a UTCTimestamp in ns since the epoch; -1 if it is none."""
    return parse_utc(text, len(text))


def blanked(bytes data not None) -> bytes:
    """Return a message with asterisks for its secrets."""
    cdef bytearray copy = bytearray(data)
    blank(copy, len(copy))
    return bytes(copy)


def numeric(units: int, scale: int) -> bytes:
    """Return units / 10 ** `scale` as PostgreSQL's binary numeric, without its length."""
    buffer = Buffer()
    buffer.row(1)
    cdef size_t begin = buffer.size
    cdef int128 high = <long long> (units >> 32)
    cdef int128 value = high * (<int128> 1 << 32) + <int128> <long long> (units & 0xFFFFFFFF)
    buffer.decimal(value, scale)
    return buffer.data[begin + 4:buffer.size]


def fault(bytes order not None, bytes terms=None) -> int:
    """Return the code of what is wrong with the terms of a packed order, 0 if nothing is."""
    check(order)
    if terms is None:
        return order_fault(<const NewOrderRecord *> <const char *> order, NULL)
    check(terms)
    return order_fault(<const NewOrderRecord *> <const char *> order, <const ExtTermsRecord *> <const char *> terms)


def fault_of_list(bytes first not None, bytes second not None) -> int:
    """Return the code of what is wrong with two packed orders as a list, 0 if nothing is."""
    check(first)
    check(second)
    return list_fault(<const NewOrderRecord *> <const char *> first, <const ExtLegRecord *> <const char *> second)


cdef int check(bytes record) except -1:
    if len(record) != RECORD_SIZE:
        raise ValueError(f"a record is {RECORD_SIZE} bytes")
    return 0
