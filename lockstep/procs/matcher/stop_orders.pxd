from libc.stdint cimport int64_t, uint32_t

from lockstep.procs.matcher.orders cimport Orders

cdef enum:
    MAX_TRAILING = 4096     # trailing stops of an instrument that wait for their price

cdef void begin_trail(Orders orders, uint32_t item) noexcept nogil
cdef int await_price(Orders orders, uint32_t item) except -1 nogil
cdef int look(Orders orders, uint32_t instrument, int64_t price_ticks) except -1 nogil
cdef uint32_t first_in_queue(Orders orders, uint32_t instrument) noexcept nogil
