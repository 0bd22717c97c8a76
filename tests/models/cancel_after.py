"""Dead man's switches, slow and obvious: whose orders are to be cancelled at which moment, by the log alone."""

from __future__ import annotations

from lockstep.core.schema.records import CancelAfter, Code, Command, MassCancel

LATE_NS = 1_000_000  # of the log's clock: a poll's records follow each other by nanoseconds
SECOND_NS = 10**9


class CancelAfterModel:
    """Feed it the log; `armed` has each account's moment. `fired` counts mass cancels of the router's own."""

    def __init__(self) -> None:
        self.armed: dict[int, int] = {}
        self.fired = 0

    def command(self, record: Command) -> None:
        """The next record; an AssertionError if it cancels too early, twice, or comes where a cancel is overdue."""
        if isinstance(record, MassCancel) and record.ingress == 0:
            due_ns = self.armed.pop(record.target, None)
            assert due_ns is not None, f"record {record.seq} cancels orders of an account that did not ask for it"
            assert due_ns <= record.time_ns, f"record {record.seq} comes {due_ns - record.time_ns} ns too early"
            assert (record.account, record.instrument, record.side) == (0, 0, 0), record
            assert record.verdict == Code.OK, f"record {record.seq} was refused"
            self.fired += 1
        elif record.ingress:
            for account, due_ns in self.armed.items():
                late_ns = record.time_ns - due_ns
                assert late_ns < LATE_NS, (
                    f"orders of account {account} are overdue at record {record.seq}: {late_ns} ns"
                )
        if isinstance(record, CancelAfter) and record.verdict == Code.OK:
            self.armed.pop(record.account, None)
            if record.seconds:
                self.armed[record.account] = record.time_ns + record.seconds * SECOND_NS
