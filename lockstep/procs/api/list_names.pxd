cimport cython
from libc.stdint cimport uint16_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport CL_ORD_ID_SIZE
from lockstep.core.tables.index cimport Index
from lockstep.core.tables.pool cimport Pool

# The list's number and account are its key.
cdef struct ListName:
    uint64_t list_id
    uint32_t account
    uint16_t is_newest       # whether no later list of the account has this name
    uint16_t orders          # of the list's two, how many are not forgotten yet
    char name[CL_ORD_ID_SIZE]


@cython.final
cdef class ListNames:
    cdef Pool pool
    cdef Index by_list
    cdef Index by_name       # the newest of each name
    cdef int note(self, uint64_t list_id, uint32_t account, const char *name) except -1 nogil
    cdef int forget(self, uint64_t list_id, uint32_t account) except -1 nogil
    cdef uint32_t newest(self, uint32_t account, const char *name) noexcept nogil
