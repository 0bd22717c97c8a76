"""The one table of what a refusal says to its sender, whatever the protocol: what is wrong, what to do, FIX's reasons.

It is complete over `schema.records.Code`, which is checked when it is loaded; it never decides that something is
refused. docs/protocols/codes.md shows it to people, and a test holds the two together.
"""

from collections import namedtuple

from libc.string cimport memcpy

from lockstep.core.schema.decimals cimport SHORT_ROOM, Grid, put_shortest
from lockstep.core.schema.records cimport CODE_UNKNOWN_INSTRUMENT, CODE_UNKNOWN_SYMBOL, CODE_UNSUPPORTED_MASS_CANCEL

from lockstep.core.schema.records import Code

cdef enum:
    SENT_SHOWN = 40                  # bytes of what was sent that the answer repeats
    STEP_SHOWN = 40                  # ", in steps of " and a number of at most 19 digits, with its point

OTHER = (99, 0)
UNKNOWN_SYMBOL = (1, 1)
LIMIT = (3, 3)
CLOSED = (2, 2)
UNSUPPORTED = (11, 0)
WRONG_QUANTITY = (13, 0)
CXL_OTHER = (99, 2)
# `fix`: the tags that it is about. `order` and `cancel`: OrdRejReason (103) and CxlRejReason (102) in FIX.4.4, and in
# 4.2, which has fewer of them (0 and 2 are "broker's option" there).
Row = namedtuple("Row", "meaning remedy fix order cancel", defaults=("", OTHER, CXL_OTHER))

TABLE = {
    Code.UNKNOWN_SYMBOL: Row("the symbol is not listed on this venue", "use a listed one", "55", UNKNOWN_SYMBOL),
    Code.PRICE_OFF_TICK: Row(
        "the price is not a whole number of ticks", "round it to the instrument's tick", "44, 99, 211"),
    Code.QUANTITY_OFF_LOT: Row(
        "the quantity is not a whole number of lots", "round it to the instrument's lot", "38, 110, 111, 1138",
        WRONG_QUANTITY),
    Code.PRICE_NOT_POSITIVE: Row("the price is zero or negative", "send one above zero", "44"),
    Code.QUANTITY_NOT_POSITIVE: Row(
        "the quantity is missing, zero or negative", "send one above zero", "38, 152", WRONG_QUANTITY),
    Code.TOO_MANY_DECIMALS: Row(
        "a number has more decimals than its asset", "shorten it", "38, 44, 99, 110, 111, 152, 211, 1138"),
    Code.NUMBER_TOO_LARGE: Row(
        "a number is beyond what this venue can hold", "send a smaller one", "38, 44, 99, 110, 111, 152, 211, 1138"),
    Code.UNSUPPORTED_ORDER_TYPE: Row(
        "the order type is none of market, limit, stop, stop limit and trailing stop, or not one that can be replaced",
        "send one of these", "40, 18, 836", UNSUPPORTED),
    Code.UNSUPPORTED_TIME_IN_FORCE: Row(
        "the time in force is none of day, good till cancel, at the opening, immediate or cancel, fill or kill, good "
        "till date and at the close", "send one of these", "59", UNSUPPORTED),
    Code.UNSUPPORTED_SIDE: Row("the side is neither buy nor sell", "send one of these", "54", UNSUPPORTED),
    Code.CLIENT_ID_TOO_LONG: Row("a client order id is longer than 36 bytes", "shorten it", "11, 41"),
    Code.NOTIONAL_OVERFLOW: Row(
        "price times quantity is beyond what this venue can hold", "send a smaller order", "38, 44", LIMIT),
    Code.PRICE_MISSING: Row("a limit or stop limit order has no price", "send one", "44"),
    Code.PRICE_NOT_ALLOWED: Row(
        "a market, stop or trailing stop order has no price of its own", "leave it out or send a limit order", "44"),
    Code.NO_CHANCE_OF_BALANCE: Row(
        "the account's free balance does not cover the order",
        "deposit, cancel or send less, under a new client order id", "38", LIMIT),
    Code.NOT_A_NUMBER: Row(
        "a price or quantity is not a decimal number", "send digits with at most one point",
        "38, 44, 99, 110, 111, 152, 211, 1138"),
    Code.VENUE_BUSY: Row("the venue cannot take commands now and has not taken this one", "send it again later"),
    Code.CLIENT_ID_EMPTY: Row("a client order id is empty", "send one", "11, 41"),
    Code.STOP_PRICE_MISSING: Row("a stop or stop limit order has no stop price", "send one", "99"),
    Code.STOP_PRICE_NOT_ALLOWED: Row(
        "only a stop or stop limit order has a stop price", "leave it out or send a stop order", "99"),
    Code.TRAIL_MISSING: Row("a trailing stop has no distance", "send one", "211"),
    Code.TRAIL_NOT_ALLOWED: Row("only a trailing stop has a distance", "leave it out or send a trailing stop", "211"),
    Code.DISPLAY_NOT_ALLOWED: Row(
        "only a limit or stop limit order that may rest (day, good till cancel or date) has a display quantity",
        "leave it out", "111, 1138", UNSUPPORTED),
    Code.DISPLAY_TOO_LARGE: Row(
        "the display quantity is greater than the order's open quantity", "send less, or leave it out", "111, 1138",
        WRONG_QUANTITY),
    Code.MINIMUM_NOT_ALLOWED: Row(
        "no minimum quantity goes with this type or time in force, with post-only or with a budget", "leave it out",
        "110", UNSUPPORTED),
    Code.MINIMUM_TOO_LARGE: Row(
        "the minimum quantity is greater than the order's quantity", "send less, or leave it out", "110",
        WRONG_QUANTITY),
    Code.EXPIRE_TIME_MISSING: Row("a good till date order has no moment of expiry", "send one", "126, 432"),
    Code.EXPIRE_TIME_NOT_ALLOWED: Row(
        "only a good till date order has a moment of expiry", "leave it out or change the time in force", "126, 432"),
    Code.EXPIRE_TIME_MALFORMED: Row("the moment of expiry is no date or time of before 2262", "send one", "126, 432"),
    Code.POST_ONLY_NOT_ALLOWED: Row(
        "only a stop, or a limit order that may rest (day, good till cancel or date), can be post-only", "leave it out",
        "18", UNSUPPORTED),
    Code.SLIDE_WITHOUT_POST_ONLY: Row("only a post-only limit order slides", "leave it out or add post-only", "9479"),
    Code.BUDGET_NOT_ALLOWED: Row(
        "only a market order that is day, good till cancel or immediate or cancel, and in no list, can have a budget",
        "send a quantity", "152", UNSUPPORTED),
    Code.BUDGET_AND_QUANTITY: Row("an order has either a quantity or a budget", "leave out one of them", "38, 152"),
    Code.TIME_IN_FORCE_NOT_ALLOWED: Row(
        "this type of order cannot have this time in force", "send day, good till cancel or, if priced, date", "59",
        UNSUPPORTED),
    Code.UNSUPPORTED_SELF_TRADE: Row("the self-trade mode is none of this venue's", "send one of these", "2964"),
    Code.TERM_NEGATIVE: Row(
        "a stop price, distance, display or minimum quantity is zero or negative", "leave it out or send more",
        "99, 110, 111, 211, 1138"),
    Code.LIST_NOT_TWO: Row("a list is of exactly two orders", "send two", "68, 73"),
    Code.UNSUPPORTED_LIST: Row(
        "the list is neither one-cancels-the-other nor one-triggers-the-other", "say which", "1385", UNSUPPORTED),
    Code.LIST_SYMBOLS_DIFFER: Row("both orders of a list are of one instrument", "use one symbol", "55"),
    Code.LIST_SIDES_DIFFER: Row("both orders of a one-cancels-the-other list are of one side", "use one side", "54"),
    Code.LIST_QUANTITIES_DIFFER: Row(
        "both orders of a one-cancels-the-other list are of one quantity", "use one quantity", "38"),
    Code.LIST_TYPES_NOT_ALLOWED: Row(
        "the first order of a list is a limit order that may rest; with it goes a stop where one cancels the other, "
        "any that may rest, or IOC, without a budget where one triggers the other", "change the types", "40, 59, 152",
        UNSUPPORTED),
    Code.LIST_IDS_EQUAL: Row("both orders of a list have the same client order id", "send two", "11"),
    Code.UNSUPPORTED_MASS_CANCEL: Row(
        "a mass cancel is of one symbol or of all orders, with or without a side", "send one of these", "530, 55, 54"),
    Code.DUPLICATE_CLIENT_ID: Row(
        "the client order id has been used before by this account", "send a new one", "11", (6, 6), (6, 2)),
    Code.UNKNOWN_ORDER: Row("no open order of this account has this id", "check the id", "41, 11", (5, 5), (1, 1)),
    Code.INSUFFICIENT_BALANCE: Row(
        "the account's free balance does not cover the order", "deposit, cancel or send less", "38", LIMIT),
    Code.UNKNOWN_ACCOUNT: Row("the account is not defined", "ask the venue's operator", "", (15, 0)),
    Code.UNKNOWN_INSTRUMENT: Row("the instrument is not listed", "use a listed symbol", "55", UNKNOWN_SYMBOL),
    Code.NO_REFERENCE_PRICE: Row(
        "nothing has traded yet, so an order without a price has no collar", "send a limit order", "40"),
    Code.TOO_OLD: Row(
        "the message waited too long before it reached the router", "send it again under a new client order id", "",
        (4, 4), (0, 0)),
    Code.BALANCE_OVERFLOW: Row("a balance would become larger than this venue can hold", "send a smaller order"),
    Code.SYMBOL_MISMATCH: Row("the symbol is not that of the order named", "send the order's own", "55"),
    Code.INVALID_DEFINITION: Row("the definition contradicts what is listed", "ask the venue's operator"),
    Code.SIDE_MISMATCH: Row("the side is not that of the order named", "send the order's own", "54"),
    Code.LIMIT_REACHED: Row("the venue or the account holds as many orders as it may", "cancel some first", "", LIMIT),
    Code.KILL_SWITCH: Row(
        "the account's or the session's kill switch is on", "cancel what is open; an operator takes it off"),
    Code.ORDER_RATE: Row(
        "the account has sent as many orders as it may in its window of time", "wait, then send it again under a new "
        "client order id", "", LIMIT),
    Code.TOO_MANY_OPEN_ORDERS: Row("the account has as many open orders as it may", "cancel some first", "", LIMIT),
    Code.POSITION_LIMIT: Row(
        "the order could take the account above its most of the asset", "send less, or cancel buys", "38", LIMIT),
    Code.QUANTITY_TOO_LARGE: Row("the quantity is above the instrument's most for an order", "send less", "38", LIMIT),
    Code.VALUE_TOO_LARGE: Row(
        "price times quantity is above the instrument's most for an order", "send less", "38, 44, 152", LIMIT),
    Code.EXPIRE_TIME_PASSED: Row("the moment of expiry has passed", "send a later one", "126, 432"),
    Code.LIST_ORDER_FIXED: Row(
        "an order of a list cannot be replaced while both are open", "cancel it and send a new list", "41"),
    Code.NOT_AN_OPERATOR: Row("only an operator may ask for this", "ask the venue's operator"),
    Code.UNKNOWN_PROPOSAL: Row("no such proposal waits for approval", "check its number"),
    Code.SAME_OPERATOR: Row("who proposes does not approve", "have another operator approve it"),
    Code.WOULD_LEAVE_SHORT: Row("a balance would become negative", "send less, or free the balance first"),
    Code.DELISTED: Row("the instrument is no longer traded, for ever", "use another", "55", UNKNOWN_SYMBOL),
    Code.ALREADY_CORRECTED: Row("the trade has been undone or corrected before", "nothing is left to do"),
    Code.TERMS_MISSING: Row("the order came without terms that it says it has", "report it: it is a client's fault"),
    Code.JOURNAL_FULL: Row(
        "the disk that the journal is on is full: cancels are taken, orders are not",
        "send it again later, under a new client order id"),
    Code.RESENT_TOO_LATE: Row(
        "whether it came before is no longer known, and it may have", "ask for your orders, then send it as a new one",
        "60"),
    Code.KEY_UNKNOWN: Row("the account has no API key of this name or number", "check the key; a new one can be made"),
    Code.KEY_REVOKED: Row("the API key was revoked", "sign with another key"),
    Code.KEY_EXPIRED: Row("the API key has expired", "sign with another key"),
    Code.KEY_SCOPE: Row(
        "the API key may not be used for this", "sign with a key that has the scope, or log in where no key will do"),
    Code.NAME_USED: Row("the name has been given before, and is used once", "choose another"),
    Code.TOO_MANY_KEYS: Row("the account or the venue has as many API keys as it may", "revoke some first", "", LIMIT),
    Code.ROLE_NOT_ALLOWED: Row("the account's role does not allow this", "ask an admin of the venue"),
    Code.REGISTRATION_CLOSED: Row("the venue takes no registrations", "ask the venue's operator"),
    Code.FACTOR_UNKNOWN: Row(
        "the account has no second factor, or no recovery code of this number", "use the password alone"),
    Code.FACTOR_USED: Row(
        "this one-time code, a later one or this recovery code was used before", "wait for the next code"),
    Code.ALREADY_WELCOMED: Row(
        "the account has had the asset before, or more is asked for than is given", "nothing is left to do"),
    Code.UNKNOWN_WITHDRAWAL: Row(
        "no such withdrawal waits, or it is another account's", "check its number; one that was paid is done"),
    Code.WITHDRAWAL_STATE: Row(
        "the withdrawal is not at this step: two operators approve it before it is paid, and none cancels it then",
        "look at its state"),
    Code.OWN_WITHDRAWAL: Row("an operator decides nothing of his own withdrawal", "have another operator do it"),
    Code.TOO_MANY_WITHDRAWALS: Row(
        "as many withdrawals of the account or the venue wait as may", "wait until some are paid, or cancel some",
        "", LIMIT),
    Code.DESTINATION_MISSING: Row(
        "the withdrawal does not say where to, in 1 to 72 printable ASCII characters", "say where to"),
    Code.RESET_NEEDED: Row("nobody alone gives another account a new password", "have two operators reset it"),
    Code.RESET_UNKNOWN: Row(
        "no approved reset of the account's password has this code, or its day is over",
        "ask two operators for another one"),
    Code.SECOND_NEEDED: Row(
        "nothing has changed: the command is a proposal now, which another operator or admin has to approve",
        "have another one approve it by its number"),
    Code.NO_SECOND: Row(
        "the command takes two, and the venue has no other operator (for roles, limits and registration: admin) who "
        "could approve it", "define a second one in the configuration, and start again"),
    Code.OWN_ACCOUNT: Row("operators don't set the fees of their own account", "have another operator do it"),
    Code.SESSION_ENDED: Row(
        "the session logged on before the account's password or role changed, or an operator blocked it",
        "log on again, then send it again"),
    Code.VALID_UNTIL_PASSED: Row(
        "the order reached the router after the time that its sender allowed",
        "look at the market, then send a new one"),
    Code.ORDER_CLOSED: Row(
        "the order is already filled, cancelled or expired", "nothing of it is open", "41", OTHER, (0, 0)),
    Code.QUANTITY_BELOW_FILLED: Row(
        "the quantity is not above what is filled already", "send more, or cancel the rest", "38", WRONG_QUANTITY),
    Code.WOULD_TAKE: Row(
        "a post-only order would trade at once, or a post-only stop trigger", "send another price, or let it slide",
        "44, 18"),
    Code.PRICE_OUTSIDE_BAND: Row("the price is outside the static price band", "send one inside", "44", LIMIT),
    Code.NOT_IN_THIS_PHASE: Row(
        "the instrument's phase does not take such an order", "send a limit order that may rest, or wait", "40, 59, 18",
        CLOSED),
    Code.MARKET_CLOSED: Row("the instrument is closed", "wait until it opens", "55", CLOSED),
    Code.HALTED: Row("the instrument is halted", "wait until it goes on", "55", CLOSED),
    Code.CANCEL_ONLY: Row("the instrument takes cancels only", "wait until it goes on", "55", CLOSED),
    Code.TOO_MANY_TRAILING: Row(
        "as many trailing stops wait in the instrument as may", "send a stop, or wait", "40", LIMIT),
    Code.TERMS_NOT_ALLOWED: Row(
        "the replace names a term that the order does not have, or a stop that has triggered",
        "leave the term out", "99, 111, 126, 211, 432, 1138"),
    Code.VOIDED: Row(
        "the operator took the request out: the venue could not carry it out",
        "ask the operator before sending it again"),
}
assert set(TABLE) == set(Code) - {Code.OK}, "every code has a row"
assert max(TABLE) < MAX_CODE

cdef struct Explanation:
    char text[EXPLANATION_SIZE]
    size_t size
    int ord_reason[2]
    int cxl_reason[2]

cdef Explanation[MAX_CODE] EXPLANATIONS


def _fill() -> None:
    for code, row in TABLE.items():
        text = f"{code.name}: {row.meaning}; {row.remedy}".encode()
        assert len(text) + SENT_SHOWN + STEP_SHOWN + len(" (sent )") < EXPLANATION_SIZE
        memcpy(EXPLANATIONS[code].text, <const char *> text, len(text))
        EXPLANATIONS[code].size = len(text)
        for version in range(2):
            EXPLANATIONS[code].ord_reason[version] = row.order[version]
            EXPLANATIONS[code].cxl_reason[version] = row.cancel[version]


_fill()


cdef size_t explain(int code, const char *sent, size_t size, const Grid *grid, char *out) noexcept nogil:
    """Write the code's Text to `out` (EXPLANATION_SIZE bytes), with what was sent where `size` is not 0, and the steps
    that it should have kept to where `grid` is not NULL and has any."""
    cdef size_t length = EXPLANATIONS[code].size
    cdef size_t i
    memcpy(out, EXPLANATIONS[code].text, length)
    if size:
        memcpy(out + length, b" (sent ", 7)
        length += 7
        for i in range(size if size < SENT_SHOWN else SENT_SHOWN):
            # What came in may be anything: only printable ASCII goes back.
            out[length] = sent[i] if 32 <= sent[i] < 127 else c"?"
            length += 1
        if grid != NULL and grid.step:
            length += put_step(out + length, grid)
        out[length] = c")"
        length += 1
    return length


cdef size_t put_step(char *out, const Grid *grid) noexcept nogil:
    """`, in steps of 0.01`: at most STEP_SHOWN bytes."""
    cdef char step[SHORT_ROOM]
    cdef size_t size = put_shortest(step, grid.step, grid.scale) - step
    memcpy(out, b", in steps of ", 14)
    memcpy(out + 14, step, size)
    return 14 + size


cdef int ord_rej_reason(int code, bint fix42) noexcept nogil:
    return EXPLANATIONS[code].ord_reason[fix42]


cdef int cxl_rej_reason(int code, bint fix42) noexcept nogil:
    return EXPLANATIONS[code].cxl_reason[fix42]


cdef int mass_rej_reason(int code) noexcept nogil:
    """MassCancelRejectReason (532): not supported, unknown security, or other."""
    if code == CODE_UNSUPPORTED_MASS_CANCEL:
        return 0
    return 1 if code == CODE_UNKNOWN_SYMBOL or code == CODE_UNKNOWN_INSTRUMENT else 99


def text_of(int code, bytes sent=b"", tuple step=(0, 0)) -> str:
    """`explain`, for Python callers; `step` is (mantissa, scale)."""
    cdef char out[EXPLANATION_SIZE]
    cdef Grid grid
    grid.step, grid.scale = step
    return out[:explain(code, sent, len(sent), &grid, out)].decode()
