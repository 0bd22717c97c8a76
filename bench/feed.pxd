from libc.stdint cimport uint64_t

cdef class Load:
    cdef char *records
    cdef readonly uint64_t count, sent
