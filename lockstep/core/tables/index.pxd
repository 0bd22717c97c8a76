from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.tables.pool cimport NIL, Pool, pool_at
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.shm.atomics cimport prefetch

cdef enum:
    SEGMENT_SLOTS = 4096
    SEGMENT_FULL = 2048     # above this a segment is split in two: emptier, most looks end in the line they begin in
    MAX_DEPTH = 20          # so that directory bits and slot bits share the 32 bits of a tag
    SECRETS = 5
    MOST_STEPS = 3          # that nearly all looks take: they may end in the next line of the cache

cdef extern from *:
    ctypedef unsigned long long uint128 "unsigned __int128"

cdef struct Segment:
    uint64_t slots[SEGMENT_SLOTS]

# What is known of the segment with the same number; together, so that it stays in the cache.
cdef struct Head:
    uint32_t count
    uint32_t depth          # how many leading bits the tags in it have in common

# What items begin with where the pair is their key: what `index_find` and `keyed_tag` look at.
cdef struct Keyed:
    uint64_t key
    uint32_t owner

cdef struct Index:
    Pool segments
    Pool heads
    uint32_t *directory     # 2**depth segment numbers, by the leading bits of the tag
    uint32_t depth
    uint64_t secrets[SECRETS]

ctypedef uint32_t (*TagOf)(const Index *index, const char *item) noexcept nogil

cdef int index_open(Index *index) except -1
cdef void index_close(Index *index) noexcept
cdef int index_put(Index *index, uint32_t tag, uint32_t item) except -1 nogil
cdef void index_remove(Index *index, uint32_t tag, uint32_t item) noexcept nogil
cdef uint64_t index_check(const Index *index, const Pool *items, TagOf tag_of_item) except? -1
cdef int index_save(const Index *index, Saver saver) except -1
cdef int index_load(Index *index, Loader loader) except -1
cdef uint32_t keyed_tag(const Index *index, const char *item) noexcept nogil


cdef inline uint64_t fold(uint64_t a, uint64_t b) noexcept nogil:
    """Both halves of a product: every bit of either factor reaches every bit of it (wyhash, Wang Yi 2019)."""
    cdef uint128 product = <uint128> a * b
    return <uint64_t> product ^ <uint64_t> (product >> 64)


cdef inline uint32_t tag_of(const Index *index, uint64_t key, uint32_t owner) noexcept nogil:
    """32 bits that stand for a key: a hash keyed with the index's secrets."""
    cdef uint64_t mixed = fold(key ^ index.secrets[0], owner ^ index.secrets[1])
    return <uint32_t> (fold(mixed, index.secrets[2]) >> 32)


cdef inline uint32_t tag_of_serial(const Index *index, uint64_t key) noexcept nogil:
    """A tag for keys that are handed out one after the other: eight neighbours share a line of slots."""
    return (tag_of(index, key >> 3, 0) & <uint32_t> ~7) | <uint32_t> (key & 7)


cdef inline uint32_t number_of(const Index *index, uint32_t tag) noexcept nogil:
    return index.directory[(<uint64_t> tag << index.depth) >> 32]


cdef inline Segment *segment_of(const Index *index, uint32_t tag) noexcept nogil:
    return <Segment *> pool_at(&index.segments, number_of(index, tag))


cdef inline void index_expect(const Index *index, uint32_t tag) noexcept nogil:
    """Asks for what says where a tag's slots are, so that `index_prefetch` doesn't wait for it."""
    prefetch(&index.directory[(<uint64_t> tag << index.depth) >> 32])


cdef inline void index_prefetch(const Index *index, uint32_t tag) noexcept nogil:
    """Asks for the slots of a tag, so that a later look, put or removal doesn't wait for them."""
    cdef const Segment *segment = segment_of(index, tag)
    prefetch(&segment.slots[tag & (SEGMENT_SLOTS - 1)])
    prefetch(&segment.slots[(tag + MOST_STEPS) & (SEGMENT_SLOTS - 1)])


cdef inline uint32_t index_next(const Index *index, uint32_t tag, uint32_t *place) noexcept nogil:
    """The next item whose key has this tag, or NIL. `place` is the tag itself at first, and then ours."""
    cdef const Segment *segment = segment_of(index, tag)
    cdef uint64_t slot = segment.slots[place[0] & (SEGMENT_SLOTS - 1)]
    while slot != 0:
        place[0] += 1
        if slot >> 32 == tag:
            return <uint32_t> slot
        slot = segment.slots[place[0] & (SEGMENT_SLOTS - 1)]
    return NIL


cdef inline uint32_t index_find(
    const Index *index, const Pool *items, uint32_t tag, uint64_t key, uint32_t owner
) noexcept nogil:
    """The item of `items`, which are `Keyed`, with this key, or NIL."""
    cdef uint32_t place = tag
    cdef uint32_t item = index_next(index, tag, &place)
    cdef const Keyed *keyed = <const Keyed *> pool_at(items, item)
    while item != NIL and not (keyed.key == key and keyed.owner == owner):
        item = index_next(index, tag, &place)
        keyed = <const Keyed *> pool_at(items, item)
    return item


cdef inline uint64_t index_size(const Index *index) noexcept nogil:
    """Bytes in use."""
    return index.segments.live * (index.segments.item_size + index.heads.item_size) + (sizeof(uint32_t) << index.depth)


cdef inline uint64_t index_span(const Index *index) noexcept nogil:
    """How many places `index_item` can be asked about."""
    return <uint64_t> (index.segments.used - 1) * SEGMENT_SLOTS


cdef inline uint32_t index_item(const Index *index, uint64_t place) noexcept nogil:
    """The item at a place, or NIL: over all places, every item once, in an order that means nothing."""
    cdef const Segment *segment = <const Segment *> pool_at(
        &index.segments, <uint32_t> (place // SEGMENT_SLOTS) + NIL + 1
    )
    return <uint32_t> segment.slots[place % SEGMENT_SLOTS]
