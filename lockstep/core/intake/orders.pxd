cimport cython
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from lockstep.core.intake.chains cimport MAX_CHUNKS, Index
from lockstep.core.schema.records cimport (
    CL_ORD_ID_SIZE,
    AcceptedRecord,
    CancelledRecord,
    ExtTermsEventRecord,
    RejectedRecord,
    ReplacedRecord,
    RestatedRecord,
    TradedRecord,
    TriggeredRecord,
)
from lockstep.core.tables.pool cimport Pool

cdef extern from *:
    ctypedef long long int128 "__int128"

cdef enum:
    BY_ID = 0
    BY_CLIENT = 1
    CLOSED_KEPT = 16384      # recently closed orders that can still be queried, unless it is told otherwise

# FIX OrdStatus, as the character that a report carries.
cdef enum Status:
    STATUS_NEW = 48
    STATUS_PARTIALLY_FILLED = 49
    STATUS_FILLED = 50
    STATUS_CANCELED = 52
    STATUS_REPLACED = 53
    STATUS_REJECTED = 56
    STATUS_EXPIRED = 67

cdef struct ClientOrder:
    uint64_t order_id
    int64_t price_ticks
    int64_t quantity_lots    # of an order with a budget: that, in the quote asset's smallest units
    int64_t cum_lots
    uint64_t notional_low
    int64_t notional_high
    uint32_t account
    uint32_t instrument
    char cl_ord_id[CL_ORD_ID_SIZE]
    uint8_t side
    uint8_t ord_type
    uint8_t time_in_force
    uint8_t status
    uint32_t further         # its item in `Orders.aside`, NIL for none
    uint16_t flags           # ORDER_FLAG_…
    uint8_t state            # ORDER_STATE_…
    uint8_t by_api           # whether it came by the api: no FIX session is told of it

# What few orders have, kept apart so that the others' places stay small; 0: no such term.
cdef struct FurtherTerms:
    int64_t stop_price_ticks
    int64_t trail_ticks
    int64_t display_lots
    int64_t minimum_lots
    uint64_t expire_ns


@cython.final
cdef class ClientOrders:
    cdef ClientOrder *chunks[MAX_CHUNKS]
    cdef uint32_t chunk_count
    cdef uint32_t next_place
    cdef uint32_t free_place
    cdef uint64_t count
    cdef public uint64_t most  # with so many it is full
    cdef Index indexes[2]
    cdef uint32_t *closed
    cdef uint32_t closed_kept
    cdef uint64_t closed_count
    cdef Pool aside          # of Further
    cdef ClientOrder *at(self, uint32_t place) noexcept nogil
    cdef bint is_full(self) noexcept nogil
    cdef uint64_t open_count(self) noexcept nogil
    cdef ClientOrder *find(self, uint64_t order_id) noexcept nogil
    cdef ClientOrder *find_client(self, uint32_t account, const char *cl_ord_id) noexcept nogil
    cdef void expect(self, const AcceptedRecord *event) noexcept nogil
    cdef const FurtherTerms *further_of(self, const ClientOrder *order) noexcept nogil
    cdef ClientOrder *accepted(self, const AcceptedRecord *event, const ExtTermsEventRecord *terms) except NULL nogil
    cdef ClientOrder *rejected(self, const RejectedRecord *event) except NULL nogil
    cdef ClientOrder *filled(
        self, uint64_t order_id, int64_t lots, int64_t price_ticks, int64_t leaves_lots
    ) except NULL nogil
    cdef ClientOrder *cancelled(self, const CancelledRecord *event) except NULL nogil
    cdef ClientOrder *replaced(self, const ReplacedRecord *event, const ExtTermsEventRecord *terms) except NULL nogil
    cdef ClientOrder *triggered(self, const TriggeredRecord *event) except NULL nogil
    cdef ClientOrder *restated(self, const RestatedRecord *event) except NULL nogil
    cdef int note_terms_of(self, ClientOrder *order, const ExtTermsEventRecord *terms) except -1 nogil
    cdef uint32_t place_of(self, uint64_t order_id) noexcept nogil
    cdef uint32_t known(self, uint64_t order_id) except 0 nogil
    cdef uint32_t insert(self, uint64_t order_id, uint32_t account, const char *cl_ord_id) except 0 nogil
    cdef uint32_t oldest_closed(self) noexcept nogil
    cdef void close(self, uint32_t place, Status status) noexcept nogil
    cdef uint32_t take_place(self) except 0 nogil
    cdef int add_chunk(self) except -1 nogil

cdef inline int128 notional_of(const ClientOrder *order) noexcept nogil:
    """Price × quantity of the fills so far, in ticks × lots."""
    return (<int128> order.notional_high << 64) | order.notional_low

cdef inline int64_t leaves_of(const ClientOrder *order) noexcept nogil:
    """LeavesQty of an order without a budget; 0 once it is closed."""
    return 0 if is_closed(order) else order.quantity_lots - order.cum_lots

cdef inline bint is_closed(const ClientOrder *order) noexcept nogil:
    return order.status >= STATUS_FILLED  # "replaced" is in reports only
