from libc.stdint cimport uint16_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport PasswordResetRecord
from lockstep.core.tables.saved cimport Loader, Saver

cdef class PasswordResets:
    cdef readonly dict by_account
    cdef uint16_t propose(self, const PasswordResetRecord *record) except? 9999
    cdef uint16_t approve(self, PasswordResetRecord *record) except? 9999
    cdef uint16_t judge(self, uint32_t account, bytes code, uint64_t time_ns) except? 9999
    cdef bint takes_factor(self, uint32_t account) except -1
    cdef void end(self, uint32_t account)
    cdef uint64_t digest(self)
    cdef int save(self, Saver saver) except -1
    cdef int load(self, Loader loader) except -1
