cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from procs.gateway.fix.encode cimport Outbox
from procs.gateway.fix_session cimport FixSession
from procs.gateway.listing cimport Listing
from procs.gateway.orders cimport Orders
from procs.gateway.reports cimport Reports
from procs.gateway.store cimport Store
from shm.board cimport Board
from shm.records cimport (
    CL_ORD_ID_SIZE,
    CancelledRecord,
    ConfirmedRecord,
    EventRecord,
    ExtTermsEventRecord,
    RejectedRecord,
    ReplacedRecord,
    RestatedRecord,
    TradedRecord,
    TriggeredRecord,
)

cdef enum:
    EVENTS_A_POLL = 8192     # of one ring
    EVENTS_AHEAD = 8         # of the one handled, for which memory is fetched
    RINGS = 9


@cython.final
cdef class EventReporter:
    cdef readonly list sessions             # by session number; None where there is no such session
    cdef readonly object accounts
    cdef list consumers                  # by ring: [0] the router's, [m] matcher m's; None where there is none
    cdef Store store
    cdef Orders orders
    cdef Listing listing
    cdef Reports reports
    cdef Board board
    cdef int gateway
    cdef bytes comp_id
    cdef object credential               # of the account that the next event defines
    cdef char orig_cl_ord_id[RINGS][CL_ORD_ID_SIZE]
    cdef ExtTermsEventRecord terms[RINGS]
    cdef bint has_terms[RINGS]           # of the ring's next event
    cdef bint pending[RINGS]             # events wait for their release
    cdef uint64_t handled[RINGS]         # the number of the last event
    cdef uint64_t stop_at                # all up to this command comes before anything behind it; 0: there is no stop
    cdef uint64_t last_stop_at           # of the last stop, and the number of the router's event that asked for it
    cdef uint64_t last_stop_number
    cdef bint saves                      # at the stop, for a snapshot
    cdef object snapshots
    cdef readonly bint recovering        # what is reported now may have been sent before a loss of the host
    cdef int64_t now_ns
    cdef int64_t utc_ns
    cdef int64_t drain(self, int64_t now_ns) except -1
    cdef uint64_t told(self, uint64_t released) except? 0
    cdef void stop(self, const EventRecord *event)
    cdef bint matchers_have_done(self, uint64_t seq)
    cdef bint is_drained(self, uint64_t seq) except -1
    cdef bint has_newest_rings(self)
    cdef int go_on(self) except -1
    cdef int64_t drain_ring(self, int ring, uint64_t released) except -1
    cdef void show_released(self)
    cdef bint unreleased(self) noexcept
    cdef int handle(self, int ring, const char *record) except -1
    cdef const ExtTermsEventRecord *take_terms(self, int ring) noexcept
    cdef bint due(self, int ring, uint64_t number, int side) noexcept
    cdef Outbox begin(self, FixSession session, uint32_t msg_type)
    cdef FixSession session_of(self, uint32_t number)
    cdef int traded(self, int ring, const TradedRecord *event) except -1
    cdef int traded_side(self, int ring, const TradedRecord *event, int side) except -1
    cdef int cancelled(self, int ring, const CancelledRecord *event) except -1
    cdef int replaced(self, int ring, const ReplacedRecord *event) except -1
    cdef int triggered(self, int ring, const TriggeredRecord *event) except -1
    cdef int restated(self, int ring, const RestatedRecord *event) except -1
    cdef int confirmed(self, int ring, const ConfirmedRecord *event) except -1
    cdef int rejected(self, int ring, const RejectedRecord *event) except -1
    cdef int define(self, int event_type, const char *record) except -1
