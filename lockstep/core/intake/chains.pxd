from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    CHUNK_ORDERS = 16384
    MAX_CHUNKS = 2048

# The place of an order in the chain of its bucket, in one of the two indexes.
cdef struct Link:
    uint32_t next            # 0: the chain's last
    uint32_t hash

cdef struct Index:
    uint32_t *heads
    uint64_t capacity
    uint64_t mask
    uint64_t split
    uint32_t chunk_count
    Link *links[MAX_CHUNKS]

cdef int chains_open(Index *index) except -1
cdef void chains_close(Index *index) noexcept
cdef int chains_extend(Index *index) except -1 nogil
cdef int chains_put(Index *index, uint32_t place, uint32_t hashed, uint64_t count) except -1 nogil
cdef void chains_remove(Index *index, uint32_t place) noexcept nogil
cdef int chains_save(const Index *index, Saver saver) except -1
cdef int chains_load(Index *index, Loader loader) except -1


cdef inline Link *link_of(const Index *index, uint32_t place) noexcept nogil:
    return &index.links[place // CHUNK_ORDERS][place % CHUNK_ORDERS]


cdef inline uint64_t buckets_of(const Index *index) noexcept nogil:
    return index.mask + 1 + index.split


cdef inline uint64_t bucket_of(const Index *index, uint64_t hashed) noexcept nogil:
    cdef uint64_t bucket = hashed & index.mask
    return bucket if bucket >= index.split else hashed & (2 * index.mask + 1)
