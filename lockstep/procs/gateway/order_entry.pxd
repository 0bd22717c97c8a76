cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.intake.ingress_writer cimport IngressWriter
from lockstep.core.intake.order_request cimport OrderRequest, Refusal
from lockstep.core.intake.orders cimport ClientOrders
from lockstep.core.intake.readiness cimport Adds, Readiness
from lockstep.core.intake.validation cimport Validator
from lockstep.procs.gateway.fix.connection cimport Connection
from lockstep.procs.gateway.order_message cimport Text
from lockstep.procs.gateway.reports cimport ExecId, Reports
from lockstep.procs.gateway.store cimport Store
from lockstep.procs.gateway.store_reader cimport Kind


@cython.final
cdef class OrderEntry:
    cdef Store store
    cdef ClientOrders orders
    cdef Reports reports
    cdef IngressWriter ingress
    cdef Validator validator
    cdef Readiness readiness
    cdef int number
    cdef uint64_t refused        # requests that were not passed on
    cdef bint takes(self, uint32_t msg_type) noexcept nogil
    cdef int take(self, Connection connection, uint32_t account, int64_t now_ns) except -1
    cdef int order_message(self, Connection connection, uint32_t account, int64_t now_ns) except -1
    cdef int list_message(self, Connection connection, uint32_t account, int64_t now_ns) except -1
    cdef int mass_message(self, Connection connection, uint32_t account, int64_t now_ns) except -1
    cdef int status_message(self, Connection connection, uint32_t account, int64_t now_ns) except -1
    cdef int keep(self, Kind kind, Connection connection, uint32_t account, int flags=*) except -1
    cdef int keep_refused(self, Connection connection, uint32_t account, Text cl_ord_id, int flags=*) except -1
    cdef Adds adds(self, const OrderRequest *request, uint32_t account) noexcept
    cdef int refuse_order(
        self, Connection connection, uint32_t account, const OrderRequest *request, const Refusal *refusal,
        int64_t now_ns
    ) except -1
    cdef int answer_status(
        self, Connection connection, uint32_t account, const OrderRequest *request, int part, int64_t now_ns
    ) except -1
    cdef int busy(self, Connection connection, uint32_t account, Text ref_id) except -1
    cdef ExecId own_exec_id(self, int part=*) noexcept
