"""A growable array of items of one size: what is added goes to the end.

It never shrinks, and knows nothing of what its items hold.
"""

from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc, realloc

from lockstep.core.tables.saved cimport Loader, Saver


cdef int array_open(Array *array, uint64_t item_size, uint64_t capacity) except -1:
    """Make `array` empty, with memory for `capacity` items, at least 1. MemoryError."""
    array.items = <char *> malloc(capacity * item_size)
    if array.items == NULL:
        raise MemoryError(f"no memory for {capacity} items of {item_size} bytes")
    array.item_size = item_size
    array.capacity = capacity
    array.count = 0
    return 0


cdef void array_close(Array *array) noexcept:
    free(array.items)
    array.items = NULL


cdef int array_reserve(Array *array, uint64_t capacity) except -1 nogil:
    """Have memory for `capacity` items; those that are there stay, at another address perhaps. MemoryError."""
    cdef char *grown
    if capacity <= array.capacity:
        return 0
    grown = <char *> realloc(array.items, capacity * array.item_size)
    if grown == NULL:
        with gil:
            raise MemoryError(f"no memory for {capacity} items of {array.item_size} bytes")
    array.items = grown
    array.capacity = capacity
    return 0


cdef int array_save(const Array *array, Saver saver) except -1:
    """Add its items to a part. OSError."""
    saver.put_64(array.item_size)
    saver.put_64(array.count)
    return saver.put(array.items, array.count * array.item_size)


cdef int array_load(Array *array, Loader loader) except -1:
    """Replace its items with those of a part. DamagedPart, MemoryError."""
    cdef uint64_t count
    loader.expect(array.item_size, b"bytes in an item of an array")
    count = loader.get_64()
    array_reserve(array, count)
    loader.get(array.items, count * array.item_size)
    array.count = count
    return 0
