"""Price levels: each ladder a chain from best to worst, with a balanced tree to find a new level's place in it.

It knows no orders: a level is added when its first order comes and removed when its last is gone.

Best, next and the walk in depth follow the chain in O(1). A price that has a level is found by hash. A new price looks
for its neighbours from the best level on, where most of them are, then in the tree (an AVL tree: O(log n) whatever
prices users choose). Of two neighbours in order, either the better one has no right child or the worse one has no left
child, so the neighbours give the place in the tree without a search.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset

from lockstep.core.tables.index cimport index_check, index_close, index_open, index_put, index_remove, keyed_tag
from lockstep.core.tables.pool cimport pool_check, pool_close, pool_give, pool_open, pool_take

cdef enum:
    NEAR = 8        # levels from the best on that are tried before the tree is asked

assert sizeof(Level) == 64  # a cache line


cdef int levels_open(Levels *levels, uint32_t capacity) except -1:
    """Make `levels` empty, with touched memory for `capacity` of them. MemoryError."""
    pool_open(&levels.pool, sizeof(Level), capacity, scattered=True)
    index_open(&levels.index)
    return 0


cdef void levels_close(Levels *levels) noexcept:
    pool_close(&levels.pool)
    index_close(&levels.index)


cdef uint32_t level_add(Levels *levels, Ladder *ladder, uint32_t owner, int64_t key) except 0 nogil:
    """A new level without orders; its price has none yet. Invalidates pointers to levels. MemoryError."""
    cdef uint32_t item = pool_take(&levels.pool)
    cdef uint32_t better, worse
    cdef Level *level = level_at(levels, item)
    index_put(&levels.index, tag_of(&levels.index, <uint64_t> key, owner), item)
    memset(level, 0, sizeof(Level))
    level.key = key
    level.owner = owner
    better = level_before(levels, ladder, key)
    worse = level_at(levels, better).worse if better != NIL else ladder.best
    level.better = better
    level.worse = worse
    if better != NIL:
        level_at(levels, better).worse = item
    else:
        ladder.best = item
    if worse != NIL:
        level_at(levels, worse).better = item
    ladder.count += 1
    attach(levels, ladder, item)
    return item


cdef uint32_t level_before(const Levels *levels, const Ladder *ladder, int64_t key) noexcept nogil:
    """The worst level that is better than `key`, or NIL."""
    cdef uint32_t better = NIL
    cdef uint32_t item = ladder.best
    cdef int _step
    for _step in range(NEAR):
        if item == NIL or level_at(levels, item).key > key:
            return better
        better = item
        item = level_at(levels, item).worse
    item = ladder.root
    while item != NIL:
        if level_at(levels, item).key < key:
            better = item
            item = level_at(levels, item).right
        else:
            item = level_at(levels, item).left
    return better


cdef void level_remove(Levels *levels, Ladder *ladder, uint32_t item) noexcept nogil:
    """Take an empty level out."""
    cdef Level *level = level_at(levels, item)
    if level.better != NIL:
        level_at(levels, level.better).worse = level.worse
    else:
        ladder.best = level.worse
    if level.worse != NIL:
        level_at(levels, level.worse).better = level.better
    ladder.count -= 1
    detach(levels, ladder, item)
    index_remove(&levels.index, tag_of(&levels.index, <uint64_t> level.key, level.owner), item)
    pool_give(&levels.pool, item)


cdef void attach(Levels *levels, Ladder *ladder, uint32_t item) noexcept nogil:
    """Hang a level that is in the chain into the tree."""
    cdef Level *level = level_at(levels, item)
    if level.better != NIL and level_at(levels, level.better).right == NIL:
        level.parent = level.better
        level_at(levels, level.parent).right = item
    elif level.worse != NIL:
        level.parent = level.worse
        level_at(levels, level.parent).left = item
    else:
        ladder.root = item
    grown(levels, ladder, item)


cdef void grown(Levels *levels, Ladder *ladder, uint32_t item) noexcept nogil:
    """The subtree at `item` grew by one: balance its ancestors."""
    cdef uint32_t parent = level_at(levels, item).parent
    cdef Level *above
    while parent != NIL:
        above = level_at(levels, parent)
        above.balance += -1 if above.left == item else 1
        if above.balance == 0:
            return
        if above.balance == 2 or above.balance == -2:
            rotate(levels, ladder, parent)
            return
        item = parent
        parent = above.parent


cdef void detach(Levels *levels, Ladder *ladder, uint32_t item) noexcept nogil:
    """Take a level out of the tree."""
    cdef Level *level = level_at(levels, item)
    cdef uint32_t parent = level.parent
    cdef uint32_t heir = level.left if level.right == NIL else level.right
    cdef bint from_left
    if level.left != NIL and level.right != NIL:
        bequeath(levels, ladder, item)
        return
    from_left = parent != NIL and level_at(levels, parent).left == item
    put_in_place(levels, ladder, parent, item, heir)
    shrunk(levels, ladder, parent, from_left)


cdef void bequeath(Levels *levels, Ladder *ladder, uint32_t item) noexcept nogil:
    """Take out a level with two children: the least of the right subtree takes its place."""
    cdef Level *level = level_at(levels, item)
    cdef uint32_t heir = level.right
    cdef uint32_t lowest
    cdef bint from_left
    cdef Level *next_level
    while level_at(levels, heir).left != NIL:
        heir = level_at(levels, heir).left
    next_level = level_at(levels, heir)
    from_left = next_level.parent != item
    lowest = next_level.parent if from_left else heir
    if from_left:
        put_in_place(levels, ladder, next_level.parent, heir, next_level.right)
        next_level.right = level.right
        level_at(levels, next_level.right).parent = heir
    next_level.left = level.left
    level_at(levels, next_level.left).parent = heir
    next_level.balance = level.balance
    put_in_place(levels, ladder, level.parent, item, heir)
    shrunk(levels, ladder, lowest, from_left)


cdef void shrunk(Levels *levels, Ladder *ladder, uint32_t item, bint from_left) noexcept nogil:
    """One subtree of `item` shrank by one: balance it and its ancestors."""
    cdef uint32_t parent
    cdef Level *level
    while item != NIL:
        level = level_at(levels, item)
        level.balance += 1 if from_left else -1
        if level.balance == 1 or level.balance == -1:
            return
        if level.balance != 0:
            item = rotate(levels, ladder, item)
            if level_at(levels, item).balance != 0:
                return
        parent = level_at(levels, item).parent
        from_left = parent != NIL and level_at(levels, parent).left == item
        item = parent


cdef inline void put_in_place(
    Levels *levels, Ladder *ladder, uint32_t parent, uint32_t old, uint32_t new
) noexcept nogil:
    """Make `new` (maybe NIL) the child of `parent` (NIL: the root) that `old` was."""
    if parent == NIL:
        ladder.root = new
    elif level_at(levels, parent).left == old:
        level_at(levels, parent).left = new
    else:
        level_at(levels, parent).right = new
    if new != NIL:
        level_at(levels, new).parent = parent


cdef uint32_t rotate(Levels *levels, Ladder *ladder, uint32_t item) noexcept nogil:
    """Balance a level whose subtrees differ by two; returns the level that took its place."""
    cdef Level *level = level_at(levels, item)
    cdef int32_t lean = 1 if level.balance > 0 else -1
    cdef uint32_t heavy = level.right if lean > 0 else level.left
    cdef Level *child = level_at(levels, heavy)
    cdef Level *inner
    cdef uint32_t middle
    if child.balance != -lean:
        lift(levels, ladder, heavy)
        level.balance = lean if child.balance == 0 else 0
        child.balance = -lean if child.balance == 0 else 0
        return heavy
    middle = child.left if lean > 0 else child.right
    inner = level_at(levels, middle)
    lift(levels, ladder, middle)
    lift(levels, ladder, middle)
    level.balance = -lean if inner.balance == lean else 0
    child.balance = lean if inner.balance == -lean else 0
    inner.balance = 0
    return middle


cdef void lift(Levels *levels, Ladder *ladder, uint32_t item) noexcept nogil:
    """Rotate a level above its parent."""
    cdef Level *level = level_at(levels, item)
    cdef uint32_t parent = level.parent
    cdef Level *above = level_at(levels, parent)
    cdef uint32_t moved
    put_in_place(levels, ladder, above.parent, parent, item)
    if above.left == item:
        moved = level.right
        above.left = moved
        level.right = parent
    else:
        moved = level.left
        above.right = moved
        level.left = parent
    if moved != NIL:
        level_at(levels, moved).parent = parent
    above.parent = item


cdef int ladder_check(const Levels *levels, const Ladder *ladder, uint32_t owner) except -1:
    """AssertionError unless chain, tree, index and count have the same levels of `owner`, in order."""
    cdef uint32_t item = ladder.best
    cdef uint32_t before = NIL
    cdef uint64_t count = 0
    cdef const Level *level
    while item != NIL:
        level = level_at(levels, item)
        assert level.owner == owner, f"level {item} of {level.owner} is in the chain of {owner}"
        assert level.better == before, f"level {item} does not link back to {before}"
        assert before == NIL or level_at(levels, before).key < level.key, f"level {item} is out of order"
        assert level_find(levels, owner, level.key) == item, f"level {item} is not in the index"
        assert tree_next(levels, ladder, before) == item, f"level {item} is elsewhere in the tree than in the chain"
        count += 1
        before = item
        item = level.worse
    assert tree_next(levels, ladder, before) == NIL, "the tree has levels beyond the chain's end"
    assert count == ladder.count, f"{count} levels in the chain, {ladder.count} counted"
    tree_check(levels, ladder.root, NIL)
    return 0


cdef uint32_t tree_next(const Levels *levels, const Ladder *ladder, uint32_t item) noexcept:
    """The level after `item` in the tree's order; its first for NIL."""
    cdef uint32_t below = ladder.root if item == NIL else level_at(levels, item).right
    if below != NIL:
        while level_at(levels, below).left != NIL:
            below = level_at(levels, below).left
        return below
    while item != NIL and level_at(levels, item).parent != NIL:
        if level_at(levels, level_at(levels, item).parent).left == item:
            return level_at(levels, item).parent
        item = level_at(levels, item).parent
    return NIL


cdef int tree_check(const Levels *levels, uint32_t item, uint32_t parent) except -1:
    """The height of the subtree. AssertionError unless its parents, balances and heights are right."""
    cdef const Level *level
    cdef int left, right
    if item == NIL:
        return 0
    level = level_at(levels, item)
    assert level.parent == parent, f"level {item} names another parent than {parent}"
    left = tree_check(levels, level.left, item)
    right = tree_check(levels, level.right, item)
    assert level.balance == right - left, f"level {item} has balance {level.balance}, not {right - left}"
    assert -1 <= level.balance <= 1, f"level {item} is out of balance"
    return 1 + (left if left > right else right)


cdef uint64_t levels_check(const Levels *levels) except? -1:
    """The number of levels of all ladders. AssertionError unless pool and index agree about it."""
    cdef uint64_t count = index_check(&levels.index, &levels.pool, keyed_tag)
    pool_check(&levels.pool)
    assert count == levels.pool.live, f"{count} levels in the index, {levels.pool.live} in the pool"
    return count
