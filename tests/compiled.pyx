"""Compiled functions that only other compiled code calls, as tests call them: with Python's values.

It adds nothing to what they do.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.intake.codes cimport cxl_rej_reason, ord_rej_reason
from lockstep.core.intake.utc cimport parse_utc
from lockstep.core.journal.writer cimport JournalWriter
from lockstep.core.rules.order_terms cimport list_fault, order_fault
from lockstep.core.schema.decimals cimport FAULT_NONE, Decimal, Fault, Grid, parse_decimal, to_steps
from lockstep.core.schema.records cimport RECORD_SIZE, ExtLegRecord, ExtTermsRecord, NewOrderRecord
from lockstep.procs.batcher.encode cimport Buffer, int128
from lockstep.procs.gateway.fix.encode cimport Outbox
from lockstep.procs.gateway.secrets cimport blank
from lockstep.procs.router.ids cimport ClientIds
from lockstep.procs.router.sequencer cimport Sequencer
from lockstep.shm.board cimport BalancePayload, Board


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


def reasons_of(int code, *, bint fix42) -> tuple[int, int]:
    """Return OrdRejReason and CxlRejReason of a code."""
    return ord_rej_reason(code, fix42), cxl_rej_reason(code, fix42)


def look_after(JournalWriter writer not None, int64_t now_ns) -> None:
    """Do what is due between commits."""
    writer.tend(now_ns)


def set_address(Outbox outbox not None, int version, bytes sender, bytes target) -> None:
    """Say whose messages come next. Raises ValueError for a CompID that is too long."""
    outbox.address(version, sender, len(sender), target, len(target))


def closed_of(ClientIds ids not None, uint32_t account) -> list[bytes]:
    """Return the account's closed ids, the next to be evicted first."""
    return [text for _, text in ids.texts_of(&ids.closed[account])]


def ingress_positions(Sequencer core not None) -> list[dict[str, int]]:
    """Return how far the log has each ingress ring, by the ring's number."""
    return core.taken


def session_in(Board board not None, uint32_t session) -> int:
    """Return the number of a session's last message in the log."""
    return board.session_in(session)


def set_session_in(Board board not None, uint32_t session, uint64_t msg_seq_num) -> None:
    """Show the number of a session's last message in the log."""
    board.set_session_in(session, msg_seq_num)


def set_released(Board board not None, int gateway, int matcher, uint64_t number) -> None:
    """Show up to which event of a matcher a gateway has reported."""
    board.set_released(gateway, matcher, number)


def write_balance(Board board not None, uint32_t account, uint32_t asset, int64_t free, int64_t held) -> bool:
    """Show a balance; False if the table is full."""
    cdef BalancePayload payload
    payload.account, payload.asset, payload.free, payload.held = account, asset, free, held
    return board.write_balance(&payload)


cdef int check(bytes record) except -1:
    if len(record) != RECORD_SIZE:
        raise ValueError(f"a record is {RECORD_SIZE} bytes")
    return 0
