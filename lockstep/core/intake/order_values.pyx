"""Checks each value of a request by itself, and counts amounts in the ticks, lots and units that records hold.

There is a code for each wrong one; which of them go together is checked elsewhere.
"""

from libc.stdint cimport int64_t

from lockstep.core.intake.listings cimport Listing
from lockstep.core.intake.order_request cimport (
    FIELD_BUDGET, FIELD_DISPLAY, FIELD_EXPIRE_DATE, FIELD_EXPIRE_TIME, FIELD_MINIMUM, FIELD_NONE, FIELD_ORD_TYPE,
    FIELD_POST_ONLY, FIELD_PRICE, FIELD_QUANTITY, FIELD_SELF_TRADE, FIELD_SLIDE, FIELD_STOP_PRICE, FIELD_TIME_IN_FORCE,
    FIELD_TRAIL, OrderField, OrderRequest, Refusal, fine, has, refuse,
)
from lockstep.core.schema.decimals cimport (
    FAULT_NONE,
    FAULT_NOT_A_NUMBER,
    FAULT_OFF_GRID,
    FAULT_TOO_LARGE,
    FAULT_TOO_MANY_DECIMALS,
    Fault,
    Grid,
    to_steps,
)
from lockstep.core.schema.records cimport (
    CMD_REPLACE, CODE_BUDGET_AND_QUANTITY, CODE_BUDGET_NOT_ALLOWED, CODE_DISPLAY_NOT_ALLOWED, CODE_DISPLAY_TOO_LARGE,
    CODE_EXPIRE_TIME_MALFORMED, CODE_EXPIRE_TIME_NOT_ALLOWED, CODE_MINIMUM_NOT_ALLOWED, CODE_MINIMUM_TOO_LARGE,
    CODE_NOT_A_NUMBER, CODE_NOTIONAL_OVERFLOW, CODE_NUMBER_TOO_LARGE, CODE_OK, CODE_POST_ONLY_NOT_ALLOWED,
    CODE_PRICE_MISSING, CODE_PRICE_NOT_ALLOWED, CODE_PRICE_NOT_POSITIVE, CODE_PRICE_OFF_TICK,
    CODE_QUANTITY_NOT_POSITIVE, CODE_QUANTITY_OFF_LOT, CODE_SLIDE_WITHOUT_POST_ONLY, CODE_STOP_PRICE_NOT_ALLOWED,
    CODE_TERM_NEGATIVE, CODE_TIME_IN_FORCE_NOT_ALLOWED, CODE_TOO_MANY_DECIMALS, CODE_TRAIL_NOT_ALLOWED,
    CODE_UNSUPPORTED_ORDER_TYPE, CODE_UNSUPPORTED_SELF_TRADE, CODE_UNSUPPORTED_TIME_IN_FORCE, ORD_TYPE_LIMIT,
    ORD_TYPE_MARKET, ORD_TYPE_STOP_LIMIT, ORD_TYPE_TRAILING_STOP, ORDER_FLAG_BUDGET, ORDER_FLAG_POSS_RESEND,
    STP_DECREMENT, TIF_AT_THE_CLOSE,
)

cdef extern from *:
    ctypedef long long int128 "__int128"

cdef enum:
    INT64_MAX = 9223372036854775807
    LAST_EXPIRE_NS = 9_214_646_400_000_000_000  # the end of 2261
    FURTHER = (
        1 << FIELD_STOP_PRICE | 1 << FIELD_TRAIL | 1 << FIELD_DISPLAY | 1 << FIELD_MINIMUM | 1 << FIELD_EXPIRE_TIME
        | 1 << FIELD_EXPIRE_DATE
    )


cdef Refusal count_values(OrderRequest *request) noexcept nogil:
    """All that a new order or a replace says of its order, except ids, symbol and side."""
    cdef Refusal refusal = check_kind(request)
    if refusal.code == CODE_OK and request.sent & FURTHER:
        refusal = count_further(request)
    if refusal.code == CODE_OK and request.order.stp > STP_DECREMENT and request.command != CMD_REPLACE:
        refusal = refuse(CODE_UNSUPPORTED_SELF_TRADE, FIELD_SELF_TRADE)
    request.has_more = (
        request.more.stop_price_ticks != 0 or request.more.trail_ticks != 0 or request.more.display_lots != 0
        or request.more.minimum_lots != 0 or request.more.expire_ns != 0 or request.more.valid_until_ns != 0
        or request.order.flags & ORDER_FLAG_POSS_RESEND
    )
    return refusal if refusal.code != CODE_OK else count_amounts(request)


cdef inline Refusal check_kind(const OrderRequest *request) noexcept nogil:
    """OrdType and TimeInForce."""
    cdef int ord_type = request.order.ord_type
    if not ORD_TYPE_MARKET <= ord_type <= ORD_TYPE_TRAILING_STOP or (
        ord_type == ORD_TYPE_MARKET and request.command == CMD_REPLACE
    ):
        return refuse(CODE_UNSUPPORTED_ORDER_TYPE, FIELD_ORD_TYPE)
    # `order_fault` finds the one of FIX's that this venue lacks.
    if request.order.time_in_force > TIF_AT_THE_CLOSE:
        return refuse(CODE_UNSUPPORTED_TIME_IN_FORCE, FIELD_TIME_IN_FORCE)
    return fine()


cdef Refusal count_further(OrderRequest *request) noexcept nogil:
    """The terms of the EXT_TERMS record. A replace has those only that can be changed."""
    cdef Refusal refusal = count_term(request, FIELD_STOP_PRICE, &request.more.stop_price_ticks)
    if refusal.code == CODE_OK:
        refusal = count_term(request, FIELD_TRAIL, &request.more.trail_ticks)
    if refusal.code == CODE_OK:
        refusal = count_term(request, FIELD_DISPLAY, &request.more.display_lots)
    if refusal.code == CODE_OK and has_expiry(request) and not 0 < request.more.expire_ns <= LAST_EXPIRE_NS:
        refusal = refuse(CODE_EXPIRE_TIME_MALFORMED, expiry_of(request))
    if refusal.code == CODE_OK and request.command != CMD_REPLACE:
        refusal = count_term(request, FIELD_MINIMUM, &request.more.minimum_lots)
    return refusal


cdef inline Refusal count_term(OrderRequest *request, OrderField field, int64_t *steps) noexcept nogil:
    return count_steps(request, field, steps) if has(request, field) else fine()


cdef inline bint has_expiry(const OrderRequest *request) noexcept nogil:
    return has(request, FIELD_EXPIRE_TIME) or has(request, FIELD_EXPIRE_DATE)


cdef inline OrderField expiry_of(const OrderRequest *request) noexcept nogil:
    return FIELD_EXPIRE_TIME if has(request, FIELD_EXPIRE_TIME) else FIELD_EXPIRE_DATE


cdef Refusal count_amounts(OrderRequest *request) noexcept nogil:
    """Price, and OrderQty or CashOrderQty; neither side's amount can leave 63 bits."""
    cdef const Listing *listing = request.listing
    cdef int ord_type = request.order.ord_type
    cdef int64_t price
    cdef int128 amount
    cdef Refusal refusal
    if ord_type == ORD_TYPE_LIMIT or ord_type == ORD_TYPE_STOP_LIMIT:
        if not has(request, FIELD_PRICE):
            return refuse(CODE_PRICE_MISSING, FIELD_PRICE)
        refusal = count_steps(request, FIELD_PRICE, &request.order.price_ticks)
        if refusal.code != CODE_OK:
            return refusal
    elif has(request, FIELD_PRICE):
        return refuse(CODE_PRICE_NOT_ALLOWED, FIELD_PRICE)
    if has(request, FIELD_BUDGET):
        return count_budget(request)
    if not has(request, FIELD_QUANTITY):
        return refuse(CODE_QUANTITY_NOT_POSITIVE, FIELD_QUANTITY)
    refusal = count_steps(request, FIELD_QUANTITY, &request.order.quantity_lots)
    if refusal.code != CODE_OK:
        return refusal
    if <int128> request.order.quantity_lots * listing.lot_units > INT64_MAX:
        return refuse(CODE_NUMBER_TOO_LARGE, FIELD_QUANTITY)
    # The first product fits 126 bits; the second factor is only applied where the whole cannot overflow.
    price = max(request.order.price_ticks, request.more.stop_price_ticks)
    amount = <int128> price * request.order.quantity_lots
    if amount > INT64_MAX or amount * listing.unit_value > INT64_MAX:
        return refuse(CODE_NOTIONAL_OVERFLOW, FIELD_QUANTITY)
    return fine()


cdef Refusal count_budget(OrderRequest *request) noexcept nogil:
    """CashOrderQty, in the quote asset's smallest units, in place of a quantity."""
    if request.command == CMD_REPLACE:
        return refuse(CODE_BUDGET_NOT_ALLOWED, FIELD_BUDGET)
    if has(request, FIELD_QUANTITY):
        return refuse(CODE_BUDGET_AND_QUANTITY, FIELD_BUDGET)
    request.order.flags |= ORDER_FLAG_BUDGET
    return count_steps(request, FIELD_BUDGET, &request.order.quantity_lots)


cdef Refusal count_steps(const OrderRequest *request, OrderField field, int64_t *steps) noexcept nogil:
    """An amount that was sent, as whole ticks, lots or units above zero."""
    cdef Grid grid = grid_of(request.listing, field)
    cdef Refusal refusal
    cdef Fault fault = request.amounts[field].fault
    if fault == FAULT_NONE:
        fault = to_steps(&request.amounts[field].value, &grid, steps)
    if fault == FAULT_NONE and <int128> steps[0] * grid.step > INT64_MAX:  # a report could not repeat it
        fault = FAULT_TOO_LARGE
    if fault == FAULT_NONE:
        return fine()
    refusal = refuse(code_of(fault, field), field)
    if fault == FAULT_OFF_GRID or fault == FAULT_TOO_MANY_DECIMALS:
        refusal.grid = grid
    return refusal


cdef inline Grid grid_of(const Listing *listing, OrderField field) noexcept nogil:
    cdef Grid units
    if field <= FIELD_TRAIL:
        return listing.price
    if field < FIELD_BUDGET:
        return listing.quantity
    units.scale = units.most_decimals = listing.quote_scale
    units.step = 1
    return units


cdef int code_of(Fault fault, OrderField field) noexcept nogil:
    if fault == FAULT_NOT_A_NUMBER:
        return CODE_NOT_A_NUMBER
    if fault == FAULT_TOO_LARGE:
        return CODE_NUMBER_TOO_LARGE
    if fault == FAULT_TOO_MANY_DECIMALS:
        return CODE_TOO_MANY_DECIMALS
    if fault == FAULT_OFF_GRID:
        return CODE_PRICE_OFF_TICK if field <= FIELD_TRAIL else CODE_QUANTITY_OFF_LOT
    if field == FIELD_PRICE:
        return CODE_PRICE_NOT_POSITIVE
    return CODE_QUANTITY_NOT_POSITIVE if field == FIELD_QUANTITY or field == FIELD_BUDGET else CODE_TERM_NEGATIVE


cdef OrderField culprit(const OrderRequest *request, int code) noexcept nogil:
    """The field that a fault of terms is about."""
    if code == CODE_UNSUPPORTED_TIME_IN_FORCE or code == CODE_TIME_IN_FORCE_NOT_ALLOWED:
        return FIELD_TIME_IN_FORCE
    if code == CODE_STOP_PRICE_NOT_ALLOWED:
        return FIELD_STOP_PRICE
    if code == CODE_TRAIL_NOT_ALLOWED:
        return FIELD_TRAIL
    if code == CODE_DISPLAY_NOT_ALLOWED or code == CODE_DISPLAY_TOO_LARGE:
        return FIELD_DISPLAY
    if code == CODE_MINIMUM_NOT_ALLOWED or code == CODE_MINIMUM_TOO_LARGE:
        return FIELD_MINIMUM
    if code == CODE_EXPIRE_TIME_NOT_ALLOWED:
        return expiry_of(request)
    if code == CODE_POST_ONLY_NOT_ALLOWED:
        return FIELD_POST_ONLY
    if code == CODE_SLIDE_WITHOUT_POST_ONLY:
        return FIELD_SLIDE
    if code == CODE_BUDGET_NOT_ALLOWED:
        return FIELD_BUDGET
    return FIELD_NONE
