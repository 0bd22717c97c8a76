"""The router's own records: the contents of markers, snapshots, epochs, activations, the schedule's phases and the
cancels that are due.

It fills them from the router's state; the router decides when one is due and sequences it.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

from lockstep.core.schema.records cimport *
from lockstep.procs.router.orders cimport order_at
from lockstep.procs.router.sequencer cimport RULES_VERSION


cdef class OwnRecords:
    """The records of one router. Its epochs have the terms of its `origin`, and go by this code's rules, or, of two
    nodes, by the log's.
    """

    def __init__(self, Sequencer core, Settlement settlement, Announcer events, object origin):
        self.core = core
        self.schedule = core.administration.schedule
        self.cancel_after = core.administration.cancel_after
        self.settlement = settlement
        self.events = events
        self.parity = -1
        self.boot_id = origin.boot_id
        self.id_window_s = origin.id_window_s
        self.older_ids = origin.older_ids

    cdef int fill(self, char *record) except -1 nogil:
        """Fill in what the record's type has; the rest is stamped already. A tick has only its time."""
        cdef uint8_t type = (<const CommandRecord *> record).type
        if type == CMD_MARKER:
            self.fill_marker(<MarkerRecord *> record)
        elif type == CMD_ACTIVATE:
            self.fill_activation(<ActivateRecord *> record)
        elif type == CMD_PHASE:
            self.fill_phase(<PhaseChangeRecord *> record)
        elif type == CMD_MASS_CANCEL:
            self.fill_cancel(<MassCancelRecord *> record)
        elif type == CMD_SNAPSHOT:
            self.fill_snapshot(<SnapshotRecord *> record)
        elif type == CMD_EPOCH:
            return self.fill_epoch(<EpochRecord *> record)
        return 0

    cdef int fill_epoch(self, EpochRecord *record) except -1 nogil:
        record.epoch = self.core.epoch + 1
        if self.parity >= 0 and <int> (record.epoch & 1) != self.parity:
            record.epoch += 1
        with gil:
            record.rules_version = next_rules(
                RULES_VERSION, self.core.rules, None if self.raised is None else self.raised()
            )
            record.members = 1 if self.members is None else self.members()
            memcpy(record.boot_id, <const char *> self.boot_id, 16)
        record.id_window_s = self.id_window_s
        record.older_ids = self.older_ids
        return 0

    cdef void fill_marker(self, MarkerRecord *record) noexcept nogil:
        memcpy(record.event_numbers, self.settlement.settled, MAX_MATCHERS * sizeof(uint64_t))

    cdef void fill_snapshot(self, SnapshotRecord *record) noexcept nogil:
        memcpy(record.event_numbers, self.settlement.settled, MAX_MATCHERS * sizeof(uint64_t))
        record.router_number = self.events.next_number()

    cdef void fill_activation(self, ActivateRecord *record) noexcept nogil:
        record.order_id = self.core.ledger.next_due()
        record.instrument = order_at(self.core.ledger.orders, self.core.ledger.orders.find(record.order_id)).instrument

    cdef void fill_phase(self, PhaseChangeRecord *record) noexcept nogil:
        record.instrument = self.schedule.next_due(record.time_ns)
        record.entry = self.schedule.latest(record.instrument, record.time_ns)
        record.phase = self.schedule.plans[record.instrument].entries[record.entry - 1].phase

    cdef void fill_cancel(self, MassCancelRecord *record) noexcept nogil:
        record.target = self.cancel_after.next_due(record.time_ns)


def next_rules(known: int, held: int, raised: int | None) -> int:
    """The version of the rules that an epoch goes by, where this code knows `known` and the log goes by `held`, 0 if it
    has none yet. Of two nodes it stays the log's until it may be `raised`, since the other node, of an earlier version
    perhaps, is to follow, and to lead again (LOG-23); None: this node is alone.
    """
    if raised is None or held == 0:
        return known
    return max(held, min(known, raised))
