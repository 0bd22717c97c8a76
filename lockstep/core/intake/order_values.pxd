from libc.stdint cimport int64_t

from lockstep.core.intake.order_request cimport OrderField, OrderRequest, Refusal

cdef Refusal count_values(OrderRequest *request) noexcept nogil
cdef Refusal count_steps(const OrderRequest *request, OrderField field, int64_t *steps) noexcept nogil
cdef OrderField culprit(const OrderRequest *request, int code) noexcept nogil
