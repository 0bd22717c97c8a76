from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.tables.pool cimport Pool
from lockstep.core.tables.saved cimport Loader, Saver

# What items of a heap begin with.
cdef struct Expiring:
    uint64_t expire_ns
    uint32_t place      # in the heap, from 1; 0: not in it

# Items of a pool by when they expire: a binary heap.
cdef struct Heap:
    uint32_t *items     # [1] expires first; [0] is nobody's
    uint32_t count
    uint32_t capacity

cdef int heap_open(Heap *heap, uint32_t capacity) except -1
cdef void heap_close(Heap *heap) noexcept
cdef int heap_put(Heap *heap, const Pool *pool, uint32_t item) except -1 nogil
cdef void heap_remove(Heap *heap, const Pool *pool, uint32_t item) noexcept nogil
cdef int heap_save(const Heap *heap, Saver saver) except -1
cdef int heap_load(Heap *heap, Loader loader) except -1
cdef uint32_t heap_check(const Heap *heap, const Pool *pool) except? -1
cdef uint64_t next_day_end(uint64_t time_ns, uint32_t day_end_s) noexcept nogil


cdef inline uint32_t heap_first(const Heap *heap) noexcept nogil:
    """What expires first, or 0."""
    return heap.items[1] if heap.count else 0
