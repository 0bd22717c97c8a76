from libc.stdint cimport uint16_t, uint32_t, uint64_t

from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    MAX_OF_PROPOSER = 64  # of a table

cdef int add(dict waiting, uint64_t seq, tuple proposal) except -1

cdef class Proposals:
    cdef readonly dict waiting
    cdef uint16_t judge(self, uint64_t seq, uint32_t asker, uint64_t proposal, tuple terms) except? 9999
    cdef int end(self, uint64_t proposal) except -1
    cdef uint64_t digest(self)
    cdef int save(self, Saver saver) except -1
    cdef int load(self, Loader loader) except -1
