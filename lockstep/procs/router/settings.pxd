from libc.stdint cimport uint64_t

from lockstep.core.tables.saved cimport Loader, Saver

cdef class Settings:
    cdef readonly dict records
    cdef int keep(self, tuple key, const char *record) except -1
    cdef bytes record(self, tuple key)
    cdef uint64_t digest(self)
    cdef int save(self, Saver saver) except -1
    cdef int load(self, Loader loader) except -1
