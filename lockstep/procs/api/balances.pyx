"""The balances of all accounts, as released events have them (LOG-14)."""

from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free

from lockstep.core.tables.index cimport (
    index_close, index_find, index_load, index_open, index_put, index_save, tag_of,
)
from lockstep.core.tables.pool cimport NIL, pool_at, pool_close, pool_load, pool_open, pool_save, pool_take
from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    FIRST_BALANCES = 4096

assert sizeof(Balance) == 40


cdef class Balances:
    """The table. Of each account it lists the assets that it ever had, in the order of the log."""

    def __cinit__(self):
        pool_open(&self.pool, sizeof(Balance), FIRST_BALANCES)
        index_open(&self.index)
        self.first = <uint32_t *> calloc(ACCOUNTS, sizeof(uint32_t))
        if self.first == NULL:
            raise MemoryError("no memory for the balances")

    def __dealloc__(self):
        pool_close(&self.pool)
        index_close(&self.index)
        free(self.first)

    cdef int note(self, const BalanceRecord *event) except -1 nogil:
        """What an account has of an asset after an event."""
        cdef uint32_t tag = tag_of(&self.index, event.asset, event.account)
        cdef uint32_t item = index_find(&self.index, &self.pool, tag, event.asset, event.account)
        cdef Balance *balance
        if item == NIL:
            item = pool_take(&self.pool)
            balance = <Balance *> pool_at(&self.pool, item)
            balance.asset = event.asset
            balance.account = event.account
            balance.next = self.first[event.account]
            self.first[event.account] = item
            index_put(&self.index, tag, item)
        balance = <Balance *> pool_at(&self.pool, item)
        balance.free = event.free
        balance.held = event.held
        balance.seq = event.cause
        return 0

    def of(self, uint32_t account) -> list[tuple[int, int, int]]:
        """(asset, free, held) of all that the account ever had, by asset."""
        cdef uint32_t item = self.first[account] if account < ACCOUNTS else <uint32_t> NIL
        cdef const Balance *balance
        found = []
        while item != NIL:
            balance = <const Balance *> pool_at(&self.pool, item)
            found.append((balance.asset, balance.free, balance.held))
            item = balance.next
        return sorted(found)

    def save(self, Saver saver not None) -> None:
        """Add everything to a part."""
        pool_save(&self.pool, saver)
        index_save(&self.index, saver)
        saver.put(self.first, ACCOUNTS * sizeof(uint32_t))

    def load(self, Loader loader not None) -> None:
        """Load what was saved. DamagedPart, MemoryError."""
        pool_load(&self.pool, loader)
        index_load(&self.index, loader)
        loader.get(self.first, ACCOUNTS * sizeof(uint32_t))
