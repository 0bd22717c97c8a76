"""Order entry: a parsed FIX message becomes records in the ingress ring, written in place.

It claims and fills slots and publishes a read's worth of them together; it never checks (`forms` does) or waits.
"""

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy, memset

from procs.gateway.fix.message cimport (
    AT_CL_ORD_ID,
    AT_ORD_TYPE,
    AT_ORDER_QTY,
    AT_ORIG_CL_ORD_ID,
    AT_PRICE,
    AT_SIDE,
    AT_SYMBOL,
    AT_TIME_IN_FORCE,
    Field,
    Message,
)
from shm.records cimport (
    CL_ORD_ID_SIZE,
    CMD_CANCEL,
    CMD_EXT_CLIENT_ID,
    CMD_NEW_ORDER,
    CMD_REPLACE,
    CMD_SESSION,
    ORDER_FLAG_POSS_RESEND,
    RECORD_SIZE,
    CancelRecord,
    CommandRecord,
    ExtClientIdRecord,
    NewOrderRecord,
    ReplaceRecord,
    SessionRecord,
)

cdef enum:
    RECORD_VERSION = 1

cdef void read_form(Message message, Form *form) noexcept nogil:
    """Point `form` at the fields of a D, F or G; it is valid as long as the message is."""
    form.msg_type = <char> message.msg_type
    form.poss_resend = message.poss_resend
    form.msg_seq_num = message.msg_seq_num
    form.cl_ord_id = text_at(message, AT_CL_ORD_ID)
    form.orig_cl_ord_id = text_at(message, AT_ORIG_CL_ORD_ID)
    form.symbol = text_at(message, AT_SYMBOL)
    form.side = text_at(message, AT_SIDE)
    form.ord_type = text_at(message, AT_ORD_TYPE)
    form.time_in_force = text_at(message, AT_TIME_IN_FORCE)
    form.price = text_at(message, AT_PRICE)
    form.quantity = text_at(message, AT_ORDER_QTY)


cdef inline Text text_at(Message message, int place) noexcept nogil:
    """The value of the field that `message.at` has in this place."""
    cdef Text text
    cdef const Field *field = &message.fields[message.at[place]]
    text.at = NULL
    text.size = 0
    if message.at[place]:
        text.at = message.data + field.offset
        text.size = field.length
    return text


cdef class Entry:
    """The producing end of the gateway's ingress ring. Records become visible with `publish` only."""

    def __init__(self, Producer ingress):
        self.ingress = ingress

    cdef bint has_room(self) noexcept nogil:
        """Whether the records of one more message fit."""
        return self.ingress.free(self.claimed + MOST_SLOTS) >= self.claimed + MOST_SLOTS

    cdef char *claim(self, int command, uint32_t account, int64_t utc_ns) noexcept nogil:
        """The next slot's record, with its header; the account is the session's, whatever a message says."""
        cdef char *slot = self.ingress.claim(self.ingress.next + self.claimed)
        cdef CommandRecord *header = <CommandRecord *> slot
        memset(slot, 0, RECORD_SIZE)
        header.type = command
        header.version = RECORD_VERSION
        header.time_ns = utc_ns
        header.account = account
        header.session = account
        self.claimed += 1
        return slot

    cdef void order(self, const Form *form, const Terms *terms, uint32_t account, int64_t utc_ns) noexcept nogil:
        cdef NewOrderRecord *record = <NewOrderRecord *> self.claim(CMD_NEW_ORDER, account, utc_ns)
        memcpy(record.cl_ord_id, terms.cl_ord_id, CL_ORD_ID_SIZE)
        record.instrument = terms.listed.instrument
        record.side = terms.side
        record.ord_type = terms.ord_type
        record.time_in_force = terms.time_in_force
        record.flags = ORDER_FLAG_POSS_RESEND if form.poss_resend else 0
        record.price_ticks = terms.price_ticks
        record.quantity_lots = terms.quantity_lots
        record.msg_seq_num = form.msg_seq_num
        self.commands += 1

    cdef void cancel(self, const Form *form, const Terms *terms, uint32_t account, int64_t utc_ns) noexcept nogil:
        cdef CancelRecord *record
        self.extension(terms, account, utc_ns)
        record = <CancelRecord *> self.claim(CMD_CANCEL, account, utc_ns)
        memcpy(record.cl_ord_id, terms.cl_ord_id, CL_ORD_ID_SIZE)
        record.instrument = terms.listed.instrument
        record.side = terms.side
        record.flags = ORDER_FLAG_POSS_RESEND if form.poss_resend else 0
        record.msg_seq_num = form.msg_seq_num
        self.commands += 1

    cdef void replace(self, const Form *form, const Terms *terms, uint32_t account, int64_t utc_ns) noexcept nogil:
        cdef ReplaceRecord *record
        self.extension(terms, account, utc_ns)
        record = <ReplaceRecord *> self.claim(CMD_REPLACE, account, utc_ns)
        memcpy(record.cl_ord_id, terms.cl_ord_id, CL_ORD_ID_SIZE)
        record.instrument = terms.listed.instrument
        record.flags = ORDER_FLAG_POSS_RESEND if form.poss_resend else 0
        record.price_ticks = terms.price_ticks
        record.quantity_lots = terms.quantity_lots
        record.msg_seq_num = form.msg_seq_num
        self.commands += 1

    cdef void extension(self, const Terms *terms, uint32_t account, int64_t utc_ns) noexcept nogil:
        """OrigClOrdID, directly before the record that means it."""
        cdef ExtClientIdRecord *record = <ExtClientIdRecord *> self.claim(CMD_EXT_CLIENT_ID, account, utc_ns)
        memcpy(record.orig_cl_ord_id, terms.orig_cl_ord_id, CL_ORD_ID_SIZE)

    cdef void session(self, uint32_t account, uint32_t next_in, bint reset, int64_t utc_ns) noexcept nogil:
        """The session logged on, or began its numbers at 1 again: its next message has `next_in`."""
        cdef SessionRecord *record = <SessionRecord *> self.claim(CMD_SESSION, account, utc_ns)
        record.next_msg_seq_num = next_in
        record.up = 1
        record.reset = reset

    cdef void publish(self) noexcept nogil:
        """Show the router everything that was claimed."""
        if self.claimed:
            self.ingress.publish(self.ingress.next + self.claimed - 1)
            self.claimed = 0
