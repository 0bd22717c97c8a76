"""Items of one size in one span of memory, named by 32-bit indexes, which stay true when the span moves.

It never gives memory back to the machine, and knows nothing of what its items hold.

A pool grows by doubling its mapping (mremap): the kernel moves page tables, nobody copies items, and pages are taken
when they are first touched. So growth takes microseconds, however large the pool is.
"""

from libc.stdint cimport uint32_t, uint64_t
from posix.mman cimport (
    MAP_ANONYMOUS, MAP_FAILED, MAP_POPULATE, MAP_PRIVATE, PROT_READ, PROT_WRITE, mmap, mremap, munmap,
)

from lockstep.core.tables.saved cimport Loader, Saver

from lockstep.core.tables.saved import DamagedPart

cdef extern from "<sys/mman.h>" nogil:
    int MREMAP_MAYMOVE
    int MADV_HUGEPAGE
    int madvise(void *memory, size_t size, int advice)

cdef uint32_t MAX_ITEMS = 0x80000000


cdef int pool_open(Pool *pool, uint64_t item_size, uint32_t capacity, bint scattered=False) except -1:
    """Make `pool` empty, with touched memory for `capacity` items. MemoryError where the machine has none.

    Where accesses will be `scattered` all over it, it asks for huge pages: else most wait for a page table first.
    Others go without, since it takes milliseconds to get one where the machine's memory is in pieces.
    """
    cdef void *items = mmap(
        NULL, item_size * capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0
    )
    if items == MAP_FAILED:
        raise MemoryError(f"no memory for {capacity} items of {item_size} bytes")
    if scattered:
        madvise(items, item_size * capacity, MADV_HUGEPAGE)  # kept when it grows; a kernel without them refuses
    pool.items = <char *> items
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
    """Double the capacity. MemoryError where the machine, or 32-bit indexes, have no more."""
    cdef uint64_t size = pool.item_size * pool.capacity
    cdef void *items = MAP_FAILED
    if pool.capacity < MAX_ITEMS:
        items = mremap(pool.items, size, size * 2, MREMAP_MAYMOVE)
    if items == MAP_FAILED:
        with gil:
            raise MemoryError(f"no memory to double {pool.capacity} items of {pool.item_size} bytes")
    pool.items = <char *> items
    pool.capacity *= 2
    return 0


cdef int pool_save(const Pool *pool, Saver saver) except -1:
    """Add all items ever handed out to a part, and the order in which spare ones will be handed out again. OSError."""
    saver.put_64(pool.item_size)
    saver.put_64(pool.used)
    saver.put_64(pool.free)
    saver.put_64(pool.live)
    return saver.put(pool.items, pool.used * pool.item_size)


cdef int pool_load(Pool *pool, Loader loader) except -1:
    """Load saved state into an open pool, with at least its present capacity. DamagedPart, MemoryError."""
    cdef uint64_t used
    loader.expect(pool.item_size, b"bytes in an item of a pool")
    used = loader.get_64()
    if not NIL < used <= MAX_ITEMS:
        raise DamagedPart(f"a pool of {used} items")
    while pool.capacity < used:
        pool_grow(pool)
    pool.used = <uint32_t> used
    pool.free = <uint32_t> loader.get_64()
    pool.live = <uint32_t> loader.get_64()
    return loader.get(pool.items, pool.used * pool.item_size)


cdef int pool_check(const Pool *pool) except -1:
    """AssertionError unless every item ever handed out is either live or on the free list, once."""
    cdef uint32_t item = pool.free
    cdef uint64_t spare = 0
    while item != NIL:
        assert item < pool.used, f"item {item} is on the free list and was never handed out"
        spare += 1
        assert spare < pool.used, "the free list is a circle"
        item = (<const uint32_t *> pool_at(pool, item))[0]
    assert spare + pool.live + NIL + 1 == pool.used, f"{pool.used} used, {pool.live} live, {spare} free"
    return 0
