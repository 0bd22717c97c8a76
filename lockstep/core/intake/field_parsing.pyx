"""The values of an order message, read into what records hold: ticks, lots, units, ns, characters and flags.

It knows FIX's fields, their formats, and a code for each malformed one; which go together is checked elsewhere.
"""

from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from lockstep.core.intake.listings cimport Listing
from lockstep.core.intake.order_form cimport Form, OrderTerms, Refusal, Text, fine, is_char, is_text, refuse
from lockstep.core.intake.utc cimport parse_date, parse_utc
from lockstep.core.schema.decimals cimport (
    FAULT_NONE,
    FAULT_NOT_A_NUMBER,
    FAULT_NOT_POSITIVE,
    FAULT_OFF_GRID,
    FAULT_TOO_LARGE,
    FAULT_TOO_MANY_DECIMALS,
    Decimal,
    Fault,
    Grid,
    parse_decimal,
    to_steps,
)
from lockstep.core.schema.records cimport (
    CL_ORD_ID_SIZE,
    CODE_BUDGET_AND_QUANTITY,
    CODE_BUDGET_NOT_ALLOWED,
    CODE_CLIENT_ID_EMPTY,
    CODE_CLIENT_ID_TOO_LONG,
    CODE_DISPLAY_NOT_ALLOWED,
    CODE_DISPLAY_TOO_LARGE,
    CODE_EXPIRE_TIME_MALFORMED,
    CODE_EXPIRE_TIME_NOT_ALLOWED,
    CODE_MINIMUM_NOT_ALLOWED,
    CODE_MINIMUM_TOO_LARGE,
    CODE_NOT_A_NUMBER,
    CODE_NOTIONAL_OVERFLOW,
    CODE_NUMBER_TOO_LARGE,
    CODE_OK,
    CODE_POST_ONLY_NOT_ALLOWED,
    CODE_PRICE_MISSING,
    CODE_PRICE_NOT_ALLOWED,
    CODE_PRICE_NOT_POSITIVE,
    CODE_PRICE_OFF_TICK,
    CODE_QUANTITY_NOT_POSITIVE,
    CODE_QUANTITY_OFF_LOT,
    CODE_SLIDE_WITHOUT_POST_ONLY,
    CODE_STOP_PRICE_NOT_ALLOWED,
    CODE_TERM_NEGATIVE,
    CODE_TIME_IN_FORCE_NOT_ALLOWED,
    CODE_TOO_MANY_DECIMALS,
    CODE_TRAIL_NOT_ALLOWED,
    CODE_UNSUPPORTED_ORDER_TYPE,
    CODE_UNSUPPORTED_SELF_TRADE,
    CODE_UNSUPPORTED_SIDE,
    CODE_UNSUPPORTED_TIME_IN_FORCE,
    ORD_TYPE_LIMIT,
    ORD_TYPE_STOP_LIMIT,
    ORD_TYPE_TRAILING_STOP,
    ORDER_FLAG_BUDGET,
    ORDER_FLAG_POST_ONLY,
    ORDER_FLAG_SLIDE,
    SIDE_BUY,
    SIDE_SELL,
    STP_CANCEL_BOTH,
    STP_CANCEL_NEWEST,
    STP_CANCEL_OLDEST,
    STP_DECREMENT,
    STP_NONE,
    TIF_DAY,
)

cdef extern from *:
    ctypedef long long int128 "__int128"

cdef enum:
    INT64_MAX = 9223372036854775807
    DAY_NS = 86_400_000_000_000


cdef bint has_char(Text text, char wanted) noexcept nogil:
    """Whether one of the characters of a MultipleValueString, which spaces part, is `wanted`."""
    cdef size_t i
    for i in range(text.size):
        if text.at[i] == wanted and (i == 0 or text.at[i - 1] == c" ") and (
            i + 1 == text.size or text.at[i + 1] == c" "
        ):
            return True
    return False


cdef Refusal copy_id(Text text, char *out) noexcept nogil:
    """A client order id, zero-padded to 36 bytes."""
    if text.at == NULL or text.size == 0:
        return refuse(CODE_CLIENT_ID_EMPTY, text)
    if text.size > CL_ORD_ID_SIZE:
        return refuse(CODE_CLIENT_ID_TOO_LONG, text)
    memcpy(out, text.at, text.size)
    memset(out + text.size, 0, CL_ORD_ID_SIZE - text.size)
    return fine()


cdef Refusal read_side(Text text, OrderTerms *terms) noexcept nogil:
    if not is_char(text, c"1") and not is_char(text, c"2"):
        return refuse(CODE_UNSUPPORTED_SIDE, text)
    terms.order.side = SIDE_BUY if text.at[0] == c"1" else SIDE_SELL
    return fine()


cdef Refusal read_values(const Form *form, OrderTerms *terms) noexcept nogil:
    """All that a D, an order of a list or a G says of its order, except ids, symbol and side."""
    cdef Refusal refusal = read_kind(form, terms)
    if refusal.code == CODE_OK and form.has_terms:
        refusal = read_further(form, terms)
    return refusal if refusal.code != CODE_OK else read_numbers(form, terms)


cdef Refusal read_kind(const Form *form, OrderTerms *terms) noexcept nogil:
    """OrdType and TimeInForce. As in FIX, an order without TimeInForce is a DAY order."""
    cdef char ord_type = form.ord_type.at[0] if form.ord_type.size == 1 else 0
    if ord_type == c"P":
        if not form.has_terms or not has_char(form.exec_inst, c"a") or (
            form.trail_kind.at != NULL and not is_char(form.trail_kind, c"0")
        ):
            return refuse(CODE_UNSUPPORTED_ORDER_TYPE, form.ord_type)
        terms.order.ord_type = ORD_TYPE_TRAILING_STOP
    elif c"1" <= ord_type <= c"4" and (ord_type != c"1" or form.msg_type != c"G"):
        terms.order.ord_type = ord_type - c"0"
    else:
        return refuse(CODE_UNSUPPORTED_ORDER_TYPE, form.ord_type)
    terms.order.time_in_force = TIF_DAY
    if form.time_in_force.at == NULL:
        return fine()
    # `order_fault` finds a value that is no digit, or the one of FIX's that this venue lacks.
    if form.time_in_force.size != 1 or not c"0" <= form.time_in_force.at[0] <= c"7":
        return refuse(CODE_UNSUPPORTED_TIME_IN_FORCE, form.time_in_force)
    terms.order.time_in_force = form.time_in_force.at[0] - c"0"
    return fine()


cdef Refusal read_numbers(const Form *form, OrderTerms *terms) noexcept nogil:
    """Price, and OrderQty or CashOrderQty; neither side's amount can leave 63 bits."""
    cdef const Listing *listing = terms.listing
    cdef int ord_type = terms.order.ord_type
    cdef int64_t price
    cdef int128 amount
    cdef Refusal refusal
    if ord_type == ORD_TYPE_LIMIT or ord_type == ORD_TYPE_STOP_LIMIT:
        if form.price.at == NULL:
            return refuse(CODE_PRICE_MISSING, form.price)
        refusal = read_steps(form.price, &listing.price, True, CODE_PRICE_NOT_POSITIVE, &terms.order.price_ticks)
        if refusal.code != CODE_OK:
            return refusal
    elif form.price.at != NULL:
        return refuse(CODE_PRICE_NOT_ALLOWED, form.price)
    if form.has_terms and form.budget.at != NULL:
        return read_budget(form, terms)
    if form.quantity.at == NULL:
        return refuse(CODE_QUANTITY_NOT_POSITIVE, form.quantity)
    refusal = read_steps(
        form.quantity, &listing.quantity, False, CODE_QUANTITY_NOT_POSITIVE, &terms.order.quantity_lots
    )
    if refusal.code != CODE_OK:
        return refusal
    if <int128> terms.order.quantity_lots * listing.lot_units > INT64_MAX:
        return refuse(CODE_NUMBER_TOO_LARGE, form.quantity)
    # The first product fits 126 bits; the second factor is only applied where the whole cannot overflow.
    price = max(terms.order.price_ticks, terms.more.stop_price_ticks)
    amount = <int128> price * terms.order.quantity_lots
    if amount > INT64_MAX or amount * listing.unit_value > INT64_MAX:
        return refuse(CODE_NOTIONAL_OVERFLOW, form.quantity)
    return fine()


cdef Refusal read_budget(const Form *form, OrderTerms *terms) noexcept nogil:
    """CashOrderQty, in the quote asset's smallest units, in place of a quantity."""
    cdef Grid units
    if form.msg_type == c"G":
        return refuse(CODE_BUDGET_NOT_ALLOWED, form.budget)
    if form.quantity.at != NULL:
        return refuse(CODE_BUDGET_AND_QUANTITY, form.budget)
    units.scale = units.most_decimals = terms.listing.quote_scale
    units.step = 1
    terms.order.flags |= ORDER_FLAG_BUDGET
    return read_steps(form.budget, &units, False, CODE_QUANTITY_NOT_POSITIVE, &terms.order.quantity_lots)


cdef Refusal read_further(const Form *form, OrderTerms *terms) noexcept nogil:
    """The terms of the EXT_TERMS record, and what is said by flags. A replace has those only that can be changed."""
    cdef const Listing *listing = terms.listing
    cdef Refusal refusal = read_term(form.stop_price, &listing.price, True, &terms.more.stop_price_ticks)
    if refusal.code == CODE_OK:
        refusal = read_term(form.trail, &listing.price, True, &terms.more.trail_ticks)
    if refusal.code == CODE_OK:
        refusal = read_term(form.display, &listing.quantity, False, &terms.more.display_lots)
    if refusal.code == CODE_OK:
        refusal = read_expiry(form, terms)
    if refusal.code == CODE_OK and form.msg_type != c"G":
        refusal = read_term(form.minimum, &listing.quantity, False, &terms.more.minimum_lots)
        if refusal.code == CODE_OK:
            refusal = read_modes(form, terms)
    terms.has_more = (
        terms.more.stop_price_ticks != 0 or terms.more.trail_ticks != 0 or terms.more.display_lots != 0
        or terms.more.minimum_lots != 0 or terms.more.expire_ns != 0
    )
    return refusal


cdef Refusal read_modes(const Form *form, OrderTerms *terms) noexcept nogil:
    """Post-only and its slide, and the self-trade mode (SelfMatchPreventionInstruction; 100 and 101 are our own)."""
    if has_char(form.exec_inst, c"6"):
        terms.order.flags |= ORDER_FLAG_POST_ONLY
    if is_char(form.slide, c"P"):
        terms.order.flags |= ORDER_FLAG_SLIDE
    if form.self_trade.at == NULL:
        return fine()
    if is_char(form.self_trade, c"1"):
        terms.order.stp = STP_CANCEL_NEWEST
    elif is_char(form.self_trade, c"2"):
        terms.order.stp = STP_CANCEL_OLDEST
    elif is_char(form.self_trade, c"3"):
        terms.order.stp = STP_CANCEL_BOTH
    elif is_text(form.self_trade, b"100", 3):
        terms.order.stp = STP_NONE
    elif is_text(form.self_trade, b"101", 3):
        terms.order.stp = STP_DECREMENT
    else:
        return refuse(CODE_UNSUPPORTED_SELF_TRADE, form.self_trade)
    return fine()


cdef Refusal read_expiry(const Form *form, OrderTerms *terms) noexcept nogil:
    """ExpireTime; without it ExpireDate, which ends at its midnight, UTC."""
    cdef Text text = form.expire_time
    cdef int64_t moment
    if text.at != NULL:
        moment = parse_utc(text.at, text.size)
    elif form.expire_date.at != NULL:
        text = form.expire_date
        moment = parse_date(text.at, text.size)
        if moment >= 0:
            moment += DAY_NS
    else:
        return fine()
    if moment <= 0:
        return refuse(CODE_EXPIRE_TIME_MALFORMED, text)
    terms.more.expire_ns = moment
    return fine()


cdef inline Refusal read_term(Text text, const Grid *grid, bint is_price, int64_t *steps) noexcept nogil:
    return fine() if text.at == NULL else read_steps(text, grid, is_price, CODE_TERM_NEGATIVE, steps)


cdef Refusal read_steps(
    Text text, const Grid *grid, bint is_price, int not_positive, int64_t *steps
) noexcept nogil:
    """A number as whole ticks or lots, above zero."""
    cdef Decimal number
    cdef Refusal refusal
    cdef Fault fault = parse_decimal(text.at, text.size, &number)
    if fault == FAULT_NONE:
        fault = to_steps(&number, grid, steps)
    if fault == FAULT_NONE and <int128> steps[0] * grid.step > INT64_MAX:  # a report could not repeat it
        fault = FAULT_TOO_LARGE
    if fault == FAULT_NONE:
        return fine()
    refusal = refuse(not_positive if fault == FAULT_NOT_POSITIVE else code_of(fault, is_price), text)
    if fault == FAULT_OFF_GRID or fault == FAULT_TOO_MANY_DECIMALS:
        refusal.grid = grid[0]
    return refusal


cdef int code_of(Fault fault, bint is_price) noexcept nogil:
    if fault == FAULT_NOT_A_NUMBER:
        return CODE_NOT_A_NUMBER
    if fault == FAULT_TOO_LARGE:
        return CODE_NUMBER_TOO_LARGE
    if fault == FAULT_TOO_MANY_DECIMALS:
        return CODE_TOO_MANY_DECIMALS
    return CODE_PRICE_OFF_TICK if is_price else CODE_QUANTITY_OFF_LOT


cdef Text culprit(const Form *form, int code) noexcept nogil:
    """The field that a fault of terms is about, to be repeated in its answer."""
    cdef Text nothing
    nothing.at = NULL
    nothing.size = 0
    if code == CODE_UNSUPPORTED_TIME_IN_FORCE or code == CODE_TIME_IN_FORCE_NOT_ALLOWED:
        return form.time_in_force
    if not form.has_terms:
        return nothing
    if code == CODE_STOP_PRICE_NOT_ALLOWED:
        return form.stop_price
    if code == CODE_TRAIL_NOT_ALLOWED:
        return form.trail
    if code == CODE_DISPLAY_NOT_ALLOWED or code == CODE_DISPLAY_TOO_LARGE:
        return form.display
    if code == CODE_MINIMUM_NOT_ALLOWED or code == CODE_MINIMUM_TOO_LARGE:
        return form.minimum
    if code == CODE_EXPIRE_TIME_NOT_ALLOWED:
        return form.expire_time if form.expire_time.at != NULL else form.expire_date
    if code == CODE_POST_ONLY_NOT_ALLOWED:
        return form.exec_inst
    if code == CODE_SLIDE_WITHOUT_POST_ONLY:
        return form.slide
    if code == CODE_BUDGET_NOT_ALLOWED:
        return form.budget
    return nothing
