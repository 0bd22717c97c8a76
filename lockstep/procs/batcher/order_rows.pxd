from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from lockstep.procs.batcher.encode cimport Buffer
from lockstep.procs.batcher.listings cimport Listings

cdef enum State:
    STATE_UNCHANGED = 0
    STATE_WAITING = 1
    STATE_NEW = 2
    STATE_TRIGGERED = 3
    STATE_PARTIALLY_FILLED = 4
    STATE_FILLED = 5
    STATE_CANCELED = 6
    STATE_EXPIRED = 7

cdef struct FurtherTerms:
    int64_t stop_price_ticks
    int64_t trail_ticks
    int64_t display_lots
    int64_t minimum_lots
    uint64_t expire_ns
    uint64_t mate_order_id
    uint8_t list_kind

cdef struct OrderRow:
    uint64_t order_id
    int64_t price_ticks
    int64_t quantity_lots
    int64_t filled_lots
    int64_t remaining_lots
    int64_t prevented_lots
    uint64_t created_ns
    uint64_t updated_ns
    uint64_t seq
    FurtherTerms terms
    uint32_t account
    uint32_t instrument
    char cl_ord_id[36]
    char first_cl_ord_id[36]  # before the first replace; of an order that the batch creates
    char list_name[36]        # what its client calls its list
    uint16_t flags
    uint8_t side
    uint8_t ord_type
    uint8_t time_in_force
    uint8_t stp
    uint8_t state
    uint8_t reason
    uint8_t created
    uint8_t priced
    uint8_t renamed

cdef int encode_created(Buffer out, Listings listings, const OrderRow *order) except -1 nogil
cdef int encode_changed(Buffer out, Listings listings, const OrderRow *order) except -1 nogil
