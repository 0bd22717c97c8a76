from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.edge.released_events cimport ReleasedEvents
from lockstep.core.schema.records cimport EventRecord
from lockstep.procs.publisher.market cimport Market
from lockstep.procs.publisher.text cimport Text

cdef enum:
    ALL = 0x7FFFFFFF         # in place of an instrument: all of them together
    ALL_KINDS = 5            # KIND_ALL_…

cdef class Feed(ReleasedEvents):
    cdef readonly bint live
    cdef dict by_symbol
    cdef Market **markets
    cdef uint32_t *touched
    cdef uint32_t touched_count
    cdef uint64_t written
    cdef Text all_out[2 * ALL_KINDS]     # messages about all instruments, those in microseconds behind the others
    cdef bint all_wanted[2 * ALL_KINDS]
    cdef int router_slot                 # the router's place among those that show heartbeats; -1: not known
    cdef uint64_t anchor_ns              # from the monotonic clock to the log's time
    cdef uint64_t log_ns                 # all commands before that time have been taken
    cdef uint64_t asked_ns               # that will be so once all up to asked_end have been
    cdef uint64_t asked_end
    cdef Market *make_market(self, uint32_t instrument) except NULL
    cdef int correct(self, const EventRecord *event) except -1
    cdef int define(self, const EventRecord *event) except -1
    cdef int handle(self, int matcher, const EventRecord *event) except -1 nogil
    cdef void touch(self, Market *market) noexcept nogil
    cdef int look_at_clock(self) except -1 nogil
    cdef int take_clock(self) noexcept nogil
    cdef Text *messages(self, uint32_t instrument, int kind) except NULL
    cdef int tell_all(self) except -1
    cdef int tell_all_of(self, int place) except -1
    cdef Market *market_now(self, uint32_t instrument) except NULL
    cdef Market *market(self, uint32_t instrument) except NULL
    cdef int publish(self) except -1 nogil
    cdef int finish_commands(self) except -1 nogil
    cdef int go_live(self) except -1
