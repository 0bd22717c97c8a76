cimport cython
from libc.stdint cimport uint32_t, uint64_t

from lockstep.procs.gateway.store_reader cimport StoreEntry


@cython.final
cdef class Lookup:
    cdef object folder
    cdef list bases
    cdef int fd
    cdef uint64_t base
    cdef uint64_t until          # where the next segment begins; 0: it is the last one
    cdef char *buffer
    cdef uint64_t held_from
    cdef size_t held
    cdef readonly uint64_t reads
    cdef readonly uint64_t bytes_read
    cdef bint has(self, uint64_t position)
    cdef const StoreEntry *header(self, uint64_t position, uint32_t session) except NULL
    cdef const StoreEntry *entry(self, uint64_t position) except NULL
    cdef const char *hold(self, uint64_t position, uint64_t first, size_t size) except NULL
    cdef int fill(self, uint64_t first, size_t size) except -1
    cdef void forget(self) noexcept
    cdef int seek(self, uint64_t position) except -1
