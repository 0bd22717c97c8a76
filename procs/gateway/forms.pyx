"""Checks an order message without any state of the orders: does it say something that the router can decide?

It refuses what cannot be right (rule 1) and what has no chance (rule 12), with one code each; it accepts nothing.
"""

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy, memset

from procs.gateway.decimals cimport (
    FAULT_NONE,
    FAULT_NOT_A_NUMBER,
    FAULT_NOT_POSITIVE,
    FAULT_TOO_LARGE,
    FAULT_TOO_MANY_DECIMALS,
    Decimal,
    Fault,
    Grid,
    parse_decimal,
    to_steps,
)
from procs.gateway.listing cimport Listed
from shm.board cimport WORD_SETTLED, BalancePayload
from shm.records cimport (
    CL_ORD_ID_SIZE,
    CODE_CLIENT_ID_EMPTY,
    CODE_CLIENT_ID_TOO_LONG,
    CODE_DUPLICATE_CLIENT_ID,
    CODE_NO_CHANCE_OF_BALANCE,
    CODE_NOT_A_NUMBER,
    CODE_NOTIONAL_OVERFLOW,
    CODE_NUMBER_TOO_LARGE,
    CODE_OK,
    CODE_PRICE_MISSING,
    CODE_PRICE_NOT_ALLOWED,
    CODE_PRICE_NOT_POSITIVE,
    CODE_PRICE_OFF_TICK,
    CODE_QUANTITY_NOT_POSITIVE,
    CODE_QUANTITY_OFF_LOT,
    CODE_TOO_MANY_DECIMALS,
    CODE_UNKNOWN_SYMBOL,
    CODE_UNSUPPORTED_ORDER_TYPE,
    CODE_UNSUPPORTED_SIDE,
    CODE_UNSUPPORTED_TIME_IN_FORCE,
    MAX_MATCHERS,
    ORD_TYPE_LIMIT,
    ORD_TYPE_MARKET,
    SIDE_BUY,
    SIDE_SELL,
    TIF_GTC,
    TIF_IOC,
)

cdef extern from *:
    ctypedef long long int128 "__int128"

cdef enum:
    INT64_MAX = 9223372036854775807


cdef inline Refusal refuse(int code, Text sent) noexcept nogil:
    cdef Refusal refusal
    refusal.code = code
    refusal.sent = sent
    return refusal


cdef inline Refusal fine() noexcept nogil:
    cdef Refusal refusal
    refusal.code = CODE_OK
    refusal.sent.at = NULL
    refusal.sent.size = 0
    return refusal


cdef inline bint is_char(Text text, char wanted) noexcept nogil:
    return text.size == 1 and text.at[0] == wanted


cdef Refusal copy_id(Text text, char *out) noexcept nogil:
    """A client order id, zero-padded to 36 bytes."""
    if text.at == NULL or text.size == 0:
        return refuse(CODE_CLIENT_ID_EMPTY, text)
    if text.size > CL_ORD_ID_SIZE:
        return refuse(CODE_CLIENT_ID_TOO_LONG, text)
    memcpy(out, text.at, text.size)
    memset(out + text.size, 0, CL_ORD_ID_SIZE - text.size)
    return fine()


cdef int code_of(Fault fault, bint is_price) noexcept nogil:
    if fault == FAULT_NOT_A_NUMBER:
        return CODE_NOT_A_NUMBER
    if fault == FAULT_TOO_LARGE:
        return CODE_NUMBER_TOO_LARGE
    if fault == FAULT_TOO_MANY_DECIMALS:
        return CODE_TOO_MANY_DECIMALS
    if fault == FAULT_NOT_POSITIVE:
        return CODE_PRICE_NOT_POSITIVE if is_price else CODE_QUANTITY_NOT_POSITIVE
    return CODE_PRICE_OFF_TICK if is_price else CODE_QUANTITY_OFF_LOT


cdef Refusal read_steps(Text text, const Grid *grid, bint is_price, int64_t *steps) noexcept nogil:
    cdef Decimal number
    cdef Fault fault = parse_decimal(text.at, text.size, &number)
    if fault == FAULT_NONE:
        fault = to_steps(&number, grid, steps)
    return fine() if fault == FAULT_NONE else refuse(code_of(fault, is_price), text)


cdef class Checker:
    """The stateless checks, over what is listed, what this gateway refused before, and the board's balances."""

    def __init__(self, Listing listing, RefusedIds refused, Board board):
        self.listing = listing
        self.refused = refused
        self.board = board

    cdef Refusal check(self, const Form *form, uint32_t account, Terms *terms) noexcept nogil:
        """Check a NewOrderSingle (D), OrderCancelRequest (F) or OrderCancelReplaceRequest (G) and fill `terms`.

        On a refusal, `terms` holds what had been read by then; fields that had not are 0.
        """
        cdef Refusal refusal
        memset(terms, 0, sizeof(Terms))
        refusal = self.check_ids(form, terms)
        if refusal.code != CODE_OK:
            return refusal
        terms.listed = self.listing.find(form.symbol.at, form.symbol.size) if form.symbol.size else NULL
        if terms.listed == NULL:
            return refuse(CODE_UNKNOWN_SYMBOL, form.symbol)
        if is_char(form.side, c"1") or is_char(form.side, c"2"):
            terms.side = SIDE_BUY if form.side.at[0] == c"1" else SIDE_SELL
        else:
            return refuse(CODE_UNSUPPORTED_SIDE, form.side)
        if form.msg_type == c"F":
            return fine()
        refusal = self.check_kind(form, terms)
        if refusal.code == CODE_OK:
            refusal = self.check_numbers(form, terms)
        if refusal.code == CODE_OK and form.msg_type == c"D":
            refusal = self.check_new(form, account, terms)
        return refusal

    cdef Refusal check_new(self, const Form *form, uint32_t account, Terms *terms) noexcept nogil:
        """What only a new order can be refused for."""
        if self.refused.has(account, terms.cl_ord_id):
            return refuse(CODE_DUPLICATE_CLIENT_ID, form.cl_ord_id)
        if self.hopeless(account, terms):
            return refuse(CODE_NO_CHANCE_OF_BALANCE, form.quantity)
        return fine()

    cdef Refusal check_ids(self, const Form *form, Terms *terms) noexcept nogil:
        cdef Refusal refusal = copy_id(form.cl_ord_id, terms.cl_ord_id)
        if refusal.code == CODE_OK and form.msg_type != c"D":
            refusal = copy_id(form.orig_cl_ord_id, terms.orig_cl_ord_id)
        return refusal

    cdef Refusal check_kind(self, const Form *form, Terms *terms) noexcept nogil:
        """OrdType and TimeInForce. Without TimeInForce a limit order is GTC and a market order IOC."""
        if is_char(form.ord_type, c"2"):
            terms.ord_type = ORD_TYPE_LIMIT
            terms.time_in_force = TIF_GTC
        elif is_char(form.ord_type, c"1") and form.msg_type == c"D":
            terms.ord_type = ORD_TYPE_MARKET
            terms.time_in_force = TIF_IOC
        else:
            return refuse(CODE_UNSUPPORTED_ORDER_TYPE, form.ord_type)
        if form.time_in_force.at == NULL:
            return fine()
        if is_char(form.time_in_force, c"3"):
            terms.time_in_force = TIF_IOC
        elif not is_char(form.time_in_force, c"1") or terms.ord_type == ORD_TYPE_MARKET:
            return refuse(CODE_UNSUPPORTED_TIME_IN_FORCE, form.time_in_force)
        return fine()

    cdef Refusal check_numbers(self, const Form *form, Terms *terms) noexcept nogil:
        """Price and OrderQty, and that neither side's amount can leave 63 bits."""
        cdef const Listed *listed = terms.listed
        cdef int128 amount
        cdef Refusal refusal
        if terms.ord_type == ORD_TYPE_LIMIT:
            if form.price.at == NULL:
                return refuse(CODE_PRICE_MISSING, form.price)
            refusal = read_steps(form.price, &listed.price, True, &terms.price_ticks)
            if refusal.code != CODE_OK:
                return refusal
        elif form.price.at != NULL:
            return refuse(CODE_PRICE_NOT_ALLOWED, form.price)
        refusal = read_steps(form.quantity, &listed.quantity, False, &terms.quantity_lots)
        if refusal.code != CODE_OK:
            return refusal
        if <int128> terms.quantity_lots * listed.lot_units > INT64_MAX:
            return refuse(CODE_NUMBER_TOO_LARGE, form.quantity)
        # The first product fits 126 bits; the second factor is only applied where the whole cannot overflow.
        amount = <int128> terms.price_ticks * terms.quantity_lots
        if amount > INT64_MAX or amount * listed.unit_value > INT64_MAX:
            return refuse(CODE_NOTIONAL_OVERFLOW, form.quantity)
        return fine()

    cdef bint hopeless(self, uint32_t account, const Terms *terms) noexcept nogil:
        """Whether the account's free balance is known not to cover the order, by a board that lags behind nobody."""
        cdef BalancePayload balance
        cdef uint32_t asset = terms.listed.base_asset
        cdef int64_t need = terms.quantity_lots * terms.listed.lot_units
        if terms.side == SIDE_BUY:
            if terms.ord_type == ORD_TYPE_MARKET:
                return False
            asset = terms.listed.quote_asset
            need = terms.price_ticks * terms.quantity_lots * terms.listed.unit_value
        if not self.board.read_balance(account, asset, &balance) or balance.free >= need:
            return False
        # Asked before the balance is read again: what was settled by then is in what is read (rule 12).
        return self.settled() and self.board.read_balance(account, asset, &balance) and balance.free < need

    cdef bint settled(self) noexcept nogil:
        """Whether the ledger has settled every event that any gateway has released."""
        cdef int matcher
        for matcher in range(1, MAX_MATCHERS + 1):
            if self.board.load(WORD_SETTLED + matcher - 1) < self.board.highest_released(matcher):
                return False
        return True
