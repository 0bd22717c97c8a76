"""A hash index from keys to the 32-bit items of a pool: extendible hashing over segments of linear probing.

It holds no keys (they are in the items) and never rehashes more than one segment at a time.

A slot (8 bytes, 0 where empty)::

    63                          32 31                           0
    ┌─────────────────────────────┬─────────────────────────────┐
    │ tag: hash of the key        │ item, never NIL             │
    └─────────────────────────────┴─────────────────────────────┘
      leading bits: directory       trailing 12 bits of the tag: home slot in the segment

A full segment is split by the next leading bit of its tags, and the directory, a few thousand numbers at most, doubles
when a split needs one bit more than it has: growth moves 32 KiB, however large the index is. Removal shifts back what
probed past the hole, so there are no tombstones and probes stay short however many keys come and go.

A look reads the directory, which is small, and one line of slots: items with another tag are not touched, and whoever
knows which keys come next can ask for their lines ahead (`index_prefetch`).

Prices and client ids are chosen by users, so the hash is keyed with secrets of the process: nobody can choose keys that
collide. The secrets decide where slots lie and never what the state is; they are saved with the slots, which
mean nothing without them.
"""

import os

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

from lockstep.core.tables.pool cimport pool_check, pool_close, pool_load, pool_open, pool_save, pool_take
from lockstep.core.tables.saved cimport Loader, Saver

from lockstep.core.tables.saved import DamagedPart

cdef enum:
    FIRST_SEGMENTS = 4
    FIRST_HEADS = 512       # a page of them

assert SEGMENT_SLOTS & (SEGMENT_SLOTS - 1) == 0
assert (1 << (32 - MAX_DEPTH)) >= SEGMENT_SLOTS


cdef int index_open(Index *index) except -1:
    """Make `index` empty. MemoryError."""
    cdef int i
    pool_open(&index.segments, sizeof(Segment), FIRST_SEGMENTS, scattered=True)
    pool_open(&index.heads, sizeof(Head), FIRST_HEADS)
    index.directory = <uint32_t *> calloc(1, sizeof(uint32_t))
    if index.directory == NULL:
        raise MemoryError("no memory for an index")
    index.depth = 0
    for i in range(SECRETS):
        index.secrets[i] = int.from_bytes(os.urandom(8), "little") | 1  # no factor that folds everything to nothing
    index.directory[0] = segment_new(index, 0)
    return 0


cdef void index_close(Index *index) noexcept:
    pool_close(&index.segments)
    pool_close(&index.heads)
    free(index.directory)
    index.directory = NULL


cdef int index_save(const Index *index, Saver saver) except -1:
    """Add it to a part. OSError."""
    pool_save(&index.segments, saver)
    pool_save(&index.heads, saver)
    saver.put_64(index.depth)
    saver.put(index.directory, sizeof(uint32_t) << index.depth)
    return saver.put(index.secrets, sizeof(index.secrets))


cdef int index_load(Index *index, Loader loader) except -1:
    """Load saved state into an open index. DamagedPart, MemoryError."""
    cdef uint64_t depth
    cdef uint32_t *directory
    pool_load(&index.segments, loader)
    pool_load(&index.heads, loader)
    depth = loader.get_64()
    if depth > MAX_DEPTH:
        raise DamagedPart(f"an index of depth {depth}")
    directory = <uint32_t *> realloc(index.directory, sizeof(uint32_t) << depth)
    if directory == NULL:
        raise MemoryError("no memory for the directory of an index")
    index.directory = directory
    index.depth = <uint32_t> depth
    loader.get(directory, sizeof(uint32_t) << depth)
    return loader.get(index.secrets, sizeof(index.secrets))


cdef inline Head *head_at(const Index *index, uint32_t number) noexcept nogil:
    return <Head *> pool_at(&index.heads, number)


cdef uint32_t segment_new(Index *index, uint32_t depth) except 0 nogil:
    """An empty segment. None is ever given back, so its head has the same number."""
    cdef uint32_t number = pool_take(&index.segments)
    cdef Head *head = head_at(index, pool_take(&index.heads))
    memset(pool_at(&index.segments, number), 0, sizeof(Segment))
    head.count = 0
    head.depth = depth
    return number


cdef inline void segment_put(Segment *segment, uint64_t slot) noexcept nogil:
    cdef uint32_t at = <uint32_t> (slot >> 32) & (SEGMENT_SLOTS - 1)
    while segment.slots[at] != 0:
        at = (at + 1) & (SEGMENT_SLOTS - 1)
    segment.slots[at] = slot


cdef int index_put(Index *index, uint32_t tag, uint32_t item) except -1 nogil:
    """Add an item whose key is not there yet. MemoryError."""
    while head_at(index, number_of(index, tag)).count >= SEGMENT_FULL:
        split(index, number_of(index, tag), tag)
    segment_put(segment_of(index, tag), (<uint64_t> tag << 32) | item)
    head_at(index, number_of(index, tag)).count += 1
    return 0


cdef int split(Index *index, uint32_t number, uint32_t tag) except -1 nogil:
    """Share out the segment `number`, that of `tag`, between itself (next bit 0) and a new one (next bit 1)."""
    cdef uint32_t depth = head_at(index, number).depth + 1
    cdef uint32_t sibling, place, span, i
    if depth > index.depth:
        directory_double(index)
    sibling = segment_new(index, depth)
    span = 2 << (index.depth - depth)
    place = <uint32_t> ((<uint64_t> tag << index.depth) >> 32) & ~(span - 1)
    for i in range(place + span // 2, place + span):
        index.directory[i] = sibling
    head_at(index, number).depth = depth
    head_at(index, sibling).count = share_out(
        <Segment *> pool_at(&index.segments, number), <Segment *> pool_at(&index.segments, sibling), depth
    )
    head_at(index, number).count -= head_at(index, sibling).count
    return 0


cdef uint32_t share_out(Segment *segment, Segment *sibling, uint32_t depth) noexcept nogil:
    """Move what has bit `depth` to `sibling`, and the rest to where it now belongs; returns how many moved over."""
    cdef uint64_t slots[SEGMENT_SLOTS]
    cdef uint32_t count = 0
    cdef uint32_t over = 0
    cdef uint32_t i
    cdef bint deciding
    for i in range(SEGMENT_SLOTS):
        slots[count] = segment.slots[i]
        count += segment.slots[i] != 0
        segment.slots[i] = 0
    for i in range(count):
        deciding = (slots[i] >> (64 - depth)) & 1
        segment_put(sibling if deciding else segment, slots[i])
        over += deciding
    return over


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
    head_at(index, number_of(index, tag)).count -= 1


cdef uint32_t keyed_tag(const Index *index, const char *item) noexcept nogil:
    return tag_of(index, (<const Keyed *> item).key, (<const Keyed *> item).owner)


cdef bint index_holds(const Index *index, uint32_t tag, uint32_t item) noexcept nogil:
    cdef uint32_t place = tag
    cdef uint32_t found = index_next(index, tag, &place)
    while found != NIL and found != item:
        found = index_next(index, tag, &place)
    return found == item


cdef uint64_t index_check(const Index *index, const Pool *items, TagOf tag_of_item) except? -1:
    """The number of items. AssertionError unless each is found by its key's tag, and segments and directory agree."""
    cdef uint64_t total = 0
    cdef uint32_t number, i, place = 0, count
    cdef uint64_t slot
    cdef const Segment *segment
    cdef const Head *head
    cdef uint32_t tag
    pool_check(&index.segments)
    while place < <uint32_t> 1 << index.depth:
        number = index.directory[place]
        segment = <const Segment *> pool_at(&index.segments, number)
        count = 0
        for i in range(SEGMENT_SLOTS):
            slot = segment.slots[i]
            if slot != 0:
                count += 1
                tag = tag_of_item(index, pool_at(items, <uint32_t> slot))
                assert slot >> 32 == tag, f"slot {i} has another key's tag"
                assert index_holds(index, tag, <uint32_t> slot), f"the item of slot {i} is not found by its tag"
        head = head_at(index, number)
        assert count == head.count, f"segment {number} counts {head.count} items and has {count}"
        for i in range(place, place + (1 << (index.depth - head.depth))):
            assert index.directory[i] == number, f"place {i} of the directory names another segment"
        total += count
        place += 1 << (index.depth - head.depth)
    return total
