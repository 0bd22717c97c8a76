"""The gateway's order entry: one application message of a client becomes commands in the ingress ring, or is answered.

It keeps each message in the store with its outcome, and tells a client that asks or repeats itself how the order
stands (LOG-24). It sends nothing and knows no connection.
"""

from libc.stdint cimport int64_t, uint32_t
from libc.stdio cimport snprintf

from lockstep.core.intake.codes cimport EXPLANATION_SIZE, explain
from lockstep.core.intake.ingress_writer cimport IngressWriter
from lockstep.core.intake.order_form cimport Form, OrderTerms, Refusal, Text
from lockstep.core.intake.order_form cimport is_char, refuse
from lockstep.core.intake.orders cimport ClientOrder, ClientOrders
from lockstep.core.intake.readiness cimport ADDS_NOTHING, ADDS_ORDER, ADDS_RECORD, Adds, Readiness
from lockstep.core.intake.validation cimport Validator
from lockstep.core.schema.records cimport (
    CL_ORD_ID_SIZE, CODE_LIST_NOT_TWO, CODE_NO_CHANCE_OF_BALANCE, CODE_OK, CODE_VENUE_BUSY,
)
from lockstep.procs.gateway.fix.connection cimport Connection
from lockstep.procs.gateway.fix.message cimport Message
from lockstep.procs.gateway.order_request cimport field_of, read_entries, read_form
from lockstep.procs.gateway.reject_messages cimport (
    add_sent, cancel_refused, list_refused, mass_refused, order_refused, order_unknown,
)
from lockstep.procs.gateway.reports cimport EXEC_ID_SIZE, ExecId, Reports
from lockstep.procs.gateway.store cimport Store
from lockstep.procs.gateway.store_reader cimport FLAG_REFUSED_ID, KIND_IN_ANSWERED, KIND_IN_LOGGED, Kind

cdef enum:
    NOT_AVAILABLE = 4                    # BusinessRejectReason (380)
    REPORT = 56                          # MsgType 8: ExecutionReport
    CANCEL_REJECT = 57                   # MsgType 9: OrderCancelReject
    LIST_STATUS = 78                     # MsgType N
    MASS_REPORT = 114                    # MsgType r: OrderMassCancelReport
    KEPT_SIZE = 64                       # of a refused message, if there is no space for all of it
    LIST_ORDERS = 2


cdef class OrderEntry:
    """The order entry of gateway `number`. A message's account is its session's, not what it says."""

    def __init__(
        self, Store store, ClientOrders orders, Reports reports, IngressWriter ingress, Validator validator, int number
    ):
        self.store = store
        self.orders = orders
        self.reports = reports
        self.ingress = ingress
        self.validator = validator
        self.readiness = Readiness(ingress, orders)
        self.number = number

    cdef bint takes(self, uint32_t msg_type) noexcept nogil:
        """Whether `take` is there for messages of this type."""
        return (
            msg_type == c"D" or msg_type == c"F" or msg_type == c"G" or msg_type == c"E" or msg_type == c"q"
            or msg_type == c"H"
        )

    cdef int take(self, Connection connection, uint32_t account, int64_t now_ns) except -1:
        """Handle `session.message`; an answer, if any, is in the session's outbox afterwards."""
        cdef uint32_t msg_type = connection.message.msg_type
        if msg_type == c"E":
            return self.list_message(connection, account, now_ns)
        if msg_type == c"q":
            return self.mass_message(connection, account, now_ns)
        if msg_type == c"H":
            return self.status_message(connection, account, now_ns)
        return self.order_message(connection, account, now_ns)

    cdef int order_message(self, Connection connection, uint32_t account, int64_t now_ns) except -1:
        """A D, F or G."""
        cdef Form form
        cdef OrderTerms terms
        cdef Refusal refusal
        read_form(connection.message, &form)
        refusal = self.validator.check(&form, account, &terms)
        if refusal.code == CODE_OK:
            refusal.code = self.readiness.refusal(self.adds(&form, account, &terms))
        if refusal.code != CODE_OK:
            return self.refuse_order(connection, account, &form, &refusal, now_ns)
        if form.msg_type == c"D":
            if form.poss_resend and self.orders.find_client(account, terms.order.cl_ord_id) != NULL:
                self.answer_status(connection, account, &terms, 0, now_ns)
                return self.keep(KIND_IN_ANSWERED, connection, account)
            self.ingress.order(&form, &terms, account, now_ns)
        elif form.msg_type == c"F":
            self.ingress.cancel(&form, &terms, account, now_ns)
        else:
            self.ingress.replace(&form, &terms, account, now_ns)
        return self.keep(KIND_IN_LOGGED, connection, account)

    cdef int list_message(self, Connection connection, uint32_t account, int64_t now_ns) except -1:
        """An E: both its orders in one command, or one answer for both."""
        cdef Message message = connection.message
        cdef Form[LIST_ORDERS] forms
        cdef OrderTerms[LIST_ORDERS] terms
        cdef Refusal refusal = refuse(CODE_LIST_NOT_TWO, field_of(message, 68))
        cdef int i
        if read_entries(message, forms, LIST_ORDERS) == LIST_ORDERS and is_char(refusal.sent, c"2"):
            refusal = self.validator.check_list(forms, field_of(message, 1385), account, terms)
            if refusal.code == CODE_OK:
                refusal.code = self.readiness.refusal(self.adds(&forms[0], account, &terms[0]))
        if refusal.code == CODE_VENUE_BUSY:
            return self.busy(connection, account, field_of(message, 66))
        if refusal.code != CODE_OK:
            connection.begin_reply(LIST_STATUS, now_ns)
            list_refused(connection.outbox, message, &refusal, now_ns)
            connection.end_message()
            return self.keep_refused(connection, account, field_of(message, 66))
        if message.poss_resend and self.orders.find_client(account, terms[0].order.cl_ord_id) != NULL:
            for i in range(LIST_ORDERS):
                self.answer_status(connection, account, &terms[i], i, now_ns)
            return self.keep(KIND_IN_ANSWERED, connection, account)
        self.ingress.pair(forms, terms, NULL, account, now_ns)
        return self.keep(KIND_IN_LOGGED, connection, account)

    cdef int mass_message(self, Connection connection, uint32_t account, int64_t now_ns) except -1:
        """A q."""
        cdef Form form
        cdef OrderTerms terms
        cdef Text kind = field_of(connection.message, 530)
        cdef Refusal refusal
        read_form(connection.message, &form)
        refusal = self.validator.check_mass(&form, kind, &terms)
        if refusal.code == CODE_OK and self.readiness.refusal(ADDS_NOTHING) != CODE_OK:
            return self.busy(connection, account, form.cl_ord_id)
        if refusal.code != CODE_OK:
            connection.begin_reply(MASS_REPORT, now_ns)
            mass_refused(connection.outbox, &form, kind, &refusal, now_ns)
            connection.end_message()
            return self.keep_refused(connection, account, form.cl_ord_id)
        self.ingress.mass_cancel(&form, &terms, account, now_ns)
        return self.keep(KIND_IN_LOGGED, connection, account)

    cdef int status_message(self, Connection connection, uint32_t account, int64_t now_ns) except -1:
        """An H: how an order of the account stands, as far as this gateway knows."""
        cdef Form form
        cdef OrderTerms terms
        cdef ExecId exec_id = self.own_exec_id()
        cdef const ClientOrder *order = NULL
        read_form(connection.message, &form)
        if self.validator.check_status(&form, &terms).code == CODE_OK:
            order = self.orders.find_client(account, terms.order.cl_ord_id)
        connection.begin_reply(REPORT, now_ns)
        if order == NULL:
            order_unknown(connection.outbox, &form, &exec_id, now_ns)
        else:
            self.reports.status(connection.outbox, order, &exec_id, now_ns)
        if connection.version != 42:
            add_sent(connection.outbox, 790, field_of(connection.message, 790))
        connection.end_message()
        return self.keep(KIND_IN_ANSWERED, connection, account)

    cdef int keep(self, Kind kind, Connection connection, uint32_t account, int flags=0) except -1:
        """Store the message, as one on its way to the log or as one answered here."""
        cdef Message message = connection.message
        return self.store.append_received(kind, account, message.msg_seq_num, message, flags)

    cdef int keep_refused(self, Connection connection, uint32_t account, Text cl_ord_id, int flags=0) except -1:
        """Store a refused message: only its version and ClOrdID if the disk is full."""
        cdef Message message = connection.message
        cdef char[KEPT_SIZE] kept
        cdef int size
        self.refused += 1
        if not self.store.is_short or cl_ord_id.size > CL_ORD_ID_SIZE:
            return self.keep(KIND_IN_ANSWERED, connection, account, flags)
        size = snprintf(
            kept, KEPT_SIZE, b"8=FIX.4.%c\x0111=%.*s\x01", message.data[8], <int> cl_ord_id.size, cl_ord_id.at
        )
        return self.store.append(KIND_IN_ANSWERED, account, message.msg_seq_num, kept, size, flags)

    cdef Adds adds(self, const Form *form, uint32_t account, const OrderTerms *terms) noexcept:
        """What it adds to what the venue must keep: nothing if the log already has it."""
        if form.msg_type == c"F":
            return ADDS_NOTHING
        if form.poss_resend and self.orders.find_client(account, terms.order.cl_ord_id) != NULL:
            return ADDS_NOTHING
        return ADDS_RECORD if form.msg_type == c"G" else ADDS_ORDER

    cdef int refuse_order(
        self, Connection connection, uint32_t account, const Form *form, const Refusal *refusal, int64_t now_ns
    ) except -1:
        """One answer to a D, F or G that does not reach the router."""
        cdef ExecId exec_id = self.own_exec_id()
        cdef char orig_cl_ord_id[CL_ORD_ID_SIZE]
        if refusal.code == CODE_VENUE_BUSY:
            return self.busy(connection, account, form.cl_ord_id)
        if form.msg_type == c"D":
            connection.begin_reply(REPORT, now_ns)
            order_refused(connection.outbox, form, refusal, &exec_id, now_ns)
        else:
            connection.begin_reply(CANCEL_REJECT, now_ns)
            copy_padded(orig_cl_ord_id, form.orig_cl_ord_id)
            cancel_refused(
                connection.outbox, self.orders.find_client(account, orig_cl_ord_id), form, refusal, now_ns
            )
        connection.end_message()
        return self.keep_refused(
            connection, account, form.cl_ord_id, FLAG_REFUSED_ID if refusal.code == CODE_NO_CHANCE_OF_BALANCE else 0
        )

    cdef int busy(self, Connection connection, uint32_t account, Text ref_id) except -1:
        """Answer a message that there was no room for: it may be sent again."""
        cdef char text[EXPLANATION_SIZE]
        cdef size_t size
        size = explain(CODE_VENUE_BUSY, NULL, 0, NULL, text)
        connection.business_reject(NOT_AVAILABLE, ref_id.at, ref_id.size, text, size)
        return self.keep_refused(connection, account, ref_id)

    cdef int answer_status(
        self, Connection connection, uint32_t account, const OrderTerms *terms, int part, int64_t now_ns
    ) except -1:
        """Answer a possible resend (PossResend) of a known order with how the order stands."""
        cdef ExecId exec_id = self.own_exec_id(part)
        cdef const ClientOrder *order = self.orders.find_client(account, terms.order.cl_ord_id)
        if order == NULL:
            return 0
        connection.begin_reply(REPORT, now_ns)
        self.reports.status(connection.outbox, order, &exec_id, now_ns)
        connection.end_message()
        return 0

    cdef ExecId own_exec_id(self, int part=0) noexcept:
        """An ExecID of an answer without an event: the place of its cause, not kept yet, in this gateway's store.

        The segment is part of it: positions behind a tail that was lost with the host come again, in another one.
        """
        cdef ExecId exec_id
        cdef const char *format = b"G%d-%llu-%llu-%d" if part else b"G%d-%llu-%llu"
        exec_id.size = snprintf(
            exec_id.text, EXEC_ID_SIZE, format, self.number, <unsigned long long> self.store.base,
            <unsigned long long> self.store.offset(), part,
        )
        return exec_id


cdef void copy_padded(char *out, Text text) noexcept:
    cdef size_t i
    for i in range(CL_ORD_ID_SIZE):
        out[i] = text.at[i] if i < text.size else 0
