"""The balance table: what each account has of each asset, free and held, and which changed since last announced.

It adds and finds; what money is held for, and why it moves, is not its business.

Amounts are smallest units in 64 bits. No sum can overflow: all money of an asset fits (`can_add`), and only
`add` and `pay` create or remove any.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from lockstep.core.schema.records cimport CODE_BALANCE_OVERFLOW, CODE_INSUFFICIENT_BALANCE, CODE_OK
from lockstep.core.tables.array cimport Array, array_close, array_load, array_open, array_push, array_save
from lockstep.core.tables.digest cimport scramble
from lockstep.core.tables.index cimport (
    Index, index_check, index_close, index_load, index_next, index_open, index_put, index_save, tag_of,
)
from lockstep.core.tables.pool cimport NIL, pool_check, pool_close, pool_load, pool_open, pool_save, pool_take
from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    FIRST_BALANCES = 1 << 10
    FIRST_CHANGED = 1 << 12

assert sizeof(Balance) == 32


cdef uint32_t tag_of_item(const Index *index, const char *item) noexcept nogil:
    return tag_of(index, (<const Balance *> item).account, (<const Balance *> item).asset)


cdef inline int note(Array *listed, uint32_t item, const Balance *balance) except -1 nogil:
    cdef Changed *added = <Changed *> array_push(listed)
    added.key = <uint64_t> balance.account << 32 | balance.asset
    added.item = item
    added.reserved = 0
    return 0


cdef class Balances:
    """Balances per (account, asset), which are never removed, and the total of each asset."""

    def __cinit__(self):
        pool_open(&self.pool, sizeof(Balance), FIRST_BALANCES)
        index_open(&self.index)
        self.supply = <int64_t *> calloc(MAX_ASSETS + 1, sizeof(int64_t))
        if self.supply == NULL:
            raise MemoryError("no memory for the ledger")
        array_open(&self.changed, sizeof(Changed), FIRST_CHANGED)
        array_open(&self.unshown, sizeof(Changed), FIRST_CHANGED)

    def __dealloc__(self):
        pool_close(&self.pool)
        index_close(&self.index)
        free(self.supply)
        array_close(&self.changed)
        array_close(&self.unshown)

    cdef uint32_t find(self, uint32_t account, uint32_t asset) noexcept nogil:
        """The balance's item, or NIL if the account never had any."""
        cdef uint32_t tag = tag_of_balance(self, account, asset)
        cdef uint32_t place = tag
        cdef uint32_t item = index_next(&self.index, tag, &place)
        while item != NIL and not (balance_at(self, item).account == account and balance_at(self, item).asset == asset):
            item = index_next(&self.index, tag, &place)
        return item

    cdef uint32_t entry(self, uint32_t account, uint32_t asset) except 0 nogil:
        """The balance's item, added if there is none. Invalidates pointers to balances. MemoryError."""
        cdef uint32_t item = self.find(account, asset)
        cdef Balance *balance
        if item == NIL:
            item = pool_take(&self.pool)
            balance = balance_at(self, item)
            balance.account = account
            balance.asset = asset
            balance.flags = 0
            balance.free = balance.held = 0
            index_put(&self.index, tag_of_balance(self, account, asset), item)
        return item

    cdef int touch(self, uint32_t item) except -1 nogil:
        """A balance changed: list it for the next BALANCE events and for the board, once each. MemoryError."""
        cdef Balance *balance = balance_at(self, item)
        if not balance.flags & BALANCE_LISTED:
            note(&self.changed, item, balance)
        if not balance.flags & BALANCE_UNSHOWN:
            note(&self.unshown, item, balance)
        balance.flags |= BALANCE_CHANGED | BALANCE_LISTED | BALANCE_UNSHOWN
        return 0

    cdef uint64_t take_changed(self, Balance *out, uint64_t limit, uint64_t after) noexcept nogil:
        """Copy up to `limit` (at most MAX_TAKEN) changed balances to `out`, by account and asset (LOG-10); how many.

        If not all fit, begins after the key `after`: an account that changes at every marker can't starve the others.
        """
        cdef Changed chosen[MAX_TAKEN]
        cdef uint64_t taken = 0
        cdef uint64_t i, place
        cdef bint is_any_behind = False
        cdef Changed changed
        self.drop_unchanged()
        for i in range(self.changed.count):
            is_any_behind = is_any_behind or changed_at(&self.changed, i).key > after
        if self.changed.count <= limit or not is_any_behind:
            after = 0
        for i in range(self.changed.count):
            changed = changed_at(&self.changed, i)[0]
            if changed.key <= after or (taken == limit and changed.key > chosen[taken - 1].key):
                continue
            place = taken if taken < limit else taken - 1
            while place > 0 and chosen[place - 1].key > changed.key:
                chosen[place] = chosen[place - 1]
                place -= 1
            chosen[place] = changed
            taken = min(taken + 1, limit)
        for i in range(taken):
            balance_at(self, chosen[i].item).flags &= ~BALANCE_CHANGED
            out[i] = balance_at(self, chosen[i].item)[0]
        self.drop_unchanged()
        return taken

    cdef void drop_unchanged(self) noexcept nogil:
        """Keep in `changed` only what has changed since it was last announced."""
        cdef uint64_t i, kept = 0
        cdef Balance *balance
        for i in range(self.changed.count):
            balance = balance_at(self, changed_at(&self.changed, i).item)
            if balance.flags & BALANCE_CHANGED:
                changed_at(&self.changed, kept)[0] = changed_at(&self.changed, i)[0]
                kept += 1
            else:
                balance.flags &= ~BALANCE_LISTED
        self.changed.count = kept

    cdef uint16_t can_add(self, uint32_t account, uint32_t asset, int64_t amount) noexcept nogil:
        """BALANCE_OVERFLOW if all money of the asset would not fit 64 bits, INSUFFICIENT_BALANCE below 0 free."""
        cdef uint32_t item
        if amount > 0:
            return CODE_OK if amount <= INT64_MAX - self.supply[asset] else CODE_BALANCE_OVERFLOW
        item = self.find(account, asset)
        return CODE_OK if item != NIL and balance_at(self, item).free >= -amount else CODE_INSUFFICIENT_BALANCE

    cdef uint32_t add(self, uint32_t account, uint32_t asset, int64_t amount) except 0 nogil:
        """Put money in, or take it out, as `can_add` allowed; returns the balance's item. MemoryError."""
        cdef uint32_t item = self.entry(account, asset)
        balance_at(self, item).free += amount
        self.supply[asset] += amount
        self.touch(item)
        return item

    cdef int hold(self, uint32_t item, int64_t amount) except -1 nogil:
        """Hold so much of what is free; below 0, give back so much of what is held. MemoryError."""
        balance_at(self, item).free -= amount
        balance_at(self, item).held += amount
        return self.touch(item)

    cdef int pay(self, uint32_t item, int64_t amount) except -1 nogil:
        """Take out so much of what is held. MemoryError."""
        balance_at(self, item).held -= amount
        self.supply[balance_at(self, item).asset] -= amount
        return self.touch(item)

    cdef uint64_t digest(self) noexcept nogil:
        cdef uint64_t digest = 0
        cdef uint64_t one
        cdef uint32_t item
        cdef const Balance *balance
        for item in range(1, self.pool.used):
            balance = balance_at(self, item)
            one = scramble(<uint64_t> balance.account << 32 | balance.asset, balance.flags & BALANCE_CHANGED)
            digest += scramble(scramble(one, balance.free), balance.held)
        for item in range(1, self.asset_count + 1):
            digest += scramble(scramble(item, 3), self.supply[item])
        return digest

    cdef int show_all(self) except -1:
        """Mark every balance as not yet shown. MemoryError."""
        cdef uint32_t item
        self.unshown.count = 0
        for item in range(NIL + 1, self.pool.used):
            balance_at(self, item).flags |= BALANCE_UNSHOWN
            note(&self.unshown, item, balance_at(self, item))
        return 0

    cdef int save(self, Saver saver) except -1:
        pool_save(&self.pool, saver)
        index_save(&self.index, saver)
        saver.put_64(self.asset_count)
        saver.put(self.supply, (MAX_ASSETS + 1) * sizeof(int64_t))
        return array_save(&self.changed, saver)

    cdef int load(self, Loader loader) except -1:
        pool_load(&self.pool, loader)
        index_load(&self.index, loader)
        self.asset_count = <uint32_t> loader.get_64()
        loader.get(self.supply, (MAX_ASSETS + 1) * sizeof(int64_t))
        array_load(&self.changed, loader)
        return self.show_all()

    def totals(self) -> dict[int, int]:
        """All money of each asset, summed over the balances."""
        cdef uint32_t item
        found = dict.fromkeys(range(1, self.asset_count + 1), 0)
        for item in range(1, self.pool.used):
            found[balance_at(self, item).asset] += balance_at(self, item).free + balance_at(self, item).held
        return found

    def held(self) -> dict[tuple[int, int], int]:
        """What is held, by (account, asset), where anything is."""
        cdef uint32_t item
        found = {}
        for item in range(1, self.pool.used):
            if balance_at(self, item).held:
                found[balance_at(self, item).account, balance_at(self, item).asset] = balance_at(self, item).held
        return found

    def check(self) -> None:
        """AssertionError unless every balance is found, nothing is negative, and each asset's money is all there."""
        cdef uint32_t item
        pool_check(&self.pool)
        assert index_check(&self.index, &self.pool, tag_of_item) == self.pool.live, "live balances are not those found"
        for item in range(1, self.pool.used):
            account, asset = balance_at(self, item).account, balance_at(self, item).asset
            assert balance_at(self, item).free >= 0 <= balance_at(self, item).held, f"{account} lacks asset {asset}"
        for asset, total in self.totals().items():
            assert total == self.supply[asset], f"asset {asset}: {total} of {self.supply[asset]}"
