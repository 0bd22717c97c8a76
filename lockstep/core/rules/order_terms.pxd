from libc.stdint cimport uint8_t

from lockstep.core.schema.records cimport (
    ORD_TYPE_LIMIT, ORD_TYPE_STOP_LIMIT, ORDER_FLAG_POSS_RESEND, SIDE_BUY, SIDE_SELL, STP_DECREMENT, TIF_DAY, TIF_GTC,
    TIF_IOC, ExtLegRecord, ExtTermsRecord, NewOrderRecord,
)

cdef int order_fault(const NewOrderRecord *order, const ExtTermsRecord *terms) noexcept nogil
cdef int list_fault(const NewOrderRecord *first, const ExtLegRecord *second) noexcept nogil


cdef inline bint is_plain(const NewOrderRecord *record) noexcept nogil:
    """Whether the order is a limit order in which nothing can be wrong: most are, and are asked no further."""
    return (
        record.ord_type == ORD_TYPE_LIMIT and record.flags <= ORDER_FLAG_POSS_RESEND and record.stp <= STP_DECREMENT
        and (record.time_in_force == TIF_GTC or record.time_in_force == TIF_IOC or record.time_in_force == TIF_DAY)
        and (record.side == SIDE_BUY or record.side == SIDE_SELL) and record.price_ticks > 0
        and record.quantity_lots > 0
    )


cdef inline bint has_own_price(uint8_t ord_type) noexcept nogil:
    return ord_type == ORD_TYPE_LIMIT or ord_type == ORD_TYPE_STOP_LIMIT
