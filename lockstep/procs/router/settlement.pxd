from libc.stdint cimport int64_t, uint64_t

from cpython.ref cimport PyObject

from lockstep.core.schema.records cimport MAX_MATCHERS, CommandRecord, SnapshotRecord
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.ledger cimport Ledger
from lockstep.shm.board cimport Board
from lockstep.shm.ring cimport Consumer

cdef class Settlement:
    cdef Ledger ledger
    cdef Board board
    cdef bint leads            # what arrives is settled at once; else it waits until the log says so
    cdef bint owed             # something was settled that no marker in the log has said yet
    cdef bint follows          # matchers may be ahead of the router
    cdef list kept             # keeps alive what is below
    cdef PyObject *matchers[MAX_MATCHERS]
    cdef PyObject *early[MAX_MATCHERS]
    cdef uint64_t arrived[MAX_MATCHERS]
    cdef uint64_t settled[MAX_MATCHERS]
    cdef int64_t drain(self) except -1 nogil
    cdef int64_t drain_ring(self, int index, Consumer ring) except -1 nogil
    cdef int has_arrived(self, const uint64_t *numbers) except -1 nogil
    cdef int settle_to(self, const uint64_t *numbers) except -1 nogil
    cdef int can_settle(self, const char *recorded, uint64_t seq) except -1 nogil
    cdef object lacking(self, const CommandRecord *record, list numbers)
    cdef int settle_as(self, const char *recorded, uint64_t router_number) except -1 nogil
    cdef int settle_snapshot(self, const SnapshotRecord *snapshot) except -1 nogil
    cdef bint is_done(self, uint64_t seq) noexcept nogil
    cdef bint is_quiet(self, uint64_t seq) noexcept nogil
    cdef bint is_tick_due(self, uint64_t time_ns, uint64_t last_tick) noexcept nogil
    cdef void show(self) noexcept nogil
    cdef int save(self, Saver saver) except -1
    cdef int load(self, Loader loader) except -1
