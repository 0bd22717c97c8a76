"""Makes room in tables before it is needed: memory that was never touched costs as much as all else that is done in it.

It changes nothing that a table holds, and takes nothing that a table would not take when it has so many items.
"""

from libc.stdint cimport uint64_t

from lockstep.core.tables.index cimport SEGMENT_FULL
from lockstep.core.tables.pool cimport pool_grow

cdef extern from "<sys/mman.h>" nogil:
    int madvise(void *memory, size_t size, int advice)

cdef int POPULATE_WRITE = 23  # MADV_POPULATE_WRITE, Linux 5.14; an older kernel refuses, and pages come when touched


cdef int pool_touch(Pool *pool, uint64_t items) except -1 nogil:
    """Have `items` items' memory at hand. MemoryError."""
    while pool.capacity < items:
        pool_grow(pool)
    madvise(pool.items, pool.item_size * items, POPULATE_WRITE)
    return 0


cdef int index_touch(Index *index, uint64_t items) except -1 nogil:
    """Have the segments' memory at hand that `items` items will take. MemoryError."""
    return pool_touch(&index.segments, items // SEGMENT_FULL)
