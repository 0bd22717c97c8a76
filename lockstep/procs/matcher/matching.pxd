from libc.stdint cimport int64_t, uint8_t, uint32_t

from lockstep.procs.matcher.event_writer cimport OrderSummary
from lockstep.procs.matcher.incoming cimport Incoming
from lockstep.procs.matcher.orders cimport Orders

cdef void come_in(Orders orders, Incoming *incoming, uint32_t item, int64_t price_ticks) noexcept nogil
cdef void prepare(Orders orders, Incoming *incoming, int64_t minimum_lots, bint is_fok) noexcept nogil
cdef int match(Orders orders, Incoming *incoming) except -1 nogil
cdef void summarize_incoming(Orders orders, const Incoming *incoming, OrderSummary *summary) noexcept nogil
cdef int finish_incoming(Orders orders, Incoming *incoming) except -1 nogil
cdef bint crosses(Orders orders, uint32_t instrument, uint8_t side, int64_t price_ticks) noexcept nogil
cdef int64_t passive_price(Orders orders, uint32_t instrument, uint8_t side) noexcept nogil
