from libc.stdint cimport uint32_t, uint64_t

from procs.matcher.pool cimport NIL, Pool, pool_at

cdef enum:
    SEGMENT_SLOTS = 4096
    SEGMENT_FULL = 3072     # above this a segment is split in two
    MAX_DEPTH = 20          # so that directory bits and slot bits share the 32 bits of a tag

cdef struct Segment:
    uint32_t count
    uint32_t depth          # how many leading bits the tags in it have in common
    uint64_t slots[SEGMENT_SLOTS]

# What every indexed item begins with: its key is the pair.
cdef struct Keyed:
    uint64_t key
    uint32_t owner

cdef struct Index:
    Pool segments
    uint32_t *directory     # 2**depth segment numbers, by the leading bits of the tag
    uint32_t depth
    uint64_t secret
    uint64_t multiplier

cdef int index_open(Index *index) except -1
cdef void index_close(Index *index) noexcept
cdef int index_put(Index *index, uint32_t tag, uint32_t item) except -1 nogil
cdef void index_remove(Index *index, uint32_t tag, uint32_t item) noexcept nogil
cdef uint64_t index_check(const Index *index, const Pool *items) except? -1


cdef inline uint32_t tag_of(const Index *index, uint64_t key, uint32_t owner) noexcept nogil:
    """32 bits that stand for a key: a keyed multiplicative hash."""
    cdef uint64_t mixed = (key ^ index.secret) * index.multiplier
    mixed = (mixed ^ (mixed >> 32) ^ owner) * index.multiplier
    mixed = (mixed ^ (mixed >> 29)) * index.multiplier
    return <uint32_t> (mixed >> 32)


cdef inline Segment *segment_of(const Index *index, uint32_t tag) noexcept nogil:
    cdef uint32_t place = <uint32_t> ((<uint64_t> tag << index.depth) >> 32)
    return <Segment *> pool_at(&index.segments, index.directory[place])


cdef inline uint32_t index_find(
    const Index *index, const Pool *items, uint32_t tag, uint64_t key, uint32_t owner
) noexcept nogil:
    """The item of `items` with this key, or NIL."""
    cdef const Segment *segment = segment_of(index, tag)
    cdef uint32_t at = tag & (SEGMENT_SLOTS - 1)
    cdef uint64_t slot = segment.slots[at]
    cdef const Keyed *keyed
    while slot != 0:
        if slot >> 32 == tag:
            keyed = <const Keyed *> pool_at(items, <uint32_t> slot)
            if keyed.key == key and keyed.owner == owner:
                return <uint32_t> slot
        at = (at + 1) & (SEGMENT_SLOTS - 1)
        slot = segment.slots[at]
    return NIL
