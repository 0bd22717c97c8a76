from libc.stdint cimport int64_t, uint32_t

from lockstep.core.intake.order_form cimport Form, Refusal, Text
from lockstep.core.intake.orders cimport ClientOrder
from lockstep.procs.gateway.fix.encode cimport Outbox
from lockstep.procs.gateway.fix.message cimport Message
from lockstep.procs.gateway.reports cimport ExecId

cdef int order_refused(
    Outbox out, const Form *form, const Refusal *refusal, const ExecId *exec_id, int64_t utc_ns
) except -1 nogil
cdef int cancel_refused(
    Outbox out, const ClientOrder *order, const Form *form, const Refusal *refusal, int64_t utc_ns
) except -1 nogil
cdef int list_refused(Outbox out, Message message, const Refusal *refusal, int64_t utc_ns) except -1 nogil
cdef int mass_refused(
    Outbox out, const Form *form, Text kind, const Refusal *refusal, int64_t utc_ns
) except -1 nogil
cdef int order_unknown(Outbox out, const Form *form, const ExecId *exec_id, int64_t utc_ns) except -1 nogil
cdef int add_sent(Outbox out, uint32_t tag, Text text) except -1 nogil
