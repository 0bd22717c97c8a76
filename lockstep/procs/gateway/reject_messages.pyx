"""Writes the gateway's own answers: what it refuses, and what it does not know.

Fields go back as they came; no event is behind these answers (`reports` has those). It keeps nothing.
"""

from libc.stdint cimport int64_t, uint32_t

from lockstep.core.intake.codes cimport EXPLANATION_SIZE, cxl_rej_reason, explain, mass_rej_reason, ord_rej_reason
from lockstep.core.intake.order_request cimport Refusal
from lockstep.core.intake.orders cimport STATUS_REJECTED
from lockstep.core.schema.records cimport CODE_UNKNOWN_ORDER
from lockstep.procs.gateway.fix.encode cimport MILLIS, Outbox
from lockstep.procs.gateway.fix.message cimport Message
from lockstep.procs.gateway.order_message cimport Text, field_of, sent_of
from lockstep.procs.gateway.reports cimport add_explanation, add_kind, add_nothing_done, add_target

cdef enum:
    LIST_RESPONSE = 50               # ListStatusType (429) = 2
    LIST_REJECT = 55                 # ListOrderStatus (431) = 7
    MOST_ENTRIES = 2                 # of too long a list too: the answer must fit a message
    REPEATED_TAGS = 9

cdef const char *UNKNOWN_ID = b"NONE"
cdef uint32_t[REPEATED_TAGS] REPEATED = [55, 54, 38, 40, 44, 59, 152, 99, 211]  # of a new order that is refused


cdef int repeat(Outbox out, Message message, uint32_t tag) except -1 nogil:
    """Repeat a field as it came, if it did."""
    cdef Text text = field_of(message, tag)
    return out.add_bytes(tag, text.at, text.size) if text.size else 0


cdef int explain_to(Outbox out, Message message, const Refusal *refusal) except -1 nogil:
    """Text (58): what is wrong, and what was sent."""
    cdef Text sent = sent_of(message, refusal)
    return add_explanation(out, refusal.code, sent.at, sent.size, &refusal.grid)


cdef int order_refused(
    Outbox out, Message message, const Refusal *refusal, const ExecId *exec_id, int64_t utc_ns
) except -1 nogil:
    """A new order: ExecutionReport."""
    cdef uint32_t i
    out.add_bytes(37, UNKNOWN_ID, 4)
    repeat(out, message, 11)
    add_kind(out, exec_id, c"8", STATUS_REJECTED)
    out.add_int(103, ord_rej_reason(refusal.code, out.version == 42))
    for i in range(REPEATED_TAGS):
        repeat(out, message, REPEATED[i])
    add_nothing_done(out)
    out.add_utc(60, utc_ns, MILLIS)
    return explain_to(out, message, refusal)


cdef int cancel_refused(
    Outbox out, const ClientOrder *order, Message message, const Refusal *refusal, int64_t utc_ns
) except -1 nogil:
    """A cancel or replace: OrderCancelReject; `order` is NULL if none is known."""
    add_target(out, order)
    repeat(out, message, 11)
    repeat(out, message, 41)
    out.add_char(434, c"2" if message.msg_type == c"G" else c"1")
    out.add_int(102, cxl_rej_reason(refusal.code, out.version == 42))
    out.add_utc(60, utc_ns, MILLIS)
    return explain_to(out, message, refusal)


cdef int list_refused(Outbox out, Message message, const Refusal *refusal, int64_t utc_ns) except -1 nogil:
    """A list: ListStatus, with an entry for each of its first two orders."""
    cdef char text[EXPLANATION_SIZE]
    cdef Text sent = sent_of(message, refusal)
    cdef size_t size = explain(refusal.code, sent.at, sent.size, &refusal.grid, text)
    cdef int entries = 0
    cdef int left
    cdef uint32_t i
    for i in range(message.count):
        entries += message.fields[i].tag == 11
    left = min(entries, MOST_ENTRIES)
    repeat(out, message, 66)
    out.add_char(429, LIST_RESPONSE)
    out.add_char(82, c"1")
    out.add_char(431, LIST_REJECT)
    out.add_char(83, c"1")
    out.add_bytes(444, text, size)
    out.add_utc(60, utc_ns, MILLIS)
    out.add_int(68, entries)
    if left:
        out.add_int(73, left)
    for i in range(message.count):
        if message.fields[i].tag == 11 and left:
            left -= 1
            out.add_bytes(11, message.value(i), message.fields[i].length)
            out.add_char(14, c"0")
            out.add_char(39, STATUS_REJECTED)
            out.add_char(151, c"0")
            out.add_char(84, c"0")
            out.add_char(6, c"0")
            out.add_int(103, ord_rej_reason(refusal.code, out.version == 42))
    return 0


cdef int mass_refused(Outbox out, Message message, const Refusal *refusal, int64_t utc_ns) except -1 nogil:
    """A mass cancel: OrderMassCancelReport."""
    out.add_bytes(37, UNKNOWN_ID, 4)
    repeat(out, message, 11)
    repeat(out, message, 530)
    out.add_char(531, c"0")
    out.add_int(532, mass_rej_reason(refusal.code))
    repeat(out, message, 55)
    repeat(out, message, 54)
    out.add_utc(60, utc_ns, MILLIS)
    return explain_to(out, message, refusal)


cdef int order_unknown(Outbox out, Message message, const ExecId *exec_id, int64_t utc_ns) except -1 nogil:
    """The status of an order that is unknown, or no longer known: ExecutionReport."""
    cdef Text id = field_of(message, 11)
    out.add_bytes(37, UNKNOWN_ID, 4)
    repeat(out, message, 11)
    add_kind(out, exec_id, c"8" if out.version == 42 else c"I", STATUS_REJECTED, c"3")
    out.add_int(103, ord_rej_reason(CODE_UNKNOWN_ORDER, out.version == 42))
    repeat(out, message, 55)
    repeat(out, message, 54)
    add_nothing_done(out)
    out.add_utc(60, utc_ns, MILLIS)
    return add_explanation(out, CODE_UNKNOWN_ORDER, id.at, id.size)
