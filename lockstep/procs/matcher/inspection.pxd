from libc.stdint cimport int64_t, uint32_t

from lockstep.procs.matcher.orders cimport Orders

cdef list depth_of(Orders orders, uint32_t instrument, int ladder)
cdef list shown_of(Orders orders, uint32_t instrument, int ladder)
cdef list standing_at(Orders orders, uint32_t instrument, int ladder, int64_t price_ticks)
