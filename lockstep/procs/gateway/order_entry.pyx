"""The gateway's order entry: one application message of a client becomes commands in the ingress ring, or is answered.

It keeps each message in the store with its outcome, and tells a client that asks or repeats itself how the order
stands (LOG-24). It sends nothing and knows no connection.
"""

from libc.stdint cimport int64_t, uint32_t
from libc.stdio cimport snprintf

from lockstep.core.intake.codes cimport EXPLANATION_SIZE, explain
from lockstep.core.intake.ingress_writer cimport IngressWriter
from lockstep.core.intake.order_request cimport FIELD_LIST_SIZE, OrderRequest, Refusal, refuse
from lockstep.core.intake.orders cimport ClientOrder
from lockstep.core.intake.readiness cimport ADDS_NOTHING, ADDS_ORDER, ADDS_RECORD, Adds, Readiness
from lockstep.core.intake.validation cimport Validator, check_id
from lockstep.core.schema.records cimport (
    CL_ORD_ID_SIZE, CMD_CANCEL, CMD_NEW_ORDER, CMD_REPLACE, CODE_LIST_NOT_TWO, CODE_NO_CHANCE_OF_BALANCE, CODE_OK,
    CODE_VENUE_BUSY, ORDER_FLAG_POSS_RESEND,
)
from lockstep.procs.gateway.fix.connection cimport Connection
from lockstep.procs.gateway.fix.message cimport Message
from lockstep.procs.gateway.order_message cimport LIST_ORDERS, Text, digit_of, field_of, read_list, read_request
from lockstep.procs.gateway.reject_messages cimport (
    cancel_refused, list_refused, mass_refused, order_refused, order_unknown, repeat,
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


cdef class OrderEntry:
    """The order entry of gateway `number`. A message's account is its session's, not what it says."""

    def __init__(
        self, Store store not None, Reports reports not None, IngressWriter ingress not None,
        Validator validator not None, int number
    ):
        self.store = store
        self.orders = reports.orders
        self.reports = reports
        self.ingress = ingress
        self.validator = validator
        self.readiness = Readiness(ingress, reports.orders)
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
        cdef OrderRequest request
        cdef Refusal refusal
        read_request(connection.message, &request)
        refusal = self.validator.check(&request, account)
        if refusal.code == CODE_OK:
            refusal.code = self.readiness.refusal(self.adds(&request, account))
        if refusal.code != CODE_OK:
            return self.refuse_order(connection, account, &request, &refusal, now_ns)
        if request.command == CMD_NEW_ORDER and connection.message.poss_resend:
            if self.orders.find_client(account, request.order.cl_ord_id) != NULL:
                self.answer_status(connection, account, &request, 0, now_ns)
                return self.keep(KIND_IN_ANSWERED, connection, account)
        self.ingress.put(&request, account, now_ns)
        return self.keep(KIND_IN_LOGGED, connection, account)

    cdef int list_message(self, Connection connection, uint32_t account, int64_t now_ns) except -1:
        """An E: both its orders in one command, or one answer for both."""
        cdef Message message = connection.message
        cdef OrderRequest[LIST_ORDERS] requests
        cdef Refusal refusal = refuse(CODE_LIST_NOT_TWO, FIELD_LIST_SIZE)
        cdef int i
        if read_list(message, requests) == LIST_ORDERS and digit_of(field_of(message, 68)) == LIST_ORDERS:
            refusal = self.validator.check_list(requests, digit_of(field_of(message, 1385)), account)
            if refusal.code == CODE_OK:
                refusal.code = self.readiness.refusal(self.adds(requests, account))
        if refusal.code == CODE_VENUE_BUSY:
            return self.busy(connection, account, field_of(message, 66))
        if refusal.code != CODE_OK:
            connection.begin_reply(LIST_STATUS, now_ns)
            list_refused(connection.outbox, message, &refusal, now_ns)
            connection.end_message()
            return self.keep_refused(connection, account, field_of(message, 66))
        if message.poss_resend and self.orders.find_client(account, requests[0].order.cl_ord_id) != NULL:
            for i in range(LIST_ORDERS):
                self.answer_status(connection, account, &requests[i], i, now_ns)
            return self.keep(KIND_IN_ANSWERED, connection, account)
        self.ingress.pair(requests, NULL, account, now_ns)
        return self.keep(KIND_IN_LOGGED, connection, account)

    cdef int mass_message(self, Connection connection, uint32_t account, int64_t now_ns) except -1:
        """A q."""
        cdef Message message = connection.message
        cdef OrderRequest request
        cdef Refusal refusal
        read_request(message, &request)
        refusal = self.validator.check_mass(&request, digit_of(field_of(message, 530)))
        if refusal.code == CODE_OK and self.readiness.refusal(ADDS_NOTHING) != CODE_OK:
            return self.busy(connection, account, field_of(message, 11))
        if refusal.code != CODE_OK:
            connection.begin_reply(MASS_REPORT, now_ns)
            mass_refused(connection.outbox, message, &refusal, now_ns)
            connection.end_message()
            return self.keep_refused(connection, account, field_of(message, 11))
        self.ingress.put(&request, account, now_ns)
        return self.keep(KIND_IN_LOGGED, connection, account)

    cdef int status_message(self, Connection connection, uint32_t account, int64_t now_ns) except -1:
        """An H: how an order of the account stands, as far as this gateway knows."""
        cdef OrderRequest request
        cdef ExecId exec_id = self.own_exec_id()
        cdef const ClientOrder *order = NULL
        read_request(connection.message, &request)
        if check_id(&request).code == CODE_OK:
            order = self.orders.find_client(account, request.order.cl_ord_id)
        connection.begin_reply(REPORT, now_ns)
        if order == NULL:
            order_unknown(connection.outbox, connection.message, &exec_id, now_ns)
        else:
            self.reports.status(connection.outbox, order, &exec_id, now_ns)
        if connection.version != 42:
            repeat(connection.outbox, connection.message, 790)
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
        if not self.store.segment.is_short or cl_ord_id.size > CL_ORD_ID_SIZE:
            return self.keep(KIND_IN_ANSWERED, connection, account, flags)
        size = snprintf(
            kept, KEPT_SIZE, b"8=FIX.4.%c\x0111=%.*s\x01", message.data[8], <int> cl_ord_id.size, cl_ord_id.at
        )
        return self.store.append(KIND_IN_ANSWERED, account, message.msg_seq_num, kept, size, flags)

    cdef Adds adds(self, const OrderRequest *request, uint32_t account) noexcept:
        """What it adds to what the venue must keep: nothing if the log already has it."""
        if request.command == CMD_CANCEL:
            return ADDS_NOTHING
        if request.order.flags & ORDER_FLAG_POSS_RESEND and (
            self.orders.find_client(account, request.order.cl_ord_id) != NULL
        ):
            return ADDS_NOTHING
        return ADDS_RECORD if request.command == CMD_REPLACE else ADDS_ORDER

    cdef int refuse_order(
        self, Connection connection, uint32_t account, const OrderRequest *request, const Refusal *refusal,
        int64_t now_ns
    ) except -1:
        """One answer to a D, F or G that does not reach the router."""
        cdef Message message = connection.message
        cdef Text id = field_of(message, 11)
        cdef ExecId exec_id = self.own_exec_id()
        if refusal.code == CODE_VENUE_BUSY:
            return self.busy(connection, account, id)
        if request.command == CMD_NEW_ORDER:
            connection.begin_reply(REPORT, now_ns)
            order_refused(connection.outbox, message, refusal, &exec_id, now_ns)
        else:
            connection.begin_reply(CANCEL_REJECT, now_ns)
            cancel_refused(
                connection.outbox, self.orders.find_client(account, request.orig_cl_ord_id), message, refusal, now_ns
            )
        connection.end_message()
        return self.keep_refused(
            connection, account, id, FLAG_REFUSED_ID if refusal.code == CODE_NO_CHANCE_OF_BALANCE else 0
        )

    cdef int busy(self, Connection connection, uint32_t account, Text ref_id) except -1:
        """Answer a message that there was no room for: it may be sent again."""
        cdef char text[EXPLANATION_SIZE]
        cdef size_t size
        size = explain(CODE_VENUE_BUSY, NULL, 0, NULL, text)
        connection.business_reject(NOT_AVAILABLE, ref_id.at, ref_id.size, text, size)
        return self.keep_refused(connection, account, ref_id)

    cdef int answer_status(
        self, Connection connection, uint32_t account, const OrderRequest *request, int part, int64_t now_ns
    ) except -1:
        """Answer a possible resend (PossResend) of a known order with how the order stands."""
        cdef ExecId exec_id = self.own_exec_id(part)
        cdef const ClientOrder *order = self.orders.find_client(account, request.order.cl_ord_id)
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
            exec_id.text, EXEC_ID_SIZE, format, self.number, <unsigned long long> self.store.segment.base,
            <unsigned long long> self.store.offset(), part,
        )
        return exec_id
