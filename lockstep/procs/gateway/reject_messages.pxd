from libc.stdint cimport int64_t, uint32_t

from lockstep.core.intake.order_request cimport Refusal
from lockstep.core.intake.orders cimport ClientOrder
from lockstep.procs.gateway.fix.encode cimport Outbox
from lockstep.procs.gateway.fix.message cimport Message
from lockstep.procs.gateway.reports cimport ExecId

cdef int order_refused(
    Outbox out, Message message, const Refusal *refusal, const ExecId *exec_id, int64_t utc_ns
) except -1 nogil
cdef int cancel_refused(
    Outbox out, const ClientOrder *order, Message message, const Refusal *refusal, int64_t utc_ns
) except -1 nogil
cdef int list_refused(Outbox out, Message message, const Refusal *refusal, int64_t utc_ns) except -1 nogil
cdef int mass_refused(Outbox out, Message message, const Refusal *refusal, int64_t utc_ns) except -1 nogil
cdef int order_unknown(Outbox out, Message message, const ExecId *exec_id, int64_t utc_ns) except -1 nogil
cdef int repeat(Outbox out, Message message, uint32_t tag) except -1 nogil
