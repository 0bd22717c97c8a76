"""Dead man's switches: at which moment of the log's clock each account's orders are cancelled, unless it asks again.

It computes moments from the log and reads no clock; the router writes the mass cancel into the log (LOG-33).
"""

from libc.stdint cimport UINT64_MAX, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from lockstep.core.schema.records cimport CODE_INVALID_DEFINITION, CODE_OK, MAX_CANCEL_AFTER_S
from lockstep.core.tables.digest cimport scramble
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.accounts cimport ACCOUNT_LINES

from lockstep.core.tables.saved import DamagedPart

cdef uint64_t SECOND_NS = 1_000_000_000


cdef class CancelAfter:
    """One moment for each account, or none. Memory is bounded by how many accounts there can be."""

    def __cinit__(self):
        self.due = <uint64_t *> calloc(ACCOUNT_LINES, sizeof(uint64_t))
        if self.due == NULL:
            raise MemoryError("no memory for what is to be cancelled later")
        self.earliest = UINT64_MAX

    def __dealloc__(self):
        free(self.due)

    cdef uint16_t put(self, const CancelAfterRecord *record) noexcept nogil:
        """Another moment in place of the account's one, if it has one; none if it says 0 seconds."""
        if record.seconds > MAX_CANCEL_AFTER_S:
            return CODE_INVALID_DEFINITION
        if record.seconds == 0:
            self.end(record.account)
            return CODE_OK
        self.due[record.account] = record.time_ns + record.seconds * SECOND_NS
        self.highest = max(self.highest, record.account)
        self.earliest = min(self.earliest, self.due[record.account])
        return CODE_OK

    cdef uint32_t next_due(self, uint64_t time_ns) noexcept nogil:
        """The lowest account whose moment has come at this log time; 0 for none.

        Looks at every account, but only where `earliest` has passed: who asks again and again doesn't make it look.
        """
        cdef uint32_t account
        if time_ns < self.earliest:
            return 0
        self.earliest = UINT64_MAX
        for account in range(1, self.highest + 1):
            if self.due[account] == 0:
                continue
            self.earliest = min(self.earliest, self.due[account])
            if self.due[account] <= time_ns:
                return account
        return 0

    cdef void end(self, uint32_t account) noexcept nogil:
        """The account's orders are not cancelled later."""
        self.due[account] = 0

    cdef uint64_t digest(self) noexcept nogil:
        cdef uint64_t digest = 0
        cdef uint32_t account
        for account in range(1, self.highest + 1):
            if self.due[account] != 0:
                digest += scramble(scramble(account, self.due[account]), 11)
        return digest

    cdef int save(self, Saver saver) except -1:
        saver.put_64(self.highest)
        return saver.put(self.due, (self.highest + 1) * sizeof(uint64_t))

    cdef int load(self, Loader loader) except -1:
        cdef uint64_t highest = loader.get_64()
        if highest >= ACCOUNT_LINES:
            raise DamagedPart(f"a part with cancels of account {highest}")
        self.highest = <uint32_t> highest
        self.earliest = 0
        return loader.get(self.due, (self.highest + 1) * sizeof(uint64_t))
