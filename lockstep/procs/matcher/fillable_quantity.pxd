from libc.stdint cimport int64_t

from lockstep.procs.matcher.incoming cimport Incoming
from lockstep.procs.matcher.orders cimport Orders

cdef bint is_enough(Orders orders, const Incoming *incoming, int64_t wanted) noexcept nogil
