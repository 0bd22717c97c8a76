from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.schema.records cimport (
    ActivateRecord, EpochRecord, MarkerRecord, MassCancelRecord, PhaseChangeRecord, SnapshotRecord,
)
from lockstep.procs.router.cancel_after cimport CancelAfter
from lockstep.procs.router.events cimport Announcer
from lockstep.procs.router.schedule cimport Schedule
from lockstep.procs.router.sequencer cimport Sequencer
from lockstep.procs.router.settlement cimport Settlement

cdef class OwnRecords:
    cdef Sequencer core
    cdef Schedule schedule
    cdef CancelAfter cancel_after
    cdef Settlement settlement
    cdef Announcer events
    cdef public object raised   # of two nodes, to which version its rules may be raised: a function; None: it is alone
    cdef public object members  # what an epoch says of the nodes as it begins: a function; None: this one is alone
    cdef public int parity      # of its epochs, where another node may begin others; -1: any
    cdef bytes boot_id
    cdef uint32_t id_window_s
    cdef uint32_t older_ids
    cdef int fill(self, char *record) except -1 nogil
    cdef int fill_epoch(self, EpochRecord *record) except -1 nogil
    cdef void fill_marker(self, MarkerRecord *record) noexcept nogil
    cdef void fill_snapshot(self, SnapshotRecord *record) noexcept nogil
    cdef void fill_activation(self, ActivateRecord *record) noexcept nogil
    cdef void fill_phase(self, PhaseChangeRecord *record) noexcept nogil
    cdef void fill_cancel(self, MassCancelRecord *record) noexcept nogil
