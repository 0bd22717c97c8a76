from libc.stdint cimport uint32_t, uint64_t

from lockstep.procs.gateway.lookup cimport Lookup

cdef object lost_of(
    Lookup lookup, uint32_t session, uint64_t first, uint64_t last, uint32_t sequenced, uint32_t expected
)
