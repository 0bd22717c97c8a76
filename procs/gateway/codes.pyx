"""What a reject code says in FIX: the Text (58) that a person reads, OrdRejReason (103) and CxlRejReason (102).

It is a table over `shm.records.Code`, checked to be complete when loaded; it never decides that something is refused.
"""

from libc.string cimport memcpy

from shm.records import Code

TEXTS: dict[Code, str] = {
    Code.UNKNOWN_SYMBOL: "Symbol (55) is not listed on this venue; use a listed one",
    Code.PRICE_OFF_TICK: "Price (44) is not a whole number of ticks; round it to the instrument's tick",
    Code.QUANTITY_OFF_LOT: "OrderQty (38) is not a whole number of lots; round it to the instrument's lot",
    Code.PRICE_NOT_POSITIVE: "Price (44) is zero or negative; send a price above zero",
    Code.QUANTITY_NOT_POSITIVE: "OrderQty (38) is zero or negative; send a quantity above zero",
    Code.TOO_MANY_DECIMALS: "Price (44) or OrderQty (38) has more decimals than its asset; shorten it",
    Code.NUMBER_TOO_LARGE: "Price (44) or OrderQty (38) is beyond what this venue can hold; send a smaller number",
    Code.UNSUPPORTED_ORDER_TYPE: "OrdType (40) is neither 1 (market) nor 2 (limit); send one of these",
    Code.UNSUPPORTED_TIME_IN_FORCE: "TimeInForce (59) is neither 1 (GTC) nor 3 (IOC), or GTC for a market order",
    Code.UNSUPPORTED_SIDE: "Side (54) is neither 1 (buy) nor 2 (sell); send one of these",
    Code.CLIENT_ID_TOO_LONG: "ClOrdID (11) or OrigClOrdID (41) is longer than 36 bytes; shorten it",
    Code.NOTIONAL_OVERFLOW: "Price (44) times OrderQty (38) is beyond what this venue can hold; send a smaller order",
    Code.PRICE_MISSING: "Price (44) is missing from a limit order; send one",
    Code.PRICE_NOT_ALLOWED: "Price (44) is not allowed in a market order; leave it out or send a limit order",
    Code.NO_CHANCE_OF_BALANCE: "the account's free balance does not cover the order; deposit, cancel or send less, "
    "under a new ClOrdID (11)",
    Code.NOT_A_NUMBER: "Price (44) or OrderQty (38) is not a decimal number; send digits with at most one point",
    Code.VENUE_BUSY: "the venue cannot take commands now and has not taken this one; send it again later",
    Code.CLIENT_ID_EMPTY: "ClOrdID (11) or OrigClOrdID (41) is empty; send an id",
    Code.DUPLICATE_CLIENT_ID: "ClOrdID (11) has been used before by this account; send a new one",
    Code.UNKNOWN_ORDER: "OrigClOrdID (41) names no open order of this account; check the id",
    Code.INSUFFICIENT_BALANCE: "the account's free balance does not cover the order; deposit, cancel or send less",
    Code.UNKNOWN_ACCOUNT: "the session's account is not defined; ask the venue's operator",
    Code.UNKNOWN_INSTRUMENT: "the instrument is not listed; use a listed Symbol (55)",
    Code.NO_REFERENCE_PRICE: "nothing has traded yet, so a market order has no collar; send a limit order",
    Code.TOO_OLD: "the message waited too long before it reached the router; send it again under a new ClOrdID (11)",
    Code.BALANCE_OVERFLOW: "a balance would become larger than this venue can hold; send a smaller order",
    Code.SYMBOL_MISMATCH: "Symbol (55) is not that of the order that OrigClOrdID (41) names; send the order's own",
    Code.INVALID_DEFINITION: "the definition contradicts what is listed; ask the venue's operator",
    Code.SIDE_MISMATCH: "Side (54) is not that of the order that OrigClOrdID (41) names; send the order's own",
    Code.LIMIT_REACHED: "the venue or the account holds as many orders as it may; cancel some first",
    Code.ORDER_CLOSED: "the order is already filled or cancelled; nothing of it is open",
    Code.QUANTITY_BELOW_FILLED: "OrderQty (38) is not above what is filled already; send more, or cancel the rest",
}
assert set(TEXTS) == set(Code) - {Code.OK}, "every code has a text"
assert max(TEXTS) < MAX_CODE

cdef enum:
    SENT_SHOWN = 40                  # bytes of what was sent that the answer repeats

# Values of FIX 4.4 and, behind it, of 4.2, which has fewer reasons (0 and 2 are "broker's option" there).
OTHER = (99, 0)
ORD_REASONS: dict[Code, tuple[int, int]] = {
    Code.UNKNOWN_SYMBOL: (1, 1),
    Code.UNKNOWN_INSTRUMENT: (1, 1),
    Code.QUANTITY_OFF_LOT: (13, 0),
    Code.QUANTITY_NOT_POSITIVE: (13, 0),
    Code.UNSUPPORTED_ORDER_TYPE: (11, 0),
    Code.UNSUPPORTED_TIME_IN_FORCE: (11, 0),
    Code.UNSUPPORTED_SIDE: (11, 0),
    Code.NO_CHANCE_OF_BALANCE: (3, 3),
    Code.INSUFFICIENT_BALANCE: (3, 3),
    Code.NOTIONAL_OVERFLOW: (3, 3),
    Code.LIMIT_REACHED: (3, 3),
    Code.DUPLICATE_CLIENT_ID: (6, 6),
    Code.UNKNOWN_ACCOUNT: (15, 0),
}
CXL_OTHER = (99, 2)
CXL_REASONS: dict[Code, tuple[int, int]] = {
    Code.ORDER_CLOSED: (0, 0),
    Code.UNKNOWN_ORDER: (1, 1),
    Code.DUPLICATE_CLIENT_ID: (6, 2),
}

cdef struct Explanation:
    char text[EXPLANATION_SIZE]
    size_t size
    int ord_reason[2]
    int cxl_reason[2]

cdef Explanation[MAX_CODE] EXPLANATIONS


def _fill() -> None:
    for code, words in TEXTS.items():
        text = f"{code.name}: {words}".encode()
        assert len(text) + SENT_SHOWN + len(" (sent )") < EXPLANATION_SIZE
        memcpy(EXPLANATIONS[code].text, <const char *> text, len(text))
        EXPLANATIONS[code].size = len(text)
        for version in range(2):
            EXPLANATIONS[code].ord_reason[version] = ORD_REASONS.get(code, OTHER)[version]
            EXPLANATIONS[code].cxl_reason[version] = CXL_REASONS.get(code, CXL_OTHER)[version]


_fill()


cdef size_t explain(int code, const char *sent, size_t size, char *out) noexcept nogil:
    """Write the code's Text, with what was sent where `size` is not 0, to `out` (EXPLANATION_SIZE bytes)."""
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
        out[length] = c")"
        length += 1
    return length


cdef int ord_rej_reason(int code, bint fix42) noexcept nogil:
    return EXPLANATIONS[code].ord_reason[fix42]


cdef int cxl_rej_reason(int code, bint fix42) noexcept nogil:
    return EXPLANATIONS[code].cxl_reason[fix42]


def text_of(int code, bytes sent=b"") -> str:
    """`explain`, for Python callers."""
    cdef char out[EXPLANATION_SIZE]
    return out[:explain(code, sent, len(sent), out)].decode()


def reasons_of(int code, *, bint fix42) -> tuple[int, int]:
    """(OrdRejReason, CxlRejReason) of a code."""
    return ord_rej_reason(code, fix42), cxl_rej_reason(code, fix42)
