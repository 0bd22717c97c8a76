from libc.stdint cimport int64_t, uint32_t, uint64_t

from procs.publisher.market cimport Market
from shm.board cimport Board
from shm.records cimport MAX_MATCHERS, EventRecord, SnapshotTakenRecord
from shm.ring cimport Consumer

cdef class Feed:
    cdef readonly bint live
    cdef Consumer router
    cdef dict matchers
    cdef Board board
    cdef dict by_symbol
    cdef Market **markets
    cdef uint32_t *touched
    cdef uint32_t touched_count
    cdef uint64_t written
    cdef bint held           # an event waits for a ring that its instrument left
    cdef bint joined         # the rings go on behind what was handled
    cdef uint64_t handled[MAX_MATCHERS + 1]    # by ring, 0 the router's: the number of the last event that was handled
    cdef uint64_t mark       # of the snapshot at which the feed stands still, or is on its way to; 0: none
    cdef uint64_t mark_numbers[MAX_MATCHERS + 1]   # by matcher: its last event before the mark
    cdef uint64_t complete[MAX_MATCHERS + 1]   # by matcher: commands up to here have no more events
    cdef int join(self) except -1
    cdef void see_mark(self, const SnapshotTakenRecord *event) noexcept nogil
    cdef Market *make_market(self, uint32_t instrument) except NULL
    cdef int64_t drain_definitions(self, uint64_t release) except -1
    cdef int64_t drain_matcher(self, int matcher, Consumer consumer, uint64_t release) except -1 nogil
    cdef int correct(self, const EventRecord *event) except -1
    cdef int define(self, const EventRecord *event) except -1
    cdef int handle(self, int matcher, const EventRecord *event) except -1 nogil
    cdef void touch(self, Market *market) noexcept nogil
    cdef Market *market(self, uint32_t instrument) except NULL
    cdef int publish(self) except -1 nogil
    cdef int finish_commands(self) except -1 nogil
    cdef int go_live(self) except -1
