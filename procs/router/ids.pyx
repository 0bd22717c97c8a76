"""Client order ids: which ones an account has used, and which open order each means (rule 6).

It compares exact bytes and knows nothing of orders but their item numbers; it never decides a verdict.

Eviction is state, so it may depend on the log alone. What a command closes (a refused id, a cancel's own id) is closed
at that command. What events close waits for their marker, and is closed there in the order of the records that brought
the ids: event rings may have been drained in any order.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, qsort, realloc
from libc.string cimport memcmp, memcpy

from procs.router.pool cimport (
    NIL, head_of, next_of, pool_at, pool_close, pool_give, pool_open, pool_take, scramble, table_check, table_close,
    table_open, table_put, table_remove,
)
from shm.board cimport MAX_SESSIONS
from shm.records cimport CL_ORD_ID_SIZE

cdef enum:
    FIRST_IDS = 1 << 16
    FIRST_CLOSING = 1 << 16

assert sizeof(ClientId) == 64
assert CL_ORD_ID_SIZE == 36


cdef uint64_t hash_text(uint32_t account, const char *text, const uint64_t *secret) noexcept nogil:
    cdef uint64_t words[5]
    words[4] = account
    memcpy(words, text, CL_ORD_ID_SIZE)
    words[4] ^= <uint64_t> account << 32
    return scramble(
        scramble(words[0], secret[0]) * 3 ^ scramble(words[1], secret[1]) * 5 ^ scramble(words[2], secret[2]) * 7
        ^ scramble(words[3], secret[3]) * 11, words[4] * <uint64_t> 0x9E3779B97F4A7C15,
    )


cdef uint64_t hash_item(const char *item, const uint64_t *secret) noexcept nogil:
    return hash_text((<const ClientId *> item).account, (<const ClientId *> item).text, secret)


cdef int by_seq(const void *left, const void *right) noexcept nogil:
    cdef uint64_t a = (<const Closing *> left).seq
    cdef uint64_t b = (<const Closing *> right).seq
    return -1 if a < b else 1


cdef class ClientIds:
    """The ids of all accounts: those of open orders, and of each account the last `limit` closed ones."""

    def __cinit__(self, uint32_t limit=CLOSED_IDS):
        self.limit = limit
        pool_open(&self.pool, sizeof(ClientId), FIRST_IDS)
        table_open(&self.table, hash_item, FIRST_IDS)
        self.closed = <ClosedIds *> calloc(MAX_SESSIONS, sizeof(ClosedIds))
        self.closing_capacity = FIRST_CLOSING
        self.closing = <Closing *> malloc(FIRST_CLOSING * sizeof(Closing))
        if self.closed == NULL or self.closing == NULL:
            raise MemoryError("no memory for client order ids")

    def __dealloc__(self):
        pool_close(&self.pool)
        table_close(&self.table)
        free(self.closed)
        free(self.closing)

    cdef ClientId *at(self, uint32_t item) noexcept nogil:
        return <ClientId *> pool_at(&self.pool, item)

    cdef uint32_t find(self, uint32_t account, const char *text) noexcept nogil:
        """The item of an id, 36 bytes padded with zeros; NIL where the account has not used it, or long ago."""
        cdef uint32_t item = head_of(&self.table, hash_text(account, text, self.table.secret))
        cdef const ClientId *known
        while item != NIL:
            known = self.at(item)
            if known.account == account and memcmp(known.text, text, CL_ORD_ID_SIZE) == 0:
                return item
            item = known.next
        return NIL

    cdef uint32_t add(self, uint32_t account, const char *text, uint64_t seq, uint32_t order) except 0 nogil:
        cdef uint32_t item = pool_take(&self.pool)
        cdef ClientId *added = self.at(item)
        added.link = NIL
        added.order = order
        added.account = account
        added.seq = seq
        added.state = ID_OPEN
        memcpy(added.text, text, CL_ORD_ID_SIZE)
        table_put(&self.table, &self.pool, item, hash_text(account, text, self.table.secret))
        return item

    cdef uint32_t add_open(self, uint32_t account, const char *text, uint64_t seq, uint32_t order) except 0 nogil:
        """Add an id that is not known, meaning the open order `order`. MemoryError."""
        return self.add(account, text, seq, order)

    cdef int add_closed(self, uint32_t account, const char *text, uint64_t seq) except -1 nogil:
        """Add an id that is not known and means no order. MemoryError."""
        self.close(self.add(account, text, seq, NIL))
        return 0

    cdef int retire(self, uint32_t item) except -1 nogil:
        """An event ended what the id meant: it is closed at the next `settle`. MemoryError."""
        cdef Closing *grown
        cdef ClientId *id = self.at(item)
        if self.closing_count == self.closing_capacity:
            grown = <Closing *> realloc(self.closing, 2 * self.closing_capacity * sizeof(Closing))
            if grown == NULL:
                with gil:
                    raise MemoryError("no memory for closing client order ids")
            self.closing = grown
            self.closing_capacity *= 2
        id.order = NIL
        id.state = ID_CLOSING
        self.closing[self.closing_count].seq = id.seq
        self.closing[self.closing_count].item = item
        self.closing_count += 1
        return 0

    cdef void settle(self) noexcept nogil:
        """A marker: close what events have ended since the last one, in the order of the ids' own sequences."""
        cdef uint64_t i
        if self.closing_count > 1:
            qsort(self.closing, self.closing_count, sizeof(Closing), by_seq)
        for i in range(self.closing_count):
            self.close(self.closing[i].item)
        self.closing_count = 0

    cdef void close(self, uint32_t item) noexcept nogil:
        cdef ClientId *id = self.at(item)
        cdef ClosedIds *closed = &self.closed[id.account]
        cdef uint32_t evicted
        id.order = id.link = NIL
        id.state = ID_CLOSED
        if closed.oldest == NIL:
            closed.oldest = item
        else:
            self.at(closed.newest).link = item
        closed.newest = item
        closed.count += 1
        if closed.count > self.limit:
            evicted = closed.oldest
            id = self.at(evicted)
            closed.oldest = id.link
            closed.count -= 1
            table_remove(&self.table, &self.pool, evicted, hash_item(<const char *> id, self.table.secret))
            pool_give(&self.pool, evicted)

    cdef uint64_t state_hash(self) noexcept nogil:
        """A digest of all ids and the order in which they will be evicted; where they lie in memory is not in it."""
        cdef uint64_t digest = 0
        cdef uint64_t place
        cdef uint32_t account, bucket, item
        for bucket in range(self.table.size):
            item = self.table.heads[bucket]
            while item != NIL:
                digest += self.digest_of(item)
                item = next_of(&self.pool, item)
        for account in range(MAX_SESSIONS):
            item = self.closed[account].oldest
            place = 0
            while item != NIL:
                place += 1
                digest += scramble(self.digest_of(item), place)
                item = self.at(item).link
        return digest

    cdef uint64_t digest_of(self, uint32_t item) noexcept nogil:
        cdef uint64_t secret[4]
        secret[0], secret[1], secret[2], secret[3] = 1, 2, 3, 4  # no secret at all: digests are compared between runs
        return scramble(hash_item(<const char *> self.at(item), secret) + self.at(item).state, self.at(item).seq)

    @property
    def count(self) -> int:
        """How many ids are known, open and closed."""
        return self.table.count

    def closed_of(self, uint32_t account) -> list[bytes]:
        """The account's closed ids, the next to be evicted first."""
        cdef uint32_t item = self.closed[account].oldest
        found = []
        while item != NIL:
            found.append((<const char *> self.at(item).text)[:CL_ORD_ID_SIZE].rstrip(b"\0"))
            item = self.at(item).link
        return found

    def knows(self, uint32_t account, bytes text) -> bool:
        """Whether the account has used the id, and it has not been evicted."""
        cdef bytes padded = text.ljust(CL_ORD_ID_SIZE, b"\0")
        return self.find(account, padded) != NIL

    def check(self) -> None:
        """AssertionError unless every id is found by its text, and every closed one is in its account's queue once."""
        cdef uint64_t waiting = 0
        cdef uint64_t queued = 0
        cdef uint32_t account, item, bucket, counted
        table_check(&self.table, &self.pool)
        for bucket in range(self.table.size):
            item = self.table.heads[bucket]
            while item != NIL:
                assert self.find(self.at(item).account, self.at(item).text) == item, "an id is there twice"
                assert (self.at(item).state == ID_OPEN) == (self.at(item).order != NIL), "open ids mean orders"
                waiting += self.at(item).state == ID_CLOSED
                item = next_of(&self.pool, item)
        for account in range(MAX_SESSIONS):
            item = self.closed[account].oldest
            counted = 0
            while item != NIL:
                assert self.at(item).state == ID_CLOSED and self.at(item).account == account
                counted += 1
                item = self.at(item).link
            assert counted == self.closed[account].count <= self.limit
            queued += counted
        assert queued == waiting, f"{waiting} closed ids, {queued} in queues"
