from libc.stdint cimport uint32_t, uint64_t

cdef enum:
    NIL = 0  # no item: the first of every pool is never handed out

ctypedef uint64_t (*HashOf)(const char *item, const uint64_t *secret) noexcept nogil

cdef struct Pool:
    char *items
    uint64_t item_size
    uint32_t capacity
    uint32_t used
    uint32_t free
    uint32_t live

cdef struct Table:
    uint32_t *heads
    uint32_t capacity
    uint32_t size
    uint32_t mask
    uint32_t count
    HashOf hash_of
    uint64_t secret[4]

cdef int pool_open(Pool *pool, uint64_t item_size, uint32_t capacity) except -1
cdef void pool_close(Pool *pool) noexcept
cdef int pool_grow(Pool *pool) except -1 nogil
cdef int table_open(Table *table, HashOf hash_of, uint32_t capacity) except -1
cdef void table_close(Table *table) noexcept
cdef int table_put(Table *table, Pool *pool, uint32_t item, uint64_t hashed) except -1 nogil
cdef void table_remove(Table *table, Pool *pool, uint32_t item, uint64_t hashed) noexcept nogil
cdef int table_check(const Table *table, const Pool *pool) except -1


cdef inline char *pool_at(const Pool *pool, uint32_t item) noexcept nogil:
    return pool.items + item * pool.item_size


cdef inline uint32_t next_of(const Pool *pool, uint32_t item) noexcept nogil:
    return (<const uint32_t *> pool_at(pool, item))[0]


cdef inline uint32_t pool_take(Pool *pool) except 0 nogil:
    """An item with whatever it held before. May move the pool: pointers into it are void afterwards. MemoryError."""
    cdef uint32_t item = pool.free
    if item != NIL:
        pool.free = next_of(pool, item)
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


cdef inline uint32_t bucket_of(const Table *table, uint64_t hashed) noexcept nogil:
    cdef uint32_t bucket = <uint32_t> hashed & table.mask
    return bucket if bucket < table.size else bucket & (table.mask >> 1)


cdef inline uint32_t head_of(const Table *table, uint64_t hashed) noexcept nogil:
    """The first item of the chain that a key with this hash is in, or NIL; `next_of` leads on."""
    return table.heads[bucket_of(table, hashed)]


cdef inline uint64_t scramble(uint64_t value, uint64_t secret) noexcept nogil:
    """A keyed mix of 64 bits: SplitMix64's finalizer (Steele, Lea, Flood 2014)."""
    cdef uint64_t x = value ^ secret
    x = (x ^ (x >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    x = (x ^ (x >> 27)) * <uint64_t> 0x94D049BB133111EB
    return x ^ (x >> 31)
