from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.edge.released_events cimport RINGS, ReleasedEvents
from lockstep.core.intake.listings cimport Listings
from lockstep.core.intake.orders cimport ClientOrder, ClientOrders
from lockstep.core.schema.records cimport (
    CL_ORD_ID_SIZE,
    AcceptedRecord,
    BalanceRecord,
    CancelledRecord,
    ConfirmedRecord,
    CorrectedRecord,
    EventRecord,
    ExtListNameEventRecord,
    ExtTermsEventRecord,
    PreventedRecord,
    RejectedRecord,
    ReplacedRecord,
    RestatedRecord,
    TradedRecord,
    TriggeredRecord,
    WithdrawalChangedRecord,
)
from lockstep.procs.api.balances cimport Balances
from lockstep.procs.api.fills cimport Fills
from lockstep.procs.api.listeners cimport Listeners
from lockstep.procs.api.recent_events cimport PART_FIRST, RecentEvents
from lockstep.procs.api.requests cimport Requests
from lockstep.procs.api.settlement cimport Settlement
from lockstep.procs.api.tracked_orders cimport TrackedOrders


cdef class AccountState(ReleasedEvents):
    cdef readonly Listings listings
    cdef readonly ClientOrders orders
    cdef readonly TrackedOrders tracked
    cdef readonly Fills fills
    cdef readonly Balances balances
    cdef readonly RecentEvents recent
    cdef readonly Listeners listeners
    cdef readonly object people
    cdef readonly object accounts        # the people's
    cdef readonly object keys
    cdef readonly object withdrawals
    cdef readonly dict phases            # by instrument, where it ever changed
    cdef readonly dict references        # reference price in ticks, and since when: likewise
    cdef readonly dict definitions       # by instrument: the event that defined it last
    cdef readonly dict cancel_after      # by account, where it is asked for: when its orders are cancelled, by log time
    cdef readonly uint64_t corrected_number  # the router's event that corrected a trade last, or one behind it
    cdef Requests requests
    cdef Settlement settlement
    cdef ExtTermsEventRecord terms[RINGS]
    cdef bint has_terms[RINGS]
    cdef ExtListNameEventRecord names[RINGS]
    cdef bint has_name[RINGS]
    cdef PreventedRecord prevented[RINGS]  # the last one of each ring
    cdef uint64_t recorded[RINGS]        # the number of the last event that only the database keeps; 0: none yet
    cdef char replaced_id[CL_ORD_ID_SIZE]
    cdef bint is_repriced
    cdef uint64_t refused[3]             # by the api itself, the router and matchers
    cdef int handle(self, int ring, const char *record) except -1
    cdef const ExtTermsEventRecord *take_terms(self, int ring) noexcept
    cdef const char *take_name(self, int ring) noexcept
    cdef int changed(
        self, int what, int ring, const EventRecord *event, const ClientOrder *order, uint64_t fill=*, int part=*
    ) except -1
    cdef int triggered(self, int ring, const TriggeredRecord *event) except -1
    cdef int accepted(self, int ring, const AcceptedRecord *event) except -1
    cdef int traded(self, int ring, const TradedRecord *event) except -1
    cdef int traded_side(self, int ring, const TradedRecord *event, int side) except -1
    cdef int cancelled(self, int ring, const CancelledRecord *event) except -1
    cdef int restated(self, int ring, const RestatedRecord *event) except -1
    cdef int prevent(self, int ring, const PreventedRecord *event) except -1
    cdef int replaced(self, int ring, const ReplacedRecord *event) except -1
    cdef int rejected(self, int ring, const RejectedRecord *event) except -1
    cdef int confirmed(self, int ring, const ConfirmedRecord *event) except -1
    cdef int corrected(self, const CorrectedRecord *event) except -1
    cdef int balance(self, const BalanceRecord *event) except -1
    cdef int withdrawn(self, int kind, const WithdrawalChangedRecord *event) except -1
    cdef int define(self, int ring, int kind, const char *record) except -1
    cdef int told_of_nobody(self, int command, const EventRecord *event) except -1
    cdef int told_of_people(self, int ring, int kind, const char *record) except -1
    cdef int told_of_account(self, uint32_t account, int ring, const EventRecord *event) except -1
