cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.intake.listings cimport Listing, Listings
from lockstep.core.intake.orders cimport ClientOrder, ClientOrders, FurtherTerms
from lockstep.core.schema.decimals cimport Grid
from lockstep.core.schema.records cimport (
    AcceptedRecord,
    CancelledRecord,
    ConfirmedRecord,
    RejectedRecord,
    ReplacedRecord,
    RestatedRecord,
    TradedRecord,
    TriggeredRecord,
)
from lockstep.procs.gateway.fix.encode cimport Outbox

cdef enum:
    EXEC_ID_SIZE = 64

cdef struct ExecId:
    char text[EXEC_ID_SIZE]
    size_t size


@cython.final
cdef class Reports:
    cdef Listings listings
    cdef ClientOrders orders
    cdef int accepted(self, Outbox out, const ClientOrder *order, int ring, const AcceptedRecord *event) except -1 nogil
    cdef int rejected(self, Outbox out, const RejectedRecord *event, int ring) except -1 nogil
    cdef int cancel_rejected(
        self, Outbox out, const ClientOrder *order, const RejectedRecord *event, const char *orig_cl_ord_id
    ) except -1 nogil
    cdef int traded(self, Outbox out, const ClientOrder *order, int ring, const TradedRecord *event) except -1 nogil
    cdef int cancelled(
        self, Outbox out, const ClientOrder *order, int ring, const CancelledRecord *event
    ) except -1 nogil
    cdef int replaced(
        self, Outbox out, const ClientOrder *order, int ring, const ReplacedRecord *event, const char *old_cl_ord_id
    ) except -1 nogil
    cdef int triggered(
        self, Outbox out, const ClientOrder *order, int ring, const TriggeredRecord *event
    ) except -1 nogil
    cdef int restated(self, Outbox out, const ClientOrder *order, int ring, const RestatedRecord *event) except -1 nogil
    cdef int mass_cancelled(self, Outbox out, const ConfirmedRecord *event) except -1 nogil
    cdef int mass_rejected(self, Outbox out, const RejectedRecord *event) except -1 nogil
    cdef int mass(
        self, Outbox out, uint64_t cause, const char *cl_ord_id, uint32_t instrument, int side, int64_t utc_ns, int code
    ) except -1 nogil
    cdef int status(self, Outbox out, const ClientOrder *order, const ExecId *exec_id, int64_t utc_ns) except -1 nogil
    cdef int head(
        self, Outbox out, const ClientOrder *order, const ExecId *exec_id, char exec_type, char status
    ) except -1 nogil
    cdef int terms(self, Outbox out, const ClientOrder *order, const Listing *listing) except -1 nogil
    cdef int further(self, Outbox out, const ClientOrder *order, const Listing *listing) except -1 nogil
    cdef int progress(self, Outbox out, const ClientOrder *order, const Listing *listing) except -1 nogil

cdef ExecId exec_id_of(int ring, uint64_t number, int side) noexcept nogil
cdef int add_kind(
    Outbox out, const ExecId *exec_id, char exec_type, char status, char trans_type=*
) except -1 nogil
cdef int add_nothing_done(Outbox out) except -1 nogil
cdef int add_target(Outbox out, const ClientOrder *order) except -1 nogil
cdef int add_explanation(
    Outbox out, int code, const char *sent, size_t size, const Grid *grid=*
) except -1 nogil
