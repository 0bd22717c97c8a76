from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.shm.atomics cimport prefetch

cdef enum:
    NIL = 0  # no item: the first of every pool is never handed out

cdef struct Pool:
    char *items
    uint64_t item_size
    uint32_t capacity
    uint32_t used     # items ever handed out, and the nil one; those beyond were never touched
    uint32_t free     # the item given back last; its first four bytes name the one before
    uint32_t live     # items handed out now

cdef int pool_open(Pool *pool, uint64_t item_size, uint32_t capacity, bint scattered=*) except -1
cdef void pool_close(Pool *pool) noexcept
cdef int pool_grow(Pool *pool) except -1 nogil
cdef int pool_check(const Pool *pool) except -1
cdef int pool_save(const Pool *pool, Saver saver) except -1
cdef int pool_load(Pool *pool, Loader loader) except -1


cdef inline char *pool_at(const Pool *pool, uint32_t item) noexcept nogil:
    return pool.items + item * pool.item_size


cdef inline uint32_t pool_take(Pool *pool) except 0 nogil:
    """An item with whatever it held before. May move the pool: pointers into it are void afterwards. MemoryError."""
    cdef uint32_t item = pool.free
    if item != NIL:
        pool.free = (<uint32_t *> pool_at(pool, item))[0]
        prefetch(pool_at(pool, pool.free))
    else:
        if pool.used == pool.capacity:
            pool_grow(pool)
        item = pool.used
        pool.used += 1
    pool.live += 1
    return item


cdef inline void pool_give(Pool *pool, uint32_t item) noexcept nogil:
    (<uint32_t *> pool_at(pool, item))[0] = pool.free
    pool.free = item
    pool.live -= 1
