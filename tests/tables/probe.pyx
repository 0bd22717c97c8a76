"""The shared tables as a test sees them: numbered items in a pool, found by key through an index, and an array.

It adds nothing to what the tables do.
"""

from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.tables.array cimport Array, array_at, array_close, array_load, array_open, array_push, array_save
from lockstep.core.tables.index cimport (
    Index, Keyed, index_check, index_close, index_find, index_item, index_load, index_open, index_put, index_remove,
    index_save, index_span, keyed_tag, tag_of,
)
from lockstep.core.tables.pool cimport (
    Pool, pool_at, pool_check, pool_close, pool_give, pool_load, pool_open, pool_save, pool_take,
)
from lockstep.core.tables.saved cimport Loader, Saver


cdef class Table:
    cdef Pool pool
    cdef Index index
    cdef Array array

    def __cinit__(self):
        pool_open(&self.pool, sizeof(Keyed), 2)
        index_open(&self.index)
        array_open(&self.array, sizeof(uint64_t), 1)

    def __dealloc__(self):
        pool_close(&self.pool)
        index_close(&self.index)
        array_close(&self.array)

    def put(self, uint64_t key) -> int:
        """The item that a key, which is not there, is given."""
        cdef uint32_t item = pool_take(&self.pool)
        (<Keyed *> pool_at(&self.pool, item))[0] = Keyed(key, 0)
        index_put(&self.index, tag_of(&self.index, key, 0), item)
        return item

    def remove(self, uint64_t key) -> int:
        cdef uint32_t item = self.find(key)
        index_remove(&self.index, tag_of(&self.index, key, 0), item)
        pool_give(&self.pool, item)
        return item

    def find(self, uint64_t key) -> int:
        return index_find(&self.index, &self.pool, tag_of(&self.index, key, 0), key, 0)

    def push(self, uint64_t value) -> None:
        (<uint64_t *> array_push(&self.array))[0] = value

    def tags(self) -> list[int]:
        """What lies in each place of the index."""
        return [index_item(&self.index, place) for place in range(index_span(&self.index))]

    def save(self, Saver saver) -> None:
        pool_save(&self.pool, saver)
        index_save(&self.index, saver)
        array_save(&self.array, saver)

    def load(self, Loader loader) -> None:
        pool_load(&self.pool, loader)
        index_load(&self.index, loader)
        array_load(&self.array, loader)

    @property
    def values(self) -> list[int]:
        return [(<const uint64_t *> array_at(&self.array, place))[0] for place in range(self.array.count)]

    def check(self) -> None:
        """AssertionError unless pool and index agree."""
        pool_check(&self.pool)
        assert index_check(&self.index, &self.pool, keyed_tag) == self.pool.live
