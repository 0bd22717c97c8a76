cimport cython


@cython.final
cdef class Parameters:
    cdef readonly dict values        # name → value, decoded, as bytes; without the signature
    cdef readonly bytes signed       # what the signature is of
    cdef readonly bytes signature    # as it was sent, decoded; None without one
    cdef bint is_sorted              # of the WebSocket API
    cpdef bytes get(self, bytes name)
    cpdef bytes require(self, bytes name)
    cpdef int expect(self, frozenset known) except -1
