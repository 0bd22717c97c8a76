"""Checks an order request without any state of the orders: does it say something that the router can decide?

It refuses what cannot be right (LOG-1) and what has no chance (LOG-12), with one code each; it accepts nothing. Each
value by itself is `order_values`' business, which of them go together that of `rules.order_terms`.
"""

from libc.stdint cimport int64_t, uint32_t

from lockstep.core.intake.listings cimport Listings
from lockstep.core.intake.order_request cimport (
    FIELD_BUDGET, FIELD_CL_ORD_ID, FIELD_DISPLAY, FIELD_KIND, FIELD_ORIG_CL_ORD_ID, FIELD_QUANTITY, FIELD_SIDE,
    FIELD_STOP_PRICE, FIELD_SYMBOL, FIELD_TRAIL, SCOPE_ALL, SCOPE_SYMBOL, OrderField, OrderRequest, Refusal, fine, has,
    refuse,
)
from lockstep.core.intake.order_values cimport count_values, culprit
from lockstep.core.intake.refused_ids cimport RefusedIds
from lockstep.core.rules.order_terms cimport list_fault, order_fault
from lockstep.core.schema.records cimport (
    CL_ORD_ID_SIZE, CMD_CANCEL, CMD_NEW_ORDER, CODE_CLIENT_ID_EMPTY, CODE_CLIENT_ID_TOO_LONG, CODE_DISPLAY_NOT_ALLOWED,
    CODE_DISPLAY_TOO_LARGE, CODE_DUPLICATE_CLIENT_ID, CODE_NO_CHANCE_OF_BALANCE, CODE_OK, CODE_STOP_PRICE_NOT_ALLOWED,
    CODE_TRAIL_NOT_ALLOWED, CODE_UNKNOWN_SYMBOL, CODE_UNSUPPORTED_LIST, CODE_UNSUPPORTED_MASS_CANCEL,
    CODE_UNSUPPORTED_SIDE, LIST_KIND_OCO, LIST_KIND_OTO, MAX_MATCHERS, ORD_TYPE_LIMIT, ORD_TYPE_STOP,
    ORD_TYPE_STOP_LIMIT, ORD_TYPE_TRAILING_STOP, ORDER_FLAG_BUDGET, RECORD_SIZE, SIDE_BUY, SIDE_SELL, SYMBOL_SIZE,
    ExtLegRecord, NewOrderRecord,
)
from lockstep.shm.board cimport WORD_SETTLED, BalancePayload, Board

assert sizeof(ExtLegRecord) == sizeof(NewOrderRecord) == RECORD_SIZE


cdef Refusal check_id(const OrderRequest *request) noexcept nogil:
    """The request's own client order id."""
    return check_size(request.id_size, FIELD_CL_ORD_ID)


cdef inline Refusal check_size(size_t size, OrderField field) noexcept nogil:
    if size == 0:
        return refuse(CODE_CLIENT_ID_EMPTY, field)
    return refuse(CODE_CLIENT_ID_TOO_LONG, field) if size > CL_ORD_ID_SIZE else fine()


cdef Refusal check_side(const OrderRequest *request) noexcept nogil:
    if request.order.side != SIDE_BUY and request.order.side != SIDE_SELL:
        return refuse(CODE_UNSUPPORTED_SIDE, FIELD_SIDE)
    return fine()


cdef Refusal check_replace(const OrderRequest *request) noexcept nogil:
    """What a replace must not say whatever its order is: the order itself only the log knows."""
    cdef int ord_type = request.order.ord_type
    if request.more.stop_price_ticks and ord_type != ORD_TYPE_STOP and ord_type != ORD_TYPE_STOP_LIMIT:
        return refuse(CODE_STOP_PRICE_NOT_ALLOWED, FIELD_STOP_PRICE)
    if request.more.trail_ticks and ord_type != ORD_TYPE_TRAILING_STOP:
        return refuse(CODE_TRAIL_NOT_ALLOWED, FIELD_TRAIL)
    if request.more.display_lots and (ord_type == ORD_TYPE_STOP or ord_type == ORD_TYPE_TRAILING_STOP):
        return refuse(CODE_DISPLAY_NOT_ALLOWED, FIELD_DISPLAY)
    if request.more.display_lots > request.order.quantity_lots:
        return refuse(CODE_DISPLAY_TOO_LARGE, FIELD_DISPLAY)
    return fine()


cdef class Validator:
    """The stateless checks, over what is listed, what this gateway refused before, and the board's balances."""

    def __init__(self, Listings listings, RefusedIds refused, Board board):
        self.listings = listings
        self.refused = refused
        self.board = board

    cdef Refusal check(self, OrderRequest *request, uint32_t account) noexcept nogil:
        """Check a new order, a cancel or a replace, and fill its records."""
        cdef Refusal refusal
        if request.command == CMD_NEW_ORDER:
            refusal = self.check_order(request, account)
            if refusal.code == CODE_OK and self.hopeless(account, request):
                return refuse(
                    CODE_NO_CHANCE_OF_BALANCE, FIELD_QUANTITY if has(request, FIELD_QUANTITY) else FIELD_BUDGET
                )
            return refusal
        refusal = check_id(request)
        if refusal.code == CODE_OK:
            refusal = check_size(request.orig_id_size, FIELD_ORIG_CL_ORD_ID)
        if refusal.code == CODE_OK:
            refusal = self.check_target(request)
        if refusal.code != CODE_OK or request.command == CMD_CANCEL:
            return refusal
        refusal = count_values(request)
        return check_replace(request) if refusal.code == CODE_OK else refusal

    cdef Refusal check_order(self, OrderRequest *request, uint32_t account) noexcept nogil:
        """One new order, of its own or of a list."""
        cdef Refusal refusal = check_id(request)
        cdef int code
        if refusal.code == CODE_OK:
            refusal = self.check_target(request)
        if refusal.code == CODE_OK:
            refusal = count_values(request)
        if refusal.code != CODE_OK:
            return refusal
        code = order_fault(&request.order, &request.more if request.has_more else NULL)
        if code != CODE_OK:
            return refuse(code, culprit(request, code))
        if self.refused.has(account, request.order.cl_ord_id):
            return refuse(CODE_DUPLICATE_CLIENT_ID, FIELD_CL_ORD_ID)
        return fine()

    cdef Refusal check_list(self, OrderRequest *requests, int kind, uint32_t account) noexcept nogil:
        """Two new orders of a list; afterwards the first is the first by the venue's rules, and the second its leg.

        The leg's `verdict`, where its record has the list's kind, holds that.
        """
        cdef Refusal refusal
        cdef OrderRequest swapped
        cdef int code
        cdef int i
        if kind != LIST_KIND_OCO and kind != LIST_KIND_OTO:
            return refuse(CODE_UNSUPPORTED_LIST, FIELD_KIND)
        for i in range(2):
            refusal = self.check_order(&requests[i], account)
            if refusal.code != CODE_OK:
                refusal.leg = i
                return refusal
        # Which of the two comes first says something in a list where one triggers the other only.
        if kind == LIST_KIND_OCO and requests[0].order.ord_type >= ORD_TYPE_STOP:
            swapped = requests[0]
            requests[0] = requests[1]
            requests[1] = swapped
        requests[1].order.verdict = kind
        code = list_fault(&requests[0].order, <const ExtLegRecord *> &requests[1].order)
        return fine() if code == CODE_OK else refuse(code, FIELD_KIND)

    cdef Refusal check_mass(self, OrderRequest *request, int scope) noexcept nogil:
        """A mass cancel, of the orders of a symbol or of all."""
        cdef Refusal refusal = check_id(request)
        cdef bint is_of_symbol = has(request, FIELD_SYMBOL)
        if refusal.code != CODE_OK:
            return refusal
        if scope != SCOPE_SYMBOL and scope != SCOPE_ALL:
            return refuse(CODE_UNSUPPORTED_MASS_CANCEL, FIELD_KIND)
        if (scope == SCOPE_SYMBOL) != is_of_symbol:
            return refuse(CODE_UNSUPPORTED_MASS_CANCEL, FIELD_SYMBOL if is_of_symbol else FIELD_KIND)
        if is_of_symbol and not self.find(request):
            return refuse(CODE_UNKNOWN_SYMBOL, FIELD_SYMBOL)
        return check_side(request) if has(request, FIELD_SIDE) else fine()

    cdef Refusal check_target(self, OrderRequest *request) noexcept nogil:
        """Symbol and Side."""
        return check_side(request) if self.find(request) else refuse(CODE_UNKNOWN_SYMBOL, FIELD_SYMBOL)

    cdef bint find(self, OrderRequest *request) noexcept nogil:
        """Find the instrument. False if there is none of this symbol; one that was cut is none's."""
        if request.symbol_size > SYMBOL_SIZE:
            return False
        request.listing = self.listings.find(request.symbol, request.symbol_size)
        if request.listing == NULL:
            return False
        request.order.instrument = request.listing.instrument
        return True

    cdef bint hopeless(self, uint32_t account, const OrderRequest *request) noexcept nogil:
        """Whether the account's free balance is known not to cover the order, by a board that lags behind nobody."""
        cdef BalancePayload balance
        cdef const NewOrderRecord *order = &request.order
        cdef bint buys = order.side == SIDE_BUY
        cdef uint32_t asset = request.listing.quote_asset if buys else request.listing.base_asset
        cdef int64_t need = order.quantity_lots * request.listing.lot_units
        if order.flags & ORDER_FLAG_BUDGET:
            need = order.quantity_lots
            if not buys:
                return False
        elif buys:
            if order.ord_type != ORD_TYPE_LIMIT and order.ord_type != ORD_TYPE_STOP_LIMIT:
                return False
            need = order.price_ticks * order.quantity_lots * request.listing.unit_value
        if not self.board.read_balance(account, asset, &balance) or balance.free >= need:
            return False
        # Asked before the balance is read again: what was settled by then is in what is read (LOG-12).
        return self.settled() and self.board.read_balance(account, asset, &balance) and balance.free < need

    cdef bint settled(self) noexcept nogil:
        """Whether the ledger has settled every event that any gateway has released."""
        cdef int matcher
        for matcher in range(1, MAX_MATCHERS + 1):
            if self.board.load(WORD_SETTLED + matcher - 1) < self.board.highest_released(matcher):
                return False
        return True
