"""Withdrawals as clients of the api ask for them, and those of each account that wait, as released events have them.

What they ask for is written into the ingress ring; the router judges it (LOG-32).
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from lockstep.core.intake.ingress_writer cimport IngressWriter
from lockstep.core.schema.records cimport *

from typing import NamedTuple

from lockstep.core.schema.records import ExtDestinationEvent, WithdrawalChanged, WithdrawalState

ENDED = (WithdrawalState.PAID, WithdrawalState.REJECTED, WithdrawalState.CANCELLED)


class Waiting(NamedTuple):
    """A withdrawal whose money is held. `amount` is in smallest units; times are the log's."""

    number: int
    account: int
    asset: int
    amount: int
    state: int
    client_id: bytes
    destination: bytes
    requested_ns: int
    changed_ns: int


class Withdrawals:
    """Those that are neither paid nor given back. Feed it WITHDRAWAL events and their extensions, in order."""

    def __init__(self) -> None:
        self._waiting: dict[int, Waiting] = {}
        self._of: dict[int, dict[int, None]] = {}
        self._destination = b""

    def note(self, event: WithdrawalChanged | ExtDestinationEvent) -> None:
        if isinstance(event, ExtDestinationEvent):
            self._destination = event.destination
        elif event.state == WithdrawalState.REQUESTED:
            self._put(Waiting(
                event.withdrawal, event.account, event.asset, event.amount, event.state, event.cl_ord_id,
                self._destination, event.time_ns, event.time_ns,
            ))  # fmt: skip
        elif event.state in ENDED:
            self._drop(self._waiting[event.withdrawal])
        else:
            known = self._waiting[event.withdrawal]
            self._waiting[event.withdrawal] = known._replace(state=event.state, changed_ns=event.time_ns)

    def of(self, account: int) -> list[Waiting]:
        """The account's, the oldest first."""
        return [self._waiting[number] for number in self._of.get(account, ())]

    def known(self) -> list[Waiting]:
        """All of them, for a part of a snapshot."""
        return list(self._waiting.values())

    def restore(self, known: list[Waiting]) -> None:
        """Take what `known` gave in place of everything."""
        self._waiting, self._of = {}, {}
        for each in known:
            self._put(each)

    def _put(self, made: Waiting) -> None:
        self._waiting[made.number] = made
        self._of.setdefault(made.account, {})[made.number] = None

    def _drop(self, ended: Waiting) -> None:
        del self._waiting[ended.number]
        del self._of[ended.account][ended.number]
        if not self._of[ended.account]:
            del self._of[ended.account]


cdef void write_request(
    IngressWriter ingress, uint32_t account, uint32_t asset, int64_t amount, bytes client_id, bytes destination,
    int64_t utc_ns
):
    """A request with its destination before it. Contract: ids have at most 36 bytes, destinations at most 72."""
    cdef ExtDestinationRecord *where = <ExtDestinationRecord *> ingress.claim(CMD_EXT_DESTINATION, account, utc_ns)
    cdef WithdrawalRequestRecord *record
    memcpy(where.destination, <const char *> destination, min(<size_t> len(destination), sizeof(where.destination)))
    record = <WithdrawalRequestRecord *> ingress.claim(CMD_WITHDRAWAL_REQUEST, account, utc_ns)
    memcpy(record.cl_ord_id, <const char *> client_id, min(<size_t> len(client_id), sizeof(record.cl_ord_id)))
    record.asset = asset
    record.amount = amount


cdef void write_cancel(IngressWriter ingress, uint32_t account, uint64_t withdrawal, bytes client_id, int64_t utc_ns):
    cdef WithdrawalDecisionRecord *record = <WithdrawalDecisionRecord *> ingress.claim(
        CMD_WITHDRAWAL_DECISION, account, utc_ns
    )
    memcpy(record.cl_ord_id, <const char *> client_id, min(<size_t> len(client_id), sizeof(record.cl_ord_id)))
    record.withdrawal = withdrawal
    record.step = WITHDRAWAL_STEP_CANCEL
