from libc.stddef cimport size_t
from libc.stdint cimport uint32_t

from lockstep.core.intake.order_request cimport OrderRequest, Refusal
from lockstep.procs.gateway.fix.message cimport Message

cdef enum:
    LIST_ORDERS = 2

cdef struct Text:            # the value of a field
    const char *at           # NULL if the field is absent
    size_t size

cdef void read_request(Message message, OrderRequest *request) noexcept nogil
cdef uint32_t read_list(Message message, OrderRequest *requests) noexcept nogil
cdef int digit_of(Text text) noexcept nogil
cdef Text sent_of(Message message, const Refusal *refusal) noexcept nogil
cdef Text field_of(Message message, uint32_t tag) noexcept nogil
