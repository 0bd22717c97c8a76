"""Writes a checked order request's commands into the ingress ring, in place.

It claims and fills slots, and publishes those of one read together. It never waits; `validation` checks.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from lockstep.core.intake.order_request cimport OrderRequest
from lockstep.core.schema.client_ids cimport is_short, join_ids
from lockstep.core.schema.records cimport (
    CL_ORD_ID_SIZE,
    CMD_CANCEL,
    CMD_EXT_CLIENT_ID,
    CMD_EXT_LEG,
    CMD_EXT_LIST_NAME,
    CMD_EXT_TERMS,
    CMD_MASS_CANCEL,
    CMD_NEW_ORDER,
    CMD_REPLACE,
    CMD_RESERVATION,
    CMD_SESSION,
    ORDER_FLAG_LIST,
    ORDER_FLAG_LIST_NAME,
    ORDER_FLAG_POSS_RESEND,
    ORDER_FLAG_TERMS,
    RECORD_SIZE,
    CancelRecord,
    CommandRecord,
    ExtClientIdRecord,
    ExtListNameRecord,
    ExtTermsRecord,
    MassCancelRecord,
    NewOrderRecord,
    ReplaceRecord,
    ReservationRecord,
    SessionRecord,
)
from lockstep.shm.ring cimport Producer

cdef enum:
    RECORD_VERSION = 1
    HEADER_SIZE = sizeof(CommandRecord)

assert HEADER_SIZE == 48
assert sizeof(NewOrderRecord) == sizeof(ExtTermsRecord) == RECORD_SIZE


cdef class IngressWriter:
    """The producing end of an ingress ring. Records become visible with `publish` only.

    They are of the account's own FIX session, unless `sender` says otherwise. `ticket` is 0, or 1 more than the record
    that last ended the rights of the account's sessions when the sender was let in: the router refuses the command if
    one has ended them since.
    """

    def __init__(self, Producer ingress):
        self.ingress = ingress

    cdef bint has_room(self) noexcept nogil:
        """Whether the records of one more message fit."""
        return self.has_room_for(MOST_SLOTS)

    cdef bint has_room_for(self, uint64_t records) noexcept nogil:
        """Whether so many records more fit."""
        return self.ingress.free(self.claimed + records) >= self.claimed + records

    cdef bint is_taken(self) noexcept nogil:
        """Whether the router has taken everything published so far."""
        return self.ingress.free(self.ingress.ring.header.capacity) == self.ingress.ring.header.capacity

    cdef uint64_t end(self) noexcept nogil:
        """The place in the ring of the last record that was claimed."""
        return self.ingress.next - 1 + self.claimed

    cdef uint64_t taken(self) noexcept nogil:
        """The place in the ring of the last record that the router has taken."""
        cdef uint64_t capacity = self.ingress.ring.header.capacity
        return self.ingress.next - 1 - (capacity - self.ingress.free(capacity))

    cdef char *claim(self, int command, uint32_t account, int64_t utc_ns) noexcept nogil:
        """The next slot's record, with its header; the account is the session's, not the message's."""
        cdef char *slot = self.ingress.claim(self.ingress.next + self.claimed)
        cdef CommandRecord *header = <CommandRecord *> slot
        memset(slot, 0, RECORD_SIZE)
        header.type = command
        header.version = RECORD_VERSION
        header.time_ns = utc_ns
        header.account = account
        header.session = self.sender or account
        header.seq = self.ticket
        self.claimed += 1
        return slot

    cdef void put(self, const OrderRequest *request, uint32_t account, int64_t utc_ns) noexcept nogil:
        """One command, with what goes before it."""
        if request.command == CMD_NEW_ORDER:
            self.order(request, account, utc_ns)
        elif request.command == CMD_CANCEL:
            self.cancel(request, account, utc_ns)
        elif request.command == CMD_REPLACE:
            self.replace(request, account, utc_ns)
        else:
            self.mass_cancel(request, account, utc_ns)
        self.commands += 1

    cdef void order(self, const OrderRequest *request, uint32_t account, int64_t utc_ns) noexcept nogil:
        if request.has_more:
            self.further(request, account, utc_ns)
        self.body(CMD_NEW_ORDER, request, 0, account, utc_ns)

    cdef void pair(
        self, const OrderRequest *requests, const char *name, uint32_t account, int64_t utc_ns
    ) noexcept nogil:
        """A list: its second order in the extension of its first one. `name` is padded; NULL: its client gave none."""
        cdef ExtListNameRecord *extension
        cdef int flags = ORDER_FLAG_LIST
        if name != NULL:
            extension = <ExtListNameRecord *> self.claim(CMD_EXT_LIST_NAME, account, utc_ns)
            memcpy(extension.name, name, CL_ORD_ID_SIZE)
            flags |= ORDER_FLAG_LIST_NAME
        if requests[1].has_more:
            self.further(&requests[1], account, utc_ns)
        self.body(CMD_EXT_LEG, &requests[1], 0, account, utc_ns)
        if requests.has_more:
            self.further(requests, account, utc_ns)
        self.body(CMD_NEW_ORDER, requests, flags, account, utc_ns)
        self.commands += 1

    cdef void body(
        self, int command, const OrderRequest *request, int flags, uint32_t account, int64_t utc_ns
    ) noexcept nogil:
        """An order's record: everything after its header comes from the request."""
        cdef char *slot = self.claim(command, account, utc_ns)
        cdef NewOrderRecord *record = <NewOrderRecord *> slot
        memcpy(slot + HEADER_SIZE, <const char *> &request.order + HEADER_SIZE, RECORD_SIZE - HEADER_SIZE)
        record.flags |= flags
        if request.has_more:
            record.flags |= ORDER_FLAG_TERMS

    cdef void further(self, const OrderRequest *request, uint32_t account, int64_t utc_ns) noexcept nogil:
        """Terms beyond price and quantity, directly before the record (of a replace, its OrigClOrdID) that has them."""
        cdef char *slot = self.claim(CMD_EXT_TERMS, account, utc_ns)
        memcpy(slot + HEADER_SIZE, <const char *> &request.more + HEADER_SIZE, RECORD_SIZE - HEADER_SIZE)

    cdef void cancel(self, const OrderRequest *request, uint32_t account, int64_t utc_ns) noexcept nogil:
        cdef CancelRecord *record = <CancelRecord *> self.named(CMD_CANCEL, 0, request, account, utc_ns)
        record.instrument = request.order.instrument
        record.side = request.order.side
        record.msg_seq_num = request.order.msg_seq_num

    cdef void replace(self, const OrderRequest *request, uint32_t account, int64_t utc_ns) noexcept nogil:
        cdef ReplaceRecord *record
        if request.has_more:
            self.further(request, account, utc_ns)
        record = self.named(CMD_REPLACE, ORDER_FLAG_TERMS if request.has_more else 0, request, account, utc_ns)
        record.instrument = request.order.instrument
        record.price_ticks = request.order.price_ticks
        record.quantity_lots = request.order.quantity_lots
        record.msg_seq_num = request.order.msg_seq_num

    cdef void mass_cancel(self, const OrderRequest *request, uint32_t account, int64_t utc_ns) noexcept nogil:
        """Of the account's own orders: those of an instrument (0: any) and a side (0: both)."""
        cdef MassCancelRecord *record = <MassCancelRecord *> self.claim(CMD_MASS_CANCEL, account, utc_ns)
        memcpy(record.cl_ord_id, request.order.cl_ord_id, CL_ORD_ID_SIZE)
        record.instrument = request.order.instrument
        record.side = request.order.side
        record.target = account
        record.flags = request.order.flags & ORDER_FLAG_POSS_RESEND
        record.msg_seq_num = request.order.msg_seq_num

    cdef ReplaceRecord *named(
        self, int command, int flags, const OrderRequest *request, uint32_t account, int64_t utc_ns
    ) noexcept nogil:
        """A cancel or replace with its ClOrdID and OrigClOrdID, which takes its own record if one of them is long."""
        cdef bint fits = is_short(request.order.cl_ord_id) and is_short(request.orig_cl_ord_id)
        cdef ExtClientIdRecord *extension
        cdef ReplaceRecord *record
        if not fits:
            extension = <ExtClientIdRecord *> self.claim(CMD_EXT_CLIENT_ID, account, utc_ns)
            memcpy(extension.orig_cl_ord_id, request.orig_cl_ord_id, CL_ORD_ID_SIZE)
        record = <ReplaceRecord *> self.claim(command, account, utc_ns)
        record.flags = flags | (request.order.flags & ORDER_FLAG_POSS_RESEND)
        if fits:
            join_ids(record, request.order.cl_ord_id, request.orig_cl_ord_id)
        else:
            memcpy(record.cl_ord_id, request.order.cl_ord_id, CL_ORD_ID_SIZE)
        return record

    cdef void session(
        self, uint32_t account, uint32_t next_in, bint up, bint reset, uint64_t rights, int64_t utc_ns
    ) noexcept nogil:
        """The session is up, with these rights of its account, restarted its numbers at 1, or is down: its next message
        has `next_in`.
        """
        cdef SessionRecord *record = <SessionRecord *> self.claim(CMD_SESSION, account, utc_ns)
        record.next_msg_seq_num = next_in
        record.up = up
        record.reset = reset
        record.rights = rights

    cdef void reservation(
        self, uint32_t account, uint32_t generation, uint32_t first, uint32_t end, uint32_t version, int64_t utc_ns
    ) noexcept nogil:
        """The session's messages of ours may have numbers below `end`, those below `first` are given."""
        cdef ReservationRecord *record = <ReservationRecord *> self.claim(CMD_RESERVATION, account, utc_ns)
        record.generation = generation
        record.first = first
        record.end = end
        record.fix_version = <uint8_t> version

    cdef void copy(self, const char *record, int64_t utc_ns) noexcept nogil:
        """A record that is whole already, but for its time."""
        cdef char *slot = self.ingress.claim(self.ingress.next + self.claimed)
        memcpy(slot, record, RECORD_SIZE)
        (<CommandRecord *> slot).time_ns = utc_ns
        (<CommandRecord *> slot).seq = self.ticket
        self.claimed += 1
        if (<CommandRecord *> slot).type < CMD_EXT_CLIENT_ID:
            self.commands += 1

    cdef void publish(self) noexcept nogil:
        """Show the router everything that was claimed."""
        if self.claimed:
            self.ingress.publish(self.ingress.next + self.claimed - 1)
            self.claimed = 0
