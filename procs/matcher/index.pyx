"""A hash index from keys to the 32-bit items of a pool: extendible hashing over segments of linear probing.

It holds no keys (they are the first fields of the items) and never rehashes more than one segment at a time.

A slot (8 bytes, 0 where empty)::

    63                          32 31                           0
    ┌─────────────────────────────┬─────────────────────────────┐
    │ tag: hash of the key        │ item, never NIL             │
    └─────────────────────────────┴─────────────────────────────┘
      leading bits: directory       trailing 12 bits of the tag: home slot in the segment

A full segment is split by the next leading bit of its tags, and the directory, a few thousand numbers at most, doubles
when a split needs one bit more than it has: growth moves 32 KiB, however large the index is. Removal shifts back what
probed past the hole, so there are no tombstones and probes stay short however many keys come and go.

Prices are chosen by users, so the hash is keyed with a secret of the process: nobody can choose prices that collide.
The secret decides where slots lie and never what the book says.
"""

import os

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

from procs.matcher.pool cimport pool_check, pool_close, pool_open, pool_take

cdef enum:
    FIRST_SEGMENTS = 4

assert SEGMENT_SLOTS & (SEGMENT_SLOTS - 1) == 0
assert (1 << (32 - MAX_DEPTH)) >= SEGMENT_SLOTS


cdef int index_open(Index *index) except -1:
    """Make `index` empty. MemoryError."""
    pool_open(&index.segments, sizeof(Segment), FIRST_SEGMENTS)
    index.directory = <uint32_t *> calloc(1, sizeof(uint32_t))
    if index.directory == NULL:
        raise MemoryError("no memory for an index")
    index.depth = 0
    index.secret = int.from_bytes(os.urandom(8), "little")
    index.multiplier = int.from_bytes(os.urandom(8), "little") | 1
    index.directory[0] = segment_new(index, 0)
    return 0


cdef void index_close(Index *index) noexcept:
    pool_close(&index.segments)
    free(index.directory)
    index.directory = NULL


cdef uint32_t segment_new(Index *index, uint32_t depth) except 0 nogil:
    cdef uint32_t number = pool_take(&index.segments)
    cdef Segment *segment = <Segment *> pool_at(&index.segments, number)
    memset(segment, 0, sizeof(Segment))
    segment.depth = depth
    return number


cdef inline void segment_put(Segment *segment, uint64_t slot) noexcept nogil:
    cdef uint32_t at = <uint32_t> (slot >> 32) & (SEGMENT_SLOTS - 1)
    while segment.slots[at] != 0:
        at = (at + 1) & (SEGMENT_SLOTS - 1)
    segment.slots[at] = slot
    segment.count += 1


cdef int index_put(Index *index, uint32_t tag, uint32_t item) except -1 nogil:
    """Add an item whose key is not there yet. MemoryError."""
    while segment_of(index, tag).count >= SEGMENT_FULL:
        split(index, tag)
    segment_put(segment_of(index, tag), (<uint64_t> tag << 32) | item)
    return 0


cdef int split(Index *index, uint32_t tag) except -1 nogil:
    """Share out the segment of `tag` between itself (next bit 0) and a new one (next bit 1)."""
    cdef uint32_t depth = segment_of(index, tag).depth
    cdef uint32_t sibling, place, span, i
    cdef Segment *segment
    if depth == index.depth:
        directory_double(index)
    sibling = segment_new(index, depth + 1)
    segment = segment_of(index, tag)
    segment.depth = depth + 1
    span = 1 << (index.depth - depth)
    place = <uint32_t> ((<uint64_t> tag << index.depth) >> 32) & ~(span - 1)
    for i in range(place + span // 2, place + span):
        index.directory[i] = sibling
    share_out(segment, <Segment *> pool_at(&index.segments, sibling))
    return 0


cdef void share_out(Segment *segment, Segment *sibling) noexcept nogil:
    """Move what has the deciding bit to `sibling`, and the rest to where it now belongs."""
    cdef uint64_t moved[SEGMENT_SLOTS]
    cdef uint32_t count = 0
    cdef uint32_t i
    for i in range(SEGMENT_SLOTS):
        if segment.slots[i] != 0:
            moved[count] = segment.slots[i]
            count += 1
            segment.slots[i] = 0
    segment.count = 0
    for i in range(count):
        segment_put(sibling if (moved[i] >> (64 - segment.depth)) & 1 else segment, moved[i])


cdef int directory_double(Index *index) except -1 nogil:
    cdef uint32_t size = 1 << index.depth
    cdef uint32_t *grown = NULL
    cdef uint32_t i
    if index.depth < MAX_DEPTH:
        grown = <uint32_t *> realloc(index.directory, 2 * size * sizeof(uint32_t))
    if grown == NULL:
        with gil:
            raise MemoryError(f"an index of {index.segments.live} segments can't grow")
    for i in range(size, 0, -1):
        grown[2 * i - 1] = grown[2 * i - 2] = grown[i - 1]
    index.directory = grown
    index.depth += 1
    return 0


cdef void index_remove(Index *index, uint32_t tag, uint32_t item) noexcept nogil:
    """Remove an item that is there, and shift back what had to probe past it."""
    cdef Segment *segment = segment_of(index, tag)
    cdef uint64_t wanted = (<uint64_t> tag << 32) | item
    cdef uint32_t hole = tag & (SEGMENT_SLOTS - 1)
    cdef uint32_t at, home
    while segment.slots[hole] != wanted:
        hole = (hole + 1) & (SEGMENT_SLOTS - 1)
    at = hole
    while True:
        at = (at + 1) & (SEGMENT_SLOTS - 1)
        if segment.slots[at] == 0:
            break
        home = <uint32_t> (segment.slots[at] >> 32) & (SEGMENT_SLOTS - 1)
        if ((at - home) & (SEGMENT_SLOTS - 1)) >= ((at - hole) & (SEGMENT_SLOTS - 1)):
            segment.slots[hole] = segment.slots[at]
            hole = at
    segment.slots[hole] = 0
    segment.count -= 1


cdef uint64_t index_check(const Index *index, const Pool *items) except? -1:
    """The number of items. AssertionError unless each is found by its key, and segments and directory agree."""
    cdef uint64_t total = 0
    cdef uint32_t number, i, place = 0, count
    cdef uint64_t slot
    cdef const Segment *segment
    cdef const Keyed *keyed
    pool_check(&index.segments)
    while place < <uint32_t> 1 << index.depth:
        number = index.directory[place]
        segment = <const Segment *> pool_at(&index.segments, number)
        count = 0
        for i in range(SEGMENT_SLOTS):
            slot = segment.slots[i]
            if slot != 0:
                count += 1
                keyed = <const Keyed *> pool_at(items, <uint32_t> slot)
                assert slot >> 32 == tag_of(index, keyed.key, keyed.owner), f"slot {i} has another key's tag"
                assert index_find(index, items, <uint32_t> (slot >> 32), keyed.key, keyed.owner) == <uint32_t> slot
        assert count == segment.count, f"segment {number} counts {segment.count} items and has {count}"
        for i in range(place, place + (1 << (index.depth - segment.depth))):
            assert index.directory[i] == number, f"place {i} of the directory names another segment"
        total += count
        place += 1 << (index.depth - segment.depth)
    return total
