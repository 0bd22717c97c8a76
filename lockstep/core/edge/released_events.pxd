from libc.stdint cimport int64_t, uint64_t

from lockstep.core.schema.records cimport EventRecord
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.shm.board cimport Board
from lockstep.shm.ring cimport Consumer

cdef enum:
    RINGS = 9                # the router's, 0, and one a matcher
    EVENTS_A_POLL = 4096     # of one ring

cdef class ReleasedEvents:
    cdef Board board
    cdef dict consumers
    cdef void *by_ring[RINGS]            # the same consumers; NULL if there is no such ring
    cdef uint64_t handled[RINGS]         # the number of the last event that was taken and kept
    cdef uint64_t complete[RINGS]        # commands up to here have no more events in the ring than were taken
    cdef uint64_t done[RINGS]            # what producers had done before this poll looked at their rings
    cdef uint64_t taken[RINGS]           # in this poll: they leave the ring when `keep` says so
    cdef uint64_t released               # events of commands up to here may be looked at in this poll
    cdef uint64_t incarnation            # of the rings
    cdef uint64_t mark                   # the wanted snapshot at which it stands still; 0: none
    cdef uint64_t reached                # the same, of this poll, until all before it is kept
    cdef bint is_joined
    cdef bint waits                      # a barrier is not ready
    cdef readonly bint is_behind
    # What a stage overrides.
    cdef int begin(self) except -1 nogil
    cdef bint apply(self, int ring, const EventRecord *event) except -1 nogil
    cdef uint64_t apply_all(self, int ring, Consumer consumer, uint64_t first, uint64_t count) except? 0 nogil
    cdef bint keep(self) except -1 nogil
    # What it calls.
    cdef int64_t drain(self) except -1 nogil
    cdef int join(self) except -1
    cdef int reasons(self) noexcept nogil
    cdef int save_position(self, Saver out) except -1
    cdef int load_position(self, Loader part) except -1
    # The reader's own.
    cdef bint look(self) noexcept nogil
    cdef uint64_t take_ring(self, int ring, Consumer consumer, uint64_t bound) except? 0 nogil
    cdef uint64_t up_to_barrier(self, Consumer consumer, uint64_t skipped, uint64_t count) noexcept nogil
    cdef bint all_before(self, uint64_t cause) noexcept nogil
    cdef int64_t release(self) noexcept nogil


cdef class EventHandler(ReleasedEvents):
    cdef object target
