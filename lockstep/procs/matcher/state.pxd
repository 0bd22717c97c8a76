from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.matcher.orders cimport Orders

cdef int save_orders(Orders orders, Saver saver) except -1
cdef int load_orders(Orders orders, Loader loader) except -1
cdef uint64_t digest_orders(Orders orders) noexcept nogil
cdef uint64_t digest_listing(Orders orders, uint32_t instrument, uint64_t digest) noexcept nogil
