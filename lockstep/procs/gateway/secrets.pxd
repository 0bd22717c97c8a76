from lockstep.procs.gateway.fix.message cimport Message

cdef bint has_secret(Message message) noexcept nogil
cdef bint blank(char *message, size_t size) noexcept nogil
