"""Functions that are called with each event of an account: those of its streams in this process."""

from enum import IntEnum

from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.schema.records cimport RECORD_SIZE, EventRecord


class Notice(IntEnum):
    """What has happened."""

    NEW = NOTICE_NEW
    TRADE = NOTICE_TRADE
    CANCELLED = NOTICE_CANCELLED
    REPLACED = NOTICE_REPLACED
    REJECTED = NOTICE_REJECTED
    TRIGGERED = NOTICE_TRIGGERED
    RESTATED = NOTICE_RESTATED
    BALANCE = NOTICE_BALANCE


cdef class Listeners:
    """The listeners of each account."""

    def __init__(self):
        self.of = {}

    def __len__(self) -> int:
        return len(self.of)

    def add(self, uint32_t account, object listener) -> None:
        """Call `listener(what, order_id, ring, record, fill)` for each event of the account's orders and balances."""
        self.of.setdefault(account, {})[listener] = None
        self.watched[account] = True

    def remove(self, uint32_t account, object listener) -> None:
        """Stop calling it."""
        listeners = self.of.get(account)
        if listeners is not None and listeners.pop(listener, self) is None and not listeners:
            del self.of[account]
            self.watched[account] = False

    cdef int tell(
        self, uint32_t account, int what, uint64_t order_id, int ring, const EventRecord *event, uint64_t fill
    ) except -1:
        """Call the account's, if it has any, while the tables are as they were right after the event."""
        if not self.watched[account]:
            return 0
        record = (<const char *> event)[:RECORD_SIZE]
        for listener in tuple(self.of[account]):
            listener(what, order_id, ring, record, fill)
        return 0
