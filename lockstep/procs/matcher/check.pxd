from libc.stdint cimport uint32_t

from lockstep.procs.matcher.orders cimport Orders

cdef int check_orders(Orders orders, uint32_t incoming, bint is_busy) except -1
