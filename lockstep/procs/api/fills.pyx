"""The last fills of all accounts, the newest first for each: what PostgreSQL may not have yet.

It is a ring of fixed size, and knows nothing of orders. Fills come ring by ring of the matchers, so their commands'
order is not quite theirs: `seq + skew` of a fill is the latest command of all fills up to it.
"""

from libc.stdint cimport UINT32_MAX, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.api.tracked_orders cimport ACCOUNTS

assert sizeof(Fill) == 80


cdef class Fills:
    """The ring, of `most` fills. Memory is touched as it is used: 80 bytes a fill."""

    def __cinit__(self, uint32_t most):
        self.most = most
        self.fills = <Fill *> calloc(most, sizeof(Fill))
        self.newest = <uint64_t *> calloc(ACCOUNTS, sizeof(uint64_t))
        if self.fills == NULL or self.newest == NULL:
            raise MemoryError("no memory for the last fills")

    def __dealloc__(self):
        free(self.fills)
        free(self.newest)

    cdef Fill *add(self, uint32_t account, uint64_t seq) noexcept nogil:
        """The place of an account's new fill, of that command; the caller fills in the rest."""
        cdef Fill *fill = &self.fills[self.count % self.most]
        fill.account = account
        fill.older = self.newest[account]
        fill.is_undone = 0
        self.latest_seq = max(self.latest_seq, seq)
        fill.seq = seq
        fill.skew = <uint32_t> min(self.latest_seq - seq, <uint64_t> UINT32_MAX)
        self.count += 1
        self.newest[account] = self.count
        return fill

    cdef const Fill *last_of(self, uint32_t account) noexcept nogil:
        """The account's newest fill that is kept, or NULL."""
        return self.kept(self.newest[account])

    cdef const Fill *before(self, const Fill *fill) noexcept nogil:
        """The account's fill before this one that is kept, or NULL."""
        return self.kept(fill.older)

    cdef const Fill *kept(self, uint64_t number) noexcept nogil:
        """The fill of a number that counts from 1, or NULL where there is none, or no more."""
        return &self.fills[(number - 1) % self.most] if number and number + self.most > self.count else NULL

    cdef uint64_t forgotten_seq(self) noexcept nogil:
        """All fills of later commands are kept, and what was corrected of others is older than this; 0: all fills."""
        cdef const Fill *oldest = &self.fills[self.count % self.most]
        return 0 if self.count <= self.most else max(self.corrected_seq, oldest.seq + oldest.skew)

    def save(self, Saver saver not None) -> None:
        """Add everything to a part."""
        saver.put_64(self.count)
        saver.put_64(self.corrected_seq)
        saver.put(self.fills, min(self.count, self.most) * sizeof(Fill))
        saver.put(self.newest, ACCOUNTS * sizeof(uint64_t))

    def load(self, Loader loader not None) -> None:
        """Load what was saved. DamagedPart."""
        cdef const Fill *last
        self.count = loader.get_64()
        self.corrected_seq = loader.get_64()
        loader.get(self.fills, min(self.count, self.most) * sizeof(Fill))
        loader.get(self.newest, ACCOUNTS * sizeof(uint64_t))
        if self.count:
            last = &self.fills[(self.count - 1) % self.most]
            self.latest_seq = last.seq + last.skew
