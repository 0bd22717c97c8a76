from libc.stdint cimport uint64_t

from lockstep.core.tables.index cimport Index
from lockstep.core.tables.pool cimport Pool

cdef int pool_touch(Pool *pool, uint64_t items) except -1 nogil
cdef int index_touch(Index *index, uint64_t items) except -1 nogil
