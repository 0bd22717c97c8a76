"""Reads a FIX message as an order request; the checks refuse what is malformed.

It knows FIX's tags and how their values are written.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcmp, memset

from lockstep.core.intake.order_request cimport (
    AMOUNTS, FIELD_BUDGET, FIELD_CL_ORD_ID, FIELD_DISPLAY, FIELD_EXPIRE_DATE, FIELD_EXPIRE_TIME, FIELD_KIND,
    FIELD_LIST_SIZE, FIELD_MINIMUM, FIELD_NONE, FIELD_ORD_TYPE, FIELD_ORIG_CL_ORD_ID, FIELD_POST_ONLY, FIELD_PRICE,
    FIELD_QUANTITY, FIELD_SELF_TRADE, FIELD_SIDE, FIELD_SLIDE, FIELD_STOP_PRICE, FIELD_SYMBOL, FIELD_TIME_IN_FORCE,
    FIELD_TRAIL, FIELD_TRANSACT_TIME, NOT_OURS, OrderField, OrderRequest, Refusal, begin, has, put_amount, put_id,
    put_orig_id, put_symbol,
)
from lockstep.core.intake.utc cimport parse_date, parse_utc
from lockstep.core.schema.records cimport (
    CMD_CANCEL, CMD_MASS_CANCEL, CMD_NEW_ORDER, CMD_REPLACE, ORD_TYPE_STOP_LIMIT, ORD_TYPE_TRAILING_STOP,
    ORDER_FLAG_POSS_RESEND, ORDER_FLAG_POST_ONLY, ORDER_FLAG_SLIDE, STP_CANCEL_BOTH, STP_CANCEL_NEWEST,
    STP_CANCEL_OLDEST, STP_DECREMENT, STP_NONE,
)
from lockstep.procs.gateway.fix.message cimport Message

cdef enum:
    MAX_TAG = 9479
    DAY_NS = 86_400_000_000_000

# The value that a tag has. SelfMatchPreventionInstruction's 100 and 101, and tag 9479, are our own.
cdef uint8_t[MAX_TAG + 1] FIELDS
memset(FIELDS, FIELD_NONE, sizeof(FIELDS))
for tag, field in (
    (11, FIELD_CL_ORD_ID), (18, FIELD_POST_ONLY), (38, FIELD_QUANTITY), (40, FIELD_ORD_TYPE),
    (41, FIELD_ORIG_CL_ORD_ID), (44, FIELD_PRICE), (54, FIELD_SIDE), (55, FIELD_SYMBOL), (59, FIELD_TIME_IN_FORCE),
    (60, FIELD_TRANSACT_TIME),
    (68, FIELD_LIST_SIZE), (99, FIELD_STOP_PRICE), (110, FIELD_MINIMUM), (111, FIELD_DISPLAY), (126, FIELD_EXPIRE_TIME),
    (152, FIELD_BUDGET), (211, FIELD_TRAIL), (432, FIELD_EXPIRE_DATE), (530, FIELD_KIND), (1138, FIELD_DISPLAY),
    (1385, FIELD_KIND), (2964, FIELD_SELF_TRADE), (9479, FIELD_SLIDE),
):
    FIELDS[tag] = field


cdef void read_request(Message message, OrderRequest *request) noexcept nogil:
    """Read a D, F, G, H or q."""
    cdef int command = CMD_NEW_ORDER
    if message.msg_type == c"F":
        command = CMD_CANCEL
    elif message.msg_type == c"G":
        command = CMD_REPLACE
    elif message.msg_type == c"q":
        command = CMD_MASS_CANCEL
    read_fields(message, 0, message.count, command, request)


cdef uint32_t read_list(Message message, OrderRequest *requests) noexcept nogil:
    """Read the first two entries of a list (E), which begin with a ClOrdID; how many it has."""
    cdef uint32_t count = 0
    cdef uint32_t start = next_entry(message, 0)
    cdef uint32_t end
    while start < message.count:
        end = next_entry(message, start + 1)
        if count < LIST_ORDERS:
            read_fields(message, start, end, CMD_NEW_ORDER, &requests[count])
        count += 1
        start = end
    return count


cdef uint32_t next_entry(Message message, uint32_t start) noexcept nogil:
    while start < message.count and message.fields[start].tag != 11:
        start += 1
    return start


cdef inline OrderField field_at(Message message, uint32_t i) noexcept nogil:
    cdef uint32_t tag = message.fields[i].tag
    return <OrderField> FIELDS[tag] if tag <= MAX_TAG else FIELD_NONE


cdef void read_fields(
    Message message, uint32_t start, uint32_t end, int command, OrderRequest *request
) noexcept nogil:
    """Read the order that these fields are of. As in FIX, one without TimeInForce is a DAY order."""
    cdef uint32_t i
    cdef OrderField field
    begin(request, command)
    request.order.msg_seq_num = message.msg_seq_num
    if message.poss_resend:
        request.order.flags = ORDER_FLAG_POSS_RESEND
    for i in range(start, end):
        field = field_at(message, i)
        if field < AMOUNTS:
            put_amount(request, field, message.value(i), message.fields[i].length)
        elif field == FIELD_CL_ORD_ID:
            put_id(request, message.value(i), message.fields[i].length)
        elif field == FIELD_ORIG_CL_ORD_ID:
            put_orig_id(request, message.value(i), message.fields[i].length)
        elif field == FIELD_SYMBOL:
            put_symbol(request, message.value(i), message.fields[i].length)
        elif field != FIELD_NONE:
            request.sent |= 1 << field
            read_value(request, field, text_of(message, i))
    if request.order.ord_type == ORD_TYPE_TRAILING_STOP and not trails(message, start, end):
        request.order.ord_type = 0


cdef void read_value(OrderRequest *request, OrderField field, Text text) noexcept nogil:
    """A value that is neither an amount nor a name."""
    if field == FIELD_SIDE:
        request.order.side = digit_of(text)
    elif field == FIELD_ORD_TYPE:
        request.order.ord_type = ord_type_of(text)
    elif field == FIELD_TIME_IN_FORCE:
        request.order.time_in_force = digit_of(text)
    elif field == FIELD_TRANSACT_TIME:
        if request.order.flags & ORDER_FLAG_POSS_RESEND:
            request.more.transact_ns = max(parse_utc(text.at, text.size), <int64_t> 0)
    elif field == FIELD_EXPIRE_TIME:
        request.more.expire_ns = parse_utc(text.at, text.size)
    elif field == FIELD_EXPIRE_DATE:
        if not has(request, FIELD_EXPIRE_TIME):
            request.more.expire_ns = end_of(parse_date(text.at, text.size))
    elif field == FIELD_POST_ONLY:
        if has_char(text, c"6"):
            request.order.flags |= ORDER_FLAG_POST_ONLY
    elif field == FIELD_SLIDE:
        if is_char(text, c"P"):
            request.order.flags |= ORDER_FLAG_SLIDE
    elif field == FIELD_SELF_TRADE:
        request.order.stp = self_trade_of(text)


cdef int ord_type_of(Text text) noexcept nogil:
    """OrdType: FIX's P may be a trailing stop; 5 has another meaning there."""
    cdef int digit = digit_of(text)
    if is_char(text, c"P"):
        return ORD_TYPE_TRAILING_STOP
    return digit if digit <= ORD_TYPE_STOP_LIMIT else 0


cdef bint trails(Message message, uint32_t start, uint32_t end) noexcept nogil:
    """Whether a pegged order is a trailing stop: ExecInst a, and an offset that is a price (PegOffsetType 0)."""
    cdef bint found = False
    cdef uint32_t i
    for i in range(start, end):
        if message.fields[i].tag == 18:
            found = has_char(text_of(message, i), c"a")
        elif message.fields[i].tag == 836 and not is_char(text_of(message, i), c"0"):
            return False
    return found


cdef int self_trade_of(Text text) noexcept nogil:
    if is_char(text, c"1"):
        return STP_CANCEL_NEWEST
    if is_char(text, c"2"):
        return STP_CANCEL_OLDEST
    if is_char(text, c"3"):
        return STP_CANCEL_BOTH
    if text.size == 3 and memcmp(text.at, b"100", 3) == 0:
        return STP_NONE
    return STP_DECREMENT if text.size == 3 and memcmp(text.at, b"101", 3) == 0 else NOT_OURS


cdef int64_t end_of(int64_t midnight_ns) noexcept nogil:
    """The midnight that ends a date."""
    return midnight_ns + DAY_NS if midnight_ns >= 0 else -1


cdef int digit_of(Text text) noexcept nogil:
    """FIX's characters for sides, types, times and kinds are our enums' numbers; NOT_OURS for anything but a digit."""
    return text.at[0] - c"0" if text.size == 1 and c"0" <= text.at[0] <= c"9" else NOT_OURS


cdef inline bint is_char(Text text, char wanted) noexcept nogil:
    return text.size == 1 and text.at[0] == wanted


cdef bint has_char(Text text, char wanted) noexcept nogil:
    """Whether one of the characters of a MultipleValueString, which spaces part, is `wanted`."""
    cdef size_t i
    for i in range(text.size):
        if text.at[i] == wanted and (i == 0 or text.at[i - 1] == c" ") and (
            i + 1 == text.size or text.at[i + 1] == c" "
        ):
            return True
    return False


cdef Text sent_of(Message message, const Refusal *refusal) noexcept nogil:
    """The value that a refusal is about."""
    cdef Text text
    cdef uint32_t start = 0
    cdef uint32_t end = message.count
    cdef uint32_t i
    cdef int _
    text.at = NULL
    text.size = 0
    if message.msg_type == c"E" and refusal.field < FIELD_KIND:
        start = next_entry(message, 0)
        for _ in range(refusal.leg):
            start = next_entry(message, start + 1)
        end = next_entry(message, start + 1)
    for i in range(start, end):
        if refusal.field != FIELD_NONE and field_at(message, i) == refusal.field:
            text = text_of(message, i)
    return text


cdef inline Text text_of(Message message, uint32_t i) noexcept nogil:
    cdef Text text
    text.at = message.value(i)
    text.size = message.fields[i].length
    return text


cdef Text field_of(Message message, uint32_t tag) noexcept nogil:
    """The value of the first field with this tag."""
    cdef Text text
    cdef int index = message.find(tag)
    if index >= 0:
        return text_of(message, index)
    text.at = NULL
    text.size = 0
    return text
