from libc.stdint cimport uint32_t

from lockstep.procs.matcher.orders cimport Orders

cdef bytes image_of(Orders orders, uint32_t instrument)
cdef int give_away(Orders orders, uint32_t instrument) except -1
cdef int take_over(Orders orders, uint32_t instrument, bytes image) except -1
