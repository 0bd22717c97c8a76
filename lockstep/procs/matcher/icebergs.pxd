from libc.stdint cimport int64_t, uint32_t

from lockstep.procs.matcher.incoming cimport Incoming
from lockstep.procs.matcher.orders cimport Orders

cdef int64_t next_lots(Orders orders, Incoming *incoming, uint32_t item, int64_t most) noexcept nogil
cdef void reveal(Orders orders, uint32_t item, int64_t lots) noexcept nogil
