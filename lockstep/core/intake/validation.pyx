"""Checks an order message without any state of the orders: does it say something that the router can decide?

It refuses what cannot be right (LOG-1) and what has no chance (LOG-12), with one code each; it accepts nothing. How
values are read is `values`' business, which of them go together that of `rules.order_terms`.
"""

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memset

from lockstep.core.intake.field_parsing cimport copy_id, culprit, read_side, read_values
from lockstep.core.intake.order_form cimport fine, is_char, refuse
from lockstep.core.intake.utc cimport parse_utc
from lockstep.core.rules.order_terms cimport list_fault, order_fault
from lockstep.core.schema.records cimport (
    CODE_DISPLAY_NOT_ALLOWED,
    CODE_DISPLAY_TOO_LARGE,
    CODE_DUPLICATE_CLIENT_ID,
    CODE_NO_CHANCE_OF_BALANCE,
    CODE_OK,
    CODE_STOP_PRICE_NOT_ALLOWED,
    CODE_TRAIL_NOT_ALLOWED,
    CODE_UNKNOWN_SYMBOL,
    CODE_UNSUPPORTED_LIST,
    CODE_UNSUPPORTED_MASS_CANCEL,
    LIST_KIND_OCO,
    LIST_KIND_OTO,
    MAX_MATCHERS,
    ORD_TYPE_LIMIT,
    ORD_TYPE_STOP,
    ORD_TYPE_STOP_LIMIT,
    ORD_TYPE_TRAILING_STOP,
    ORDER_FLAG_BUDGET,
    RECORD_SIZE,
    SIDE_BUY,
    ExtLegRecord,
    NewOrderRecord,
)
from lockstep.shm.board cimport WORD_SETTLED, BalancePayload

assert sizeof(ExtLegRecord) == sizeof(NewOrderRecord) == RECORD_SIZE


cdef void note_times(const Form *form, OrderTerms *terms) noexcept nogil:
    """Note until when a request may be sequenced. If it may be a repetition, also when it was made: the router asks
    whether it remembers what came then.
    """
    cdef int64_t moment
    if form.has_terms and form.valid_until_ns:
        terms.more.valid_until_ns = form.valid_until_ns
        terms.has_more = True
    if not form.poss_resend:
        return
    moment = parse_utc(form.transact_time.at, form.transact_time.size) if form.transact_time.at != NULL else 0
    terms.more.transact_ns = max(moment, <int64_t> 0)
    terms.has_more = True


cdef Refusal check_replace(const Form *form, OrderTerms *terms) noexcept nogil:
    """What a replace must not say whatever its order is: the order itself only the log knows."""
    cdef int ord_type = terms.order.ord_type
    if terms.more.stop_price_ticks and ord_type != ORD_TYPE_STOP and ord_type != ORD_TYPE_STOP_LIMIT:
        return refuse(CODE_STOP_PRICE_NOT_ALLOWED, form.stop_price)
    if terms.more.trail_ticks and ord_type != ORD_TYPE_TRAILING_STOP:
        return refuse(CODE_TRAIL_NOT_ALLOWED, form.trail)
    if terms.more.display_lots and (ord_type == ORD_TYPE_STOP or ord_type == ORD_TYPE_TRAILING_STOP):
        return refuse(CODE_DISPLAY_NOT_ALLOWED, form.display)
    if terms.more.display_lots > terms.order.quantity_lots:
        return refuse(CODE_DISPLAY_TOO_LARGE, form.display)
    return fine()


cdef class Validator:
    """The stateless checks, over what is listed, what this gateway refused before, and the board's balances."""

    def __init__(self, Listings listings, RefusedIds refused, Board board):
        self.listings = listings
        self.refused = refused
        self.board = board

    cdef Refusal check(self, const Form *form, uint32_t account, OrderTerms *terms) noexcept nogil:
        """Check a NewOrderSingle (D), OrderCancelRequest (F) or OrderCancelReplaceRequest (G) and fill `terms`.

        On a refusal, `terms` holds what had been read by then; fields that had not are 0.
        """
        cdef Refusal refusal
        if form.msg_type == c"D":
            refusal = self.check_order(form, account, terms)
            if refusal.code == CODE_OK and self.hopeless(account, terms):
                return refuse(CODE_NO_CHANCE_OF_BALANCE, form.quantity if form.quantity.size else form.budget)
            return refusal
        memset(terms, 0, sizeof(OrderTerms))
        refusal = copy_id(form.cl_ord_id, terms.order.cl_ord_id)
        if refusal.code == CODE_OK:
            refusal = copy_id(form.orig_cl_ord_id, terms.orig_cl_ord_id)
        if refusal.code == CODE_OK:
            refusal = self.check_target(form, terms)
        if refusal.code != CODE_OK or form.msg_type == c"F":
            return refusal
        refusal = read_values(form, terms)
        note_times(form, terms)
        return check_replace(form, terms) if refusal.code == CODE_OK and form.has_terms else refusal

    cdef Refusal check_order(self, const Form *form, uint32_t account, OrderTerms *terms) noexcept nogil:
        """One new order, of its own or of a list."""
        cdef Refusal refusal
        cdef int code
        memset(terms, 0, sizeof(OrderTerms))
        refusal = copy_id(form.cl_ord_id, terms.order.cl_ord_id)
        if refusal.code == CODE_OK:
            refusal = self.check_target(form, terms)
        if refusal.code == CODE_OK:
            refusal = read_values(form, terms)
        if refusal.code != CODE_OK:
            return refusal
        note_times(form, terms)
        code = order_fault(&terms.order, &terms.more if terms.has_more else NULL)
        if code != CODE_OK:
            return refuse(code, culprit(form, code))
        if self.refused.has(account, terms.order.cl_ord_id):
            return refuse(CODE_DUPLICATE_CLIENT_ID, form.cl_ord_id)
        return fine()

    cdef Refusal check_list(self, const Form *forms, Text kind, uint32_t account, OrderTerms *terms) noexcept nogil:
        """Two new orders of a list; `terms[0]` is the first by the venue's rules, and `terms[1]` goes into its leg.

        The leg's `verdict`, where its record has the list's kind, holds that.
        """
        cdef Refusal refusal
        cdef OrderTerms swapped
        cdef int code
        cdef int i
        if not is_char(kind, c"1") and not is_char(kind, c"2"):
            return refuse(CODE_UNSUPPORTED_LIST, kind)
        for i in range(2):
            refusal = self.check_order(&forms[i], account, &terms[i])
            if refusal.code != CODE_OK:
                return refusal
        # Which of the two comes first says something in a list where one triggers the other only.
        if is_char(kind, c"1") and terms[0].order.ord_type >= ORD_TYPE_STOP:
            swapped = terms[0]
            terms[0] = terms[1]
            terms[1] = swapped
        terms[1].order.verdict = LIST_KIND_OCO if is_char(kind, c"1") else LIST_KIND_OTO
        code = list_fault(&terms[0].order, <const ExtLegRecord *> &terms[1].order)
        return fine() if code == CODE_OK else refuse(code, kind)

    cdef Refusal check_mass(self, const Form *form, Text kind, OrderTerms *terms) noexcept nogil:
        """An OrderMassCancelRequest (q); `kind` is its type (530): 1 of a symbol, 7 of all orders."""
        cdef Refusal refusal
        memset(terms, 0, sizeof(OrderTerms))
        refusal = copy_id(form.cl_ord_id, terms.order.cl_ord_id)
        if refusal.code != CODE_OK:
            return refusal
        if not is_char(kind, c"1") and not is_char(kind, c"7"):
            return refuse(CODE_UNSUPPORTED_MASS_CANCEL, kind)
        if is_char(kind, c"1") != (form.symbol.at != NULL):
            return refuse(CODE_UNSUPPORTED_MASS_CANCEL, form.symbol if form.symbol.at != NULL else kind)
        if form.symbol.at != NULL:
            terms.listing = self.listings.find(form.symbol.at, form.symbol.size)
            if terms.listing == NULL:
                return refuse(CODE_UNKNOWN_SYMBOL, form.symbol)
            terms.order.instrument = terms.listing.instrument
        return fine() if form.side.at == NULL else read_side(form.side, terms)

    cdef Refusal check_status(self, const Form *form, OrderTerms *terms) noexcept nogil:
        """An OrderStatusRequest (H)."""
        memset(terms, 0, sizeof(OrderTerms))
        return copy_id(form.cl_ord_id, terms.order.cl_ord_id)

    cdef Refusal check_target(self, const Form *form, OrderTerms *terms) noexcept nogil:
        """Symbol and Side."""
        terms.listing = self.listings.find(form.symbol.at, form.symbol.size) if form.symbol.size else NULL
        if terms.listing == NULL:
            return refuse(CODE_UNKNOWN_SYMBOL, form.symbol)
        terms.order.instrument = terms.listing.instrument
        return read_side(form.side, terms)

    cdef bint hopeless(self, uint32_t account, const OrderTerms *terms) noexcept nogil:
        """Whether the account's free balance is known not to cover the order, by a board that lags behind nobody."""
        cdef BalancePayload balance
        cdef const NewOrderRecord *order = &terms.order
        cdef bint buys = order.side == SIDE_BUY
        cdef uint32_t asset = terms.listing.quote_asset if buys else terms.listing.base_asset
        cdef int64_t need = order.quantity_lots * terms.listing.lot_units
        if order.flags & ORDER_FLAG_BUDGET:
            need = order.quantity_lots
            if not buys:
                return False
        elif buys:
            if order.ord_type != ORD_TYPE_LIMIT and order.ord_type != ORD_TYPE_STOP_LIMIT:
                return False
            need = order.price_ticks * order.quantity_lots * terms.listing.unit_value
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
