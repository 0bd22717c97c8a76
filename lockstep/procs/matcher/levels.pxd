from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from lockstep.core.tables.index cimport Index, index_find, tag_of
from lockstep.core.tables.pool cimport NIL, Pool, pool_at

cdef extern from *:
    ctypedef long long int128 "__int128"

# One price of one ladder. `key` and `owner` lead: the index looks at them.
cdef struct Level:
    int64_t key         # the price of an ask, the complement of the price of a bid: the best has the least
    uint32_t owner      # of the ladder: instrument x 8 + which of its ladders
    uint32_t orders
    uint32_t head       # the order that has waited longest
    uint32_t tail
    uint32_t better     # neighbours in price
    uint32_t worse
    uint32_t parent     # the balanced tree that finds a new level's neighbours
    uint32_t left
    uint32_t right
    int32_t balance     # height of right minus height of left: -1, 0, 1
    int128 lots         # sum of its orders' leaves: beyond 64 bits where they are extreme

# One side of one instrument, or orders that wait there.
cdef struct Ladder:
    uint32_t best
    uint32_t root
    uint32_t count

# The levels of all ladders of a matcher.
cdef struct Levels:
    Pool pool
    Index index

cdef int levels_open(Levels *levels, uint32_t capacity) except -1
cdef void levels_close(Levels *levels) noexcept
cdef uint32_t level_add(Levels *levels, Ladder *ladder, uint32_t owner, int64_t key) except 0 nogil
cdef void level_remove(Levels *levels, Ladder *ladder, uint32_t item) noexcept nogil
cdef int ladder_check(const Levels *levels, const Ladder *ladder, uint32_t owner) except -1
cdef uint64_t levels_check(const Levels *levels) except? -1


cdef inline Level *level_at(const Levels *levels, uint32_t item) noexcept nogil:
    return <Level *> pool_at(&levels.pool, item)


cdef inline uint32_t level_find(const Levels *levels, uint32_t owner, int64_t key) noexcept nogil:
    """The level of `owner` with this key, or NIL."""
    return index_find(&levels.index, &levels.pool, tag_of(&levels.index, <uint64_t> key, owner), <uint64_t> key, owner)
