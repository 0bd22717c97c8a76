"""What can be wrong with an order's terms in themselves, whatever the state of the venue: one code for each.

Gateways ask before an order goes in, the router asks again before it is sequenced; neither knows any other rule about
combinations. It looks at records and decides nothing that needs a balance, a book or a clock. What may go with what::

    type            price  time in force                    stop  trail  display  minimum  post-only  budget
    LIMIT           yes    all                              -     -      resting  yes      resting    -
    MARKET          -      all but GTD                      -     -      -        yes      -          DAY GTC IOC
    STOP_LIMIT      yes    DAY GTC GTD                      yes   -      yes      -        no slide   -
    STOP            -      DAY GTC GTD                      yes   -      -        -        no slide   -
    TRAILING_STOP   -      DAY GTC GTD                      -     yes    -        -        -          -

`resting` are DAY, GTC and GTD. No minimum goes with FOK, the auctions' times, post-only or a budget. The price of a
type that has none is whatever was stamped, and not looked at.
"""

from libc.string cimport memcmp, memset

from lockstep.core.schema.records cimport (
    CL_ORD_ID_SIZE, CODE_BUDGET_NOT_ALLOWED, CODE_DISPLAY_NOT_ALLOWED, CODE_DISPLAY_TOO_LARGE,
    CODE_EXPIRE_TIME_MISSING, CODE_EXPIRE_TIME_NOT_ALLOWED, CODE_LIST_IDS_EQUAL, CODE_LIST_QUANTITIES_DIFFER,
    CODE_LIST_SIDES_DIFFER, CODE_LIST_SYMBOLS_DIFFER, CODE_LIST_TYPES_NOT_ALLOWED, CODE_MINIMUM_NOT_ALLOWED,
    CODE_MINIMUM_TOO_LARGE, CODE_OK, CODE_POST_ONLY_NOT_ALLOWED, CODE_PRICE_MISSING, CODE_PRICE_NOT_POSITIVE,
    CODE_QUANTITY_NOT_POSITIVE, CODE_SLIDE_WITHOUT_POST_ONLY, CODE_STOP_PRICE_MISSING, CODE_STOP_PRICE_NOT_ALLOWED,
    CODE_TERM_NEGATIVE, CODE_TIME_IN_FORCE_NOT_ALLOWED, CODE_TRAIL_MISSING, CODE_TRAIL_NOT_ALLOWED,
    CODE_UNSUPPORTED_LIST, CODE_UNSUPPORTED_ORDER_TYPE, CODE_UNSUPPORTED_SELF_TRADE, CODE_UNSUPPORTED_SIDE,
    CODE_UNSUPPORTED_TIME_IN_FORCE, LIST_KIND_OCO, LIST_KIND_OTO, ORDER_FLAG_BUDGET, ORDER_FLAG_POST_ONLY,
    ORDER_FLAG_SLIDE, ORD_TYPE_LIMIT, ORD_TYPE_MARKET, ORD_TYPE_STOP, ORD_TYPE_STOP_LIMIT, ORD_TYPE_TRAILING_STOP,
    SIDE_BUY, SIDE_SELL, STP_DECREMENT, TIF_AT_THE_CLOSE, TIF_AT_THE_OPEN, TIF_DAY, TIF_FOK, TIF_GTC,
    TIF_GTD, TIF_IOC, ExtLegRecord, ExtTermsRecord, NewOrderRecord,
)

cdef ExtTermsRecord NO_TERMS
memset(&NO_TERMS, 0, sizeof(NO_TERMS))


cdef inline bint can_rest(int time_in_force) noexcept nogil:
    return time_in_force == TIF_DAY or time_in_force == TIF_GTC or time_in_force == TIF_GTD


cdef int order_fault(const NewOrderRecord *order, const ExtTermsRecord *terms) noexcept nogil:
    """The first thing that is wrong with an order's terms, or CODE_OK; `terms` is NULL where it has no further ones."""
    cdef int code
    if terms == NULL:
        terms = &NO_TERMS
    code = kind_fault(order)
    if code == CODE_OK:
        code = time_fault(order, terms)
    if code == CODE_OK:
        code = trigger_fault(order, terms)
    return code if code != CODE_OK else quantity_fault(order, terms)


cdef int kind_fault(const NewOrderRecord *order) noexcept nogil:
    if order.side != SIDE_BUY and order.side != SIDE_SELL:
        return CODE_UNSUPPORTED_SIDE
    if order.ord_type < ORD_TYPE_MARKET or order.ord_type > ORD_TYPE_TRAILING_STOP:
        return CODE_UNSUPPORTED_ORDER_TYPE
    if order.stp > STP_DECREMENT:
        return CODE_UNSUPPORTED_SELF_TRADE
    if order.quantity_lots <= 0:
        return CODE_QUANTITY_NOT_POSITIVE
    if order.ord_type == ORD_TYPE_LIMIT or order.ord_type == ORD_TYPE_STOP_LIMIT:
        if order.price_ticks == 0:
            return CODE_PRICE_MISSING
        if order.price_ticks < 0:
            return CODE_PRICE_NOT_POSITIVE
    return CODE_OK


cdef int time_fault(const NewOrderRecord *order, const ExtTermsRecord *terms) noexcept nogil:
    cdef int time_in_force = order.time_in_force
    if time_in_force > TIF_AT_THE_CLOSE or time_in_force == 5:  # FIX's 5, good till crossing, is none of ours
        return CODE_UNSUPPORTED_TIME_IN_FORCE
    if order.ord_type == ORD_TYPE_MARKET and time_in_force == TIF_GTD:
        return CODE_TIME_IN_FORCE_NOT_ALLOWED
    if order.ord_type >= ORD_TYPE_STOP and not can_rest(time_in_force):
        return CODE_TIME_IN_FORCE_NOT_ALLOWED
    if time_in_force == TIF_GTD and terms.expire_ns == 0:
        return CODE_EXPIRE_TIME_MISSING
    if time_in_force != TIF_GTD and terms.expire_ns != 0:
        return CODE_EXPIRE_TIME_NOT_ALLOWED
    return CODE_OK


cdef int trigger_fault(const NewOrderRecord *order, const ExtTermsRecord *terms) noexcept nogil:
    cdef bint stops = order.ord_type == ORD_TYPE_STOP or order.ord_type == ORD_TYPE_STOP_LIMIT
    if terms.stop_price_ticks < 0 or terms.trail_ticks < 0 or terms.display_lots < 0 or terms.minimum_lots < 0:
        return CODE_TERM_NEGATIVE
    if stops and terms.stop_price_ticks == 0:
        return CODE_STOP_PRICE_MISSING
    if not stops and terms.stop_price_ticks != 0:
        return CODE_STOP_PRICE_NOT_ALLOWED
    if order.ord_type == ORD_TYPE_TRAILING_STOP and terms.trail_ticks == 0:
        return CODE_TRAIL_MISSING
    if order.ord_type != ORD_TYPE_TRAILING_STOP and terms.trail_ticks != 0:
        return CODE_TRAIL_NOT_ALLOWED
    return CODE_OK


cdef int quantity_fault(const NewOrderRecord *order, const ExtTermsRecord *terms) noexcept nogil:
    cdef bint rests = can_rest(order.time_in_force)
    cdef bint immediate = order.ord_type == ORD_TYPE_MARKET or order.ord_type == ORD_TYPE_LIMIT
    cdef bint for_auction = order.time_in_force == TIF_AT_THE_OPEN or order.time_in_force == TIF_AT_THE_CLOSE
    cdef bint priced = order.ord_type == ORD_TYPE_LIMIT or order.ord_type == ORD_TYPE_STOP_LIMIT
    cdef bint stops = order.ord_type == ORD_TYPE_STOP or order.ord_type == ORD_TYPE_STOP_LIMIT
    if order.flags & ORDER_FLAG_POST_ONLY and not (order.ord_type == ORD_TYPE_LIMIT and rests) and not stops:
        return CODE_POST_ONLY_NOT_ALLOWED
    if order.flags & ORDER_FLAG_SLIDE and (stops or not order.flags & ORDER_FLAG_POST_ONLY):
        return CODE_SLIDE_WITHOUT_POST_ONLY
    if order.flags & ORDER_FLAG_BUDGET:
        if order.ord_type != ORD_TYPE_MARKET or order.time_in_force == TIF_FOK or for_auction:
            return CODE_BUDGET_NOT_ALLOWED
        if terms.minimum_lots:
            return CODE_MINIMUM_NOT_ALLOWED
    if terms.display_lots and not (priced and rests):
        return CODE_DISPLAY_NOT_ALLOWED
    if terms.display_lots > order.quantity_lots:
        return CODE_DISPLAY_TOO_LARGE
    if terms.minimum_lots and (
        not immediate or order.time_in_force == TIF_FOK or for_auction or order.flags & ORDER_FLAG_POST_ONLY
    ):
        return CODE_MINIMUM_NOT_ALLOWED
    if terms.minimum_lots > order.quantity_lots:
        return CODE_MINIMUM_TOO_LARGE
    return CODE_OK


cdef int list_fault(const NewOrderRecord *first, const ExtLegRecord *second) noexcept nogil:
    """The first thing that is wrong with two orders as a list, or CODE_OK; each has passed `order_fault` by itself.

    OCO: a resting limit order and a stop of the same side and quantity. OTO: a resting limit order, and any that is
    DAY, GTC, GTD or IOC and has no budget.
    """
    cdef bint stops = second.ord_type >= ORD_TYPE_STOP
    if second.list_kind != LIST_KIND_OCO and second.list_kind != LIST_KIND_OTO:
        return CODE_UNSUPPORTED_LIST
    if first.instrument != second.instrument:
        return CODE_LIST_SYMBOLS_DIFFER
    if memcmp(first.cl_ord_id, second.cl_ord_id, CL_ORD_ID_SIZE) == 0:
        return CODE_LIST_IDS_EQUAL
    if first.ord_type != ORD_TYPE_LIMIT or not can_rest(first.time_in_force):
        return CODE_LIST_TYPES_NOT_ALLOWED
    if second.list_kind == LIST_KIND_OTO:
        if second.flags & ORDER_FLAG_BUDGET or not (can_rest(second.time_in_force) or second.time_in_force == TIF_IOC):
            return CODE_LIST_TYPES_NOT_ALLOWED
        return CODE_OK
    if not stops:
        return CODE_LIST_TYPES_NOT_ALLOWED
    if first.side != second.side:
        return CODE_LIST_SIDES_DIFFER
    return CODE_OK if first.quantity_lots == second.quantity_lots else CODE_LIST_QUANTITIES_DIFFER
