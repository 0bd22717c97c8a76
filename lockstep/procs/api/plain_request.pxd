cimport cython


@cython.final
cdef class PlainRequest:
    cdef readonly str method
    cdef readonly str path
    cdef readonly bytes query
    cdef readonly bytes body
    cdef readonly dict headers
