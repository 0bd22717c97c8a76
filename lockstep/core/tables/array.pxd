from libc.stdint cimport uint64_t

from lockstep.core.tables.saved cimport Loader, Saver

cdef struct Array:
    char *items
    uint64_t item_size
    uint64_t count
    uint64_t capacity

cdef int array_open(Array *array, uint64_t item_size, uint64_t capacity) except -1
cdef void array_close(Array *array) noexcept
cdef int array_reserve(Array *array, uint64_t capacity) except -1 nogil
cdef int array_save(const Array *array, Saver saver) except -1
cdef int array_load(Array *array, Loader loader) except -1


cdef inline char *array_at(const Array *array, uint64_t place) noexcept nogil:
    return array.items + place * array.item_size


cdef inline char *array_push(Array *array) except NULL nogil:
    """One more item at the end, with whatever its memory held. May move the array. MemoryError."""
    if array.count == array.capacity:
        array_reserve(array, 2 * array.capacity)
    array.count += 1
    return array_at(array, array.count - 1)
