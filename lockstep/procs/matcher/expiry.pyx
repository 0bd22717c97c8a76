"""When orders expire: a binary heap of those with their own time, and the ends of days.

It knows no orders and no clock: items of a pool that begin with a time and their place in the heap.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc

from lockstep.core.tables.pool cimport pool_at
from lockstep.core.tables.saved cimport Loader, Saver

cdef uint64_t SECOND_NS = 1_000_000_000
cdef uint64_t DAY_NS = 86_400 * SECOND_NS


cdef int heap_open(Heap *heap, uint32_t capacity) except -1:
    """Make `heap` empty, with memory for `capacity` items. MemoryError."""
    heap.items = <uint32_t *> malloc((capacity + 1) * sizeof(uint32_t))
    if heap.items == NULL:
        raise MemoryError(f"no memory for a heap of {capacity} items")
    heap.items[0] = 0
    heap.capacity = capacity
    heap.count = 0
    return 0


cdef void heap_close(Heap *heap) noexcept:
    free(heap.items)
    heap.items = NULL


cdef inline Expiring *expiring(const Pool *pool, uint32_t item) noexcept nogil:
    return <Expiring *> pool_at(pool, item)


cdef int heap_put(Heap *heap, const Pool *pool, uint32_t item) except -1 nogil:
    """Add an item that is not in it. MemoryError."""
    if heap.count == heap.capacity:
        reserve(heap, 2 * <uint64_t> heap.capacity)
    heap.count += 1
    rise(heap, pool, heap.count, item)
    return 0


cdef int reserve(Heap *heap, uint64_t capacity) except -1 nogil:
    cdef uint32_t *grown
    if capacity <= heap.capacity:
        return 0
    grown = <uint32_t *> realloc(heap.items, (capacity + 1) * sizeof(uint32_t))
    if grown == NULL:
        with gil:
            raise MemoryError(f"no memory for a heap of {capacity} items")
    heap.items = grown
    heap.capacity = <uint32_t> capacity
    return 0


cdef void heap_remove(Heap *heap, const Pool *pool, uint32_t item) noexcept nogil:
    """Take out an item that is in it."""
    cdef uint32_t place = expiring(pool, item).place
    cdef uint32_t last = heap.items[heap.count]
    heap.count -= 1
    expiring(pool, item).place = 0
    if last == item:
        return
    if place > 1 and expiring(pool, last).expire_ns < expiring(pool, heap.items[place // 2]).expire_ns:
        rise(heap, pool, place, last)
    else:
        sink(heap, pool, place, last)


cdef void rise(Heap *heap, const Pool *pool, uint32_t place, uint32_t item) noexcept nogil:
    """Put `item` into the hole at `place`, or nearer to the top while what is above expires later."""
    cdef uint64_t expire_ns = expiring(pool, item).expire_ns
    while place > 1 and expiring(pool, heap.items[place // 2]).expire_ns > expire_ns:
        settle(heap, pool, place, heap.items[place // 2])
        place //= 2
    settle(heap, pool, place, item)


cdef void sink(Heap *heap, const Pool *pool, uint32_t place, uint32_t item) noexcept nogil:
    """Put `item` into the hole at `place`, or further down while what is below expires sooner."""
    cdef uint64_t expire_ns = expiring(pool, item).expire_ns
    cdef uint64_t below = 2 * <uint64_t> place
    while below <= heap.count:
        if below < heap.count and (
            expiring(pool, heap.items[below + 1]).expire_ns < expiring(pool, heap.items[below]).expire_ns
        ):
            below += 1
        if expiring(pool, heap.items[below]).expire_ns >= expire_ns:
            break
        settle(heap, pool, place, heap.items[below])
        place = <uint32_t> below
        below *= 2
    settle(heap, pool, place, item)


cdef inline void settle(Heap *heap, const Pool *pool, uint32_t place, uint32_t item) noexcept nogil:
    heap.items[place] = item
    expiring(pool, item).place = place


cdef uint64_t next_day_end(uint64_t time_ns, uint32_t day_end_s) noexcept nogil:
    """The first moment after `time_ns` that is `day_end_s` seconds after a midnight, UTC; both times since 1970."""
    cdef uint64_t end = time_ns - time_ns % DAY_NS + day_end_s * SECOND_NS
    return end if end > time_ns else end + DAY_NS


cdef int heap_save(const Heap *heap, Saver saver) except -1:
    """Add it to a part. OSError."""
    saver.put_64(heap.count)
    return saver.put(heap.items + 1, heap.count * sizeof(uint32_t))


cdef int heap_load(Heap *heap, Loader loader) except -1:
    """Load a saved heap into an open one. DamagedPart, MemoryError."""
    cdef uint32_t count = <uint32_t> loader.get_64()
    reserve(heap, count)
    heap.count = count
    return loader.get(heap.items + 1, count * sizeof(uint32_t))


cdef uint32_t heap_check(const Heap *heap, const Pool *pool) except? -1:
    """The number of items. AssertionError unless each knows its place, and none expires before the one above it."""
    cdef uint32_t place
    for place in range(1, heap.count + 1):
        assert expiring(pool, heap.items[place]).place == place, f"the item at {place} thinks it is elsewhere"
        if place > 1:
            above = expiring(pool, heap.items[place // 2]).expire_ns
            assert above <= expiring(pool, heap.items[place]).expire_ns, f"what is at {place} expires too late"
    return heap.count
