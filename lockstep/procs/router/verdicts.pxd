# Where records have what many types share: the verdict and the client id.
from libc.stdint cimport uint16_t

cdef uint16_t *verdict_of(char *record) noexcept nogil
cdef const char *client_id_of(const char *record) noexcept nogil
