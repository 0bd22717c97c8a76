"""An index of the order table: the places of a bucket are a chain of links, which lie apart from the orders.

It knows only hashes and places: the caller walks a chain and compares orders.

Linear hashing: one bucket is split at each insertion that finds as many orders as buckets, so no insertion pays for all
of them, and a split, which moves orders of long ago, looks at no order::

    link:   │ next place 4 │ hash 4 │   in chunks of 16,384, as the orders
    index:  heads[bucket] → first place
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc

from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.shm.atomics cimport prefetch

cdef enum:
    FIRST_BUCKETS = 262144           # 1 MiB an index; splitting begins beyond
    SPLITS_AHEAD = 8                 # of the bucket that is split, whose first link is fetched

assert sizeof(Link) == 8
assert FIRST_BUCKETS & (FIRST_BUCKETS - 1) == 0


cdef int chains_open(Index *index) except -1:
    """Make an index of nothing. MemoryError."""
    index.heads = <uint32_t *> calloc(2 * FIRST_BUCKETS, sizeof(uint32_t))
    index.capacity = 2 * FIRST_BUCKETS
    index.mask = FIRST_BUCKETS - 1
    index.split = 0
    index.chunk_count = 0
    if index.heads == NULL:
        raise MemoryError("no memory for the index of the order table")
    return 0


cdef void chains_close(Index *index) noexcept:
    cdef uint32_t chunk
    for chunk in range(index.chunk_count):
        free(index.links[chunk])
    free(index.heads)


cdef int chains_extend(Index *index) except -1 nogil:
    """Allocate links for one more chunk of places. MemoryError."""
    index.links[index.chunk_count] = <Link *> calloc(CHUNK_ORDERS, sizeof(Link))
    if index.links[index.chunk_count] == NULL:
        with gil:
            raise MemoryError("no memory for the index of the order table")
    index.chunk_count += 1
    return 0


cdef int chains_put(Index *index, uint32_t place, uint32_t hashed, uint64_t count) except -1 nogil:
    """Add the place of an order with this hash; `count` are there. MemoryError."""
    cdef Link *link = link_of(index, place)
    cdef uint32_t *head
    if count >= buckets_of(index):
        split(index)
    link.hash = hashed
    head = &index.heads[bucket_of(index, hashed)]
    link.next = head[0]
    head[0] = place
    return 0


cdef void chains_remove(Index *index, uint32_t place) noexcept nogil:
    cdef uint32_t *at = &index.heads[bucket_of(index, link_of(index, place).hash)]
    while at[0] != place:
        at = &link_of(index, at[0]).next
    at[0] = link_of(index, place).next


cdef int split(Index *index) except -1 nogil:
    """Add a bucket: it takes its share of the orders of bucket `split`."""
    cdef uint64_t added = buckets_of(index)
    cdef uint32_t *at
    cdef uint32_t place
    cdef Link *link
    if added == index.capacity:
        grow(index)
    index.heads[added] = 0
    if index.split + SPLITS_AHEAD <= index.mask:
        prefetch(link_of(index, index.heads[index.split + SPLITS_AHEAD]))
    at = &index.heads[index.split]
    while at[0]:
        place = at[0]
        link = link_of(index, place)
        if link.hash & (2 * index.mask + 1) == added:
            at[0] = link.next
            link.next = index.heads[added]
            index.heads[added] = place
        else:
            at = &link.next
    index.split += 1
    if index.split > index.mask:
        index.mask = 2 * index.mask + 1
        index.split = 0
    return 0


cdef int grow(Index *index) except -1 nogil:
    """Twice as much memory for buckets."""
    cdef void *grown = realloc(index.heads, 2 * index.capacity * sizeof(uint32_t))
    if grown == NULL:
        with gil:
            raise MemoryError("no memory for the index of the order table")
    index.heads = <uint32_t *> grown
    index.capacity *= 2
    return 0


cdef int chains_save(const Index *index, Saver saver) except -1:
    """Add the index to a part, as it lies in memory."""
    cdef uint32_t chunk
    saver.put_64(index.chunk_count)
    for chunk in range(index.chunk_count):
        saver.put(index.links[chunk], CHUNK_ORDERS * sizeof(Link))
    saver.put_64(index.mask)
    saver.put_64(index.split)
    return saver.put(index.heads, buckets_of(index) * sizeof(uint32_t))


cdef int chains_load(Index *index, Loader loader) except -1:
    """Load saved state into an index, with links for as many places. DamagedPart, MemoryError."""
    cdef uint32_t chunk
    loader.expect(index.chunk_count, b"chunks of links of the order table")
    for chunk in range(index.chunk_count):
        loader.get(index.links[chunk], CHUNK_ORDERS * sizeof(Link))
    index.mask = loader.get_64()
    index.split = loader.get_64()
    while index.capacity < buckets_of(index):
        grow(index)
    return loader.get(index.heads, buckets_of(index) * sizeof(uint32_t))
