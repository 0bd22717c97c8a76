from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from procs.api.balances cimport Balances
from procs.api.fills cimport Fills
from procs.api.recent_events cimport RecentEvents
from procs.api.requests cimport Request, Requests
from procs.api.settlement cimport Settlement
from procs.api.tracked_orders cimport ACCOUNTS, TrackedOrders
from procs.edge.released_events cimport RINGS, ReleasedEvents
from procs.intake.ingress_writer cimport IngressWriter
from procs.intake.listings cimport Listings
from procs.intake.order_form cimport Form, Refusal, Text
from procs.intake.orders cimport ClientOrder, ClientOrders
from procs.intake.validation cimport Validator
from shm.records cimport (
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

cdef enum:
    NOT_REDUCED = -1         # no reject code of the venue's: a replace may also enlarge an order
    NOT_CHANGED = -2         # not sent: the order has that quantity already

# What a listener is told of.
cdef enum:
    TOLD_NEW = 0
    TOLD_TRADE = 1
    TOLD_CANCELLED = 2
    TOLD_REPLACED = 3
    TOLD_REJECTED = 4
    TOLD_TRIGGERED = 5
    TOLD_RESTATED = 6
    TOLD_BALANCE = 7


cdef class Desk(ReleasedEvents):
    cdef readonly Listings listings
    cdef readonly ClientOrders orders
    cdef readonly TrackedOrders tracked
    cdef readonly Fills fills
    cdef readonly Balances balances
    cdef readonly RecentEvents recent
    cdef readonly object people
    cdef readonly object accounts        # the people's
    cdef readonly object keys
    cdef readonly object withdrawals
    cdef readonly dict phases            # by instrument, where it ever changed
    cdef readonly dict references        # reference price in ticks, and since when: likewise
    cdef readonly dict definitions       # by instrument: the event that defined it last
    cdef readonly dict cancel_after      # by account, where it is asked for: when its orders are cancelled, by log time
    cdef IngressWriter ingress
    cdef public object kick              # called when somebody begins to wait
    cdef Validator validator
    cdef object snapshots
    cdef Requests requests
    cdef Settlement settlement
    cdef object unsequenced              # ends in the ingress ring, whose futures wait until the router has taken them
    cdef dict listeners                  # by account
    cdef uint8_t watched[ACCOUNTS]       # whether there are any
    cdef ExtTermsEventRecord terms[RINGS]
    cdef bint has_terms[RINGS]
    cdef ExtListNameEventRecord names[RINGS]
    cdef bint has_name[RINGS]
    cdef PreventedRecord prevented[RINGS]  # the last one of each ring
    cdef uint64_t recorded[RINGS]        # the number of the last event that only the database keeps; 0: none yet
    cdef char replaced_id[CL_ORD_ID_SIZE]
    cdef bint is_repriced
    cdef public bint is_open
    cdef public uint64_t connections
    cdef bint lacks_space
    cdef bint is_held_up
    cdef uint64_t commit
    cdef int64_t committed_ns
    cdef int64_t tended_ns
    cdef readonly int64_t now_ns
    cdef readonly uint64_t corrected_number  # the router's event that corrected a trade last, or one behind it
    cdef readonly int64_t level_ns       # when it had taken all that was released, last
    cdef uint64_t refused[3]
    cdef Request place(self, const Form *form, uint32_t account, uint32_t key, uint64_t ticket, Refusal *refusal)
    cdef Request place_list(
        self, const Form *forms, Text kind, const char *name, uint32_t account, uint32_t key, uint64_t ticket,
        Refusal *refusal
    )
    cdef Refusal test(self, const Form *form, uint32_t account)
    cdef Request cancel(
        self, uint32_t instrument, int side, const char *cl_ord_id, const char *orig_cl_ord_id, uint32_t account,
        uint32_t key, uint64_t ticket, Refusal *refusal
    )
    cdef Request reduce(
        self, uint64_t order_id, const char *cl_ord_id, Text quantity, uint32_t account, uint32_t key,
        uint64_t ticket, Refusal *refusal
    )
    cdef Request replace(self, const Form *form, uint32_t account, uint32_t key, uint64_t ticket, Refusal *refusal)
    cdef Request mass_cancel(
        self, uint32_t instrument, const char *cl_ord_id, uint32_t account, uint32_t key, uint64_t ticket,
        Refusal *refusal
    )
    cdef void send_as(self, uint32_t key, uint64_t ticket) noexcept
    cdef int show_sequenced(self) except -1
    cdef bint may_send(self, bint adds, Refusal *refusal) noexcept
    cdef Request sent(self, uint32_t account, const char *cl_ord_id, int command)
    cdef bint leads(self) noexcept nogil
    cdef int tend(self, int64_t now_ns) except -1
    cdef void show_released(self) noexcept
    cdef int show_recent(self) except -1
    cdef int handle(self, int ring, const char *record) except -1
    cdef const ExtTermsEventRecord *take_terms(self, int ring) noexcept
    cdef const char *take_name(self, int ring) noexcept
    cdef int changed(
        self, int what, int ring, const EventRecord *event, const ClientOrder *order, uint64_t fill=*, int part=*
    ) except -1
    cdef int tell(
        self, int what, const ClientOrder *order, int ring, const EventRecord *event, uint64_t fill
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
