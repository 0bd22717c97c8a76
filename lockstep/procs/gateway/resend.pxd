cimport cython
from libc.stdint cimport uint32_t, uint64_t

from lockstep.procs.gateway.lookup cimport Lookup
from lockstep.procs.gateway.store cimport Store
from lockstep.procs.gateway.store_reader cimport StoreEntry


@cython.final
cdef class Resend:
    cdef Store store
    cdef readonly Lookup lookup
    cdef uint32_t session
    cdef uint32_t generation
    cdef uint32_t begin          # the first number that is not given or passed over yet
    cdef uint32_t end
    cdef uint32_t covered        # the last number of the stretch that is walked or given
    cdef uint64_t walk_at        # the next entry to walk back over; 0: the stretch is known
    cdef uint64_t *found         # positions of the stretch's messages, the first one last
    cdef uint32_t count
    cdef uint32_t capacity
    cdef const StoreEntry *next(self, int *work) except? NULL
    cdef bint is_done(self) noexcept
    cdef int begin_stretch(self) except -1
    cdef int walk(self) except -1
    cdef int note(self, uint64_t position) except -1
