"""Items of one size named by 32-bit indexes, and hash tables that chain them: the memory of the router's state.

It never gives memory back to the machine, and knows nothing of what its items hold but their first four bytes.

An item begins with the index of the next one: in its table's chain while it is live, in the free list else. A pool
grows by remapping (the kernel moves page tables, nobody copies), and pages are taken when first touched. A table grows
by linear hashing (Litwin 1980): each item too many splits one chain in two, so no insertion ever rehashes everything.
Keys are chosen by users, so hashes are keyed with secrets of the process; where items lie is never part of state.
"""

import os

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy
from posix.mman cimport (
    MAP_ANONYMOUS, MAP_FAILED, MAP_POPULATE, MAP_PRIVATE, PROT_READ, PROT_WRITE, mmap, mremap, munmap,
)

cdef extern from "<sys/mman.h>" nogil:
    int MREMAP_MAYMOVE

cdef uint32_t MAX_ITEMS = 0x80000000


cdef void *map_zeroed(uint64_t size) except NULL:
    cdef void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)
    if memory == MAP_FAILED:
        raise MemoryError(f"no memory for {size} bytes of the router's state")
    return memory


cdef void *map_twice(void *memory, uint64_t size) except NULL nogil:
    cdef void *grown = mremap(memory, size, size * 2, MREMAP_MAYMOVE)
    if grown == MAP_FAILED:
        with gil:
            raise MemoryError(f"no memory to double {size} bytes of the router's state")
    return grown


cdef int pool_open(Pool *pool, uint64_t item_size, uint32_t capacity) except -1:
    """Make `pool` empty, with touched memory for `capacity` items. MemoryError where the machine has none."""
    pool.items = <char *> map_zeroed(item_size * capacity)
    pool.item_size = item_size
    pool.capacity = capacity
    pool.used = NIL + 1
    pool.free = NIL
    pool.live = 0
    return 0


cdef void pool_close(Pool *pool) noexcept:
    if pool.items != NULL:
        munmap(pool.items, pool.item_size * pool.capacity)
        pool.items = NULL


cdef int pool_grow(Pool *pool) except -1 nogil:
    if pool.capacity >= MAX_ITEMS:
        with gil:
            raise MemoryError(f"a pool holds at most {MAX_ITEMS} items")
    pool.items = <char *> map_twice(pool.items, pool.item_size * pool.capacity)
    pool.capacity *= 2
    return 0


cdef int table_open(Table *table, HashOf hash_of, uint32_t capacity) except -1:
    """Make `table` empty. `capacity` is a power of two: how many chains have touched memory at once."""
    cdef bytes secret = os.urandom(sizeof(table.secret))
    table.heads = <uint32_t *> map_zeroed(<uint64_t> capacity * sizeof(uint32_t))
    table.capacity = capacity
    table.size = capacity
    table.mask = capacity - 1
    table.count = 0
    table.hash_of = hash_of
    memcpy(table.secret, <const char *> secret, sizeof(table.secret))
    return 0


cdef void table_close(Table *table) noexcept:
    if table.heads != NULL:
        munmap(table.heads, <uint64_t> table.capacity * sizeof(uint32_t))
        table.heads = NULL


cdef int table_put(Table *table, Pool *pool, uint32_t item, uint64_t hashed) except -1 nogil:
    """Add an item whose key is not there yet. MemoryError."""
    cdef uint32_t *head = &table.heads[bucket_of(table, hashed)]
    (<uint32_t *> pool_at(pool, item))[0] = head[0]
    head[0] = item
    table.count += 1
    if table.count > table.size:
        split(table, pool)
    return 0


cdef int split(Table *table, Pool *pool) except -1 nogil:
    """Share out the chain whose turn it is between its bucket and a new one behind all others."""
    cdef uint32_t item, following, bucket, old
    if table.size == table.capacity:
        table.heads = <uint32_t *> map_twice(table.heads, <uint64_t> table.capacity * sizeof(uint32_t))
        table.capacity *= 2
    if table.size > table.mask:
        table.mask = 2 * table.mask + 1
    old = table.size & (table.mask >> 1)
    table.size += 1
    item = table.heads[old]
    table.heads[old] = NIL
    while item != NIL:
        following = next_of(pool, item)
        bucket = bucket_of(table, table.hash_of(pool_at(pool, item), table.secret))
        (<uint32_t *> pool_at(pool, item))[0] = table.heads[bucket]
        table.heads[bucket] = item
        item = following
    return 0


cdef void table_remove(Table *table, Pool *pool, uint32_t item, uint64_t hashed) noexcept nogil:
    """Take an item that is there out of its chain."""
    cdef uint32_t *at = &table.heads[bucket_of(table, hashed)]
    while at[0] != item:
        at = <uint32_t *> pool_at(pool, at[0])
    at[0] = next_of(pool, item)
    table.count -= 1


cdef int table_check(const Table *table, const Pool *pool) except -1:
    """AssertionError unless every item is in the chain of its key's hash, and counts agree."""
    cdef uint32_t bucket, item
    cdef uint64_t found = 0
    for bucket in range(table.size):
        item = table.heads[bucket]
        while item != NIL:
            assert bucket_of(table, table.hash_of(pool_at(pool, item), table.secret)) == bucket, "in a wrong chain"
            found += 1
            assert found <= pool.live, "a chain is a circle, or holds items that are not live"
            item = next_of(pool, item)
    assert found == table.count == pool.live, f"{found} in chains, {table.count} counted, {pool.live} live"
    return 0
