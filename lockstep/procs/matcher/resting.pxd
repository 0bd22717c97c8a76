from libc.stdint cimport int64_t, uint8_t, uint32_t

from lockstep.procs.matcher.event_writer cimport OrderSummary
from lockstep.procs.matcher.orders cimport Orders

cdef void summarize(Orders orders, uint32_t item, OrderSummary *summary) noexcept nogil
cdef void tell_terms(Orders orders, uint32_t item) noexcept nogil
cdef int withdraw(Orders orders, uint32_t item, uint8_t reason, const char *cl_ord_id) except -1 nogil
cdef int follow(Orders orders, uint32_t contingent, bint goes_too) except -1 nogil
cdef int end_contingent(Orders orders, uint32_t item) except -1 nogil
cdef int take_from(Orders orders, uint32_t item, int64_t lots) except -1 nogil
cdef int show_again(Orders orders, uint32_t item, int64_t price_ticks, bint is_refresh) except -1 nogil
cdef void show_less(Orders orders, uint32_t item) noexcept nogil
