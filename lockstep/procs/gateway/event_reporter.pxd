cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.edge.released_events cimport RINGS, ReleasedEvents
from lockstep.core.intake.listings cimport Listings
from lockstep.core.intake.orders cimport ClientOrders
from lockstep.core.schema.records cimport (
    CL_ORD_ID_SIZE,
    CancelledRecord,
    ConfirmedRecord,
    EventRecord,
    ExtTermsEventRecord,
    RejectedRecord,
    ReplacedRecord,
    ReservedRecord,
    RestatedRecord,
    TradedRecord,
    TriggeredRecord,
)
from lockstep.procs.gateway.fix.encode cimport Outbox
from lockstep.procs.gateway.fix_session cimport FixSession
from lockstep.procs.gateway.reports cimport Reports
from lockstep.procs.gateway.store cimport Store
from lockstep.shm.ring cimport Consumer

cdef enum:
    EVENTS_AHEAD = 8         # of the one handled, for which memory is fetched


@cython.final
cdef class EventReporter(ReleasedEvents):
    cdef readonly list sessions             # by session number; None if there is no such session
    cdef list ended                         # accounts whose sessions lost their rights since the gateway looked
    cdef readonly object accounts
    cdef Store store
    cdef ClientOrders orders
    cdef Listings listings
    cdef Reports reports
    cdef int gateway
    cdef object home_of
    cdef bytes comp_id
    cdef object credential               # of the account that the next event defines
    cdef char orig_cl_ord_id[RINGS][CL_ORD_ID_SIZE]
    cdef ExtTermsEventRecord terms[RINGS]
    cdef bint has_terms[RINGS]           # of the ring's next event
    cdef public object snapshots         # with which its part is saved
    cdef readonly bint recovering        # what is reported now may have been sent before a loss of the host
    cdef bint is_bounded                 # and what was told long before is not repeated
    cdef uint64_t refused[2]             # reported refusals: the router's, the matchers'
    cdef int64_t now_ns
    cdef int64_t report(self, int64_t now_ns) except -1
    cdef uint64_t handle_all(self, int ring, Consumer consumer, uint64_t first, uint64_t count) except? 0
    cdef void show_released(self)
    cdef int lead(self) except -1
    cdef int handle(self, int ring, const char *record) except -1
    cdef const ExtTermsEventRecord *take_terms(self, int ring) noexcept
    cdef bint due(self, int ring, const void *event, int side, uint32_t session) noexcept
    cpdef bint has(self, uint32_t session) noexcept
    cdef int reserved(self, const ReservedRecord *event) except -1
    cdef Outbox begin_report(self, FixSession session, uint32_t msg_type)
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
    cdef int add_account(self, uint32_t number, bytes name, int role, uint64_t seq) except -1
    cdef int add_session(self, uint32_t number, bytes name) except -1
