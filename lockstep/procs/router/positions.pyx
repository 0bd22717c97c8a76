"""Position limits: the most of an asset that an account may own, with all that its open buys would bring.

It keeps the limits, and the incoming sums of the accounts that have one; the ledger says what an order would bring.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.tables.digest cimport scramble
from lockstep.core.tables.index cimport (
    index_check, index_close, index_find, index_load, index_open, index_put, index_save, keyed_tag, tag_of,
)
from lockstep.core.tables.pool cimport NIL, pool_at, pool_check, pool_close, pool_load, pool_open, pool_save, pool_take
from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    FIRST_POSITIONS = 256

assert sizeof(Position) == 48


cdef class Positions:
    """Limits by (account, asset); a removed one stays, as 0."""

    def __cinit__(self):
        pool_open(&self.pool, sizeof(Position), FIRST_POSITIONS)
        index_open(&self.index)

    def __dealloc__(self):
        pool_close(&self.pool)
        index_close(&self.index)

    cdef Position *find(self, uint32_t account, uint32_t asset) noexcept nogil:
        """The account's limit of the asset, or NULL if it has none; the next `set` invalidates it."""
        cdef uint32_t item = index_find(&self.index, &self.pool, tag_of(&self.index, asset, account), asset, account)
        cdef Position *position = <Position *> pool_at(&self.pool, item)
        return position if item != NIL and position.max_units != 0 else NULL

    cdef int set(self, uint32_t account, uint32_t asset, int64_t max_units, int128 incoming) except -1 nogil:
        """Set or (0) remove a limit; `incoming` is what the account's open buys would bring. MemoryError."""
        cdef uint32_t tag = tag_of(&self.index, asset, account)
        cdef uint32_t item = index_find(&self.index, &self.pool, tag, asset, account)
        cdef Position *position
        if item == NIL:
            item = pool_take(&self.pool)
            position = <Position *> pool_at(&self.pool, item)
            position.asset = asset
            position.account = account
            position.reserved = 0
            position.reserved_2 = 0
            index_put(&self.index, tag, item)
        position = <Position *> pool_at(&self.pool, item)
        position.max_units = max_units
        position.incoming = incoming
        return 0

    cdef bint fits(self, uint32_t account, uint32_t asset, int64_t owned, int64_t more) noexcept nogil:
        """Whether an account that owns so much may have open buys that would bring so much more than now."""
        cdef const Position *position = self.find(account, asset)
        if position == NULL or more <= 0:
            return True
        return position.incoming + owned + more <= position.max_units

    cdef int add(self, uint32_t account, uint32_t asset, int64_t incoming) except -1 nogil:
        """What the account's open buys would bring has changed by so much."""
        cdef Position *position = self.find(account, asset)
        if position == NULL or position.incoming + incoming < 0:
            with gil:
                raise AssertionError(f"account {account} has no position limit of asset {asset}, or less is incoming")
        position.incoming += incoming
        return 0

    cdef uint64_t digest(self) noexcept nogil:
        cdef uint64_t digest = 0
        cdef uint64_t key
        cdef uint32_t item
        cdef const Position *position
        for item in range(NIL + 1, self.pool.used):
            position = <const Position *> pool_at(&self.pool, item)
            if position.max_units != 0:
                key = position.asset << 32 | position.account
                digest += scramble(scramble(key, position.max_units), <uint64_t> position.incoming)
        return digest

    cdef int save(self, Saver saver) except -1:
        pool_save(&self.pool, saver)
        return index_save(&self.index, saver)

    cdef int load(self, Loader loader) except -1:
        pool_load(&self.pool, loader)
        return index_load(&self.index, loader)

    def incoming(self) -> dict[tuple[int, int], int]:
        """What the open buys of each (account, asset) that has a limit would bring."""
        cdef uint32_t item
        cdef const Position *position
        found = {}
        for item in range(NIL + 1, self.pool.used):
            position = <const Position *> pool_at(&self.pool, item)
            if position.max_units != 0:
                found[position.account, position.asset] = <int64_t> position.incoming
        return found

    def check(self) -> None:
        """AssertionError unless every limit is found by its key."""
        pool_check(&self.pool)
        assert index_check(&self.index, &self.pool, keyed_tag) == self.pool.live, "live limits are not those found"
