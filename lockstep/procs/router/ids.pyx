"""Client order ids: which ones an account has used, and which open order each means (LOG-6).

It compares exact bytes, knows orders only by their item numbers, and decides no verdict.

Eviction is state, so it may depend on the log alone. What a command closes (a refused id, a cancel's own id) is closed
at that command. What events close waits for their marker, and is closed there in the order of the records that brought
the ids: event rings may have been drained in any order.

Each account has a queue of its last closed ids. Those that leave it go into one queue of all accounts, which keeps them
for a time of the log's clock and up to a number: memory is bounded, and taken as it is used.
"""

from cython cimport final
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from lockstep.core.schema.records cimport CL_ORD_ID_SIZE
from lockstep.core.tables.array cimport array_close, array_load, array_open, array_push, array_reserve, array_save
from lockstep.core.tables.digest cimport scramble
from lockstep.core.tables.index cimport (
    SECRETS, index_check, index_close, index_item, index_load, index_open, index_prefetch, index_put, index_remove,
    index_save, index_span,
)
from lockstep.core.tables.pool cimport (
    NIL, pool_check, pool_close, pool_give, pool_load, pool_open, pool_save, pool_take,
)
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.core.tables.touch cimport index_touch, pool_touch
from lockstep.shm.atomics cimport prefetch
from lockstep.shm.board cimport MAX_SESSIONS

cdef enum:
    FIRST_IDS = 1 << 16
    FIRST_CLOSING = 1 << 16
    ROOM = 4096             # ids of each account whose memory is touched before the first comes,
    MOST_ROOM = 1 << 22     # but no more than these, of all (335 MB)
    AHEAD = 8               # how far ahead of its turn an id that closes is prefetched
    OLDER_A_CLOSE = 2       # at most are forgotten for each that comes: a queue that is too long shrinks step by step
    NOBODY = 0              # the account of a forgotten id: a hint from before then finds it to be no account's

# How far a client's clock may be from the venue's; gateways enforce as much on each message (SendingTimeAccuracy).
cdef uint64_t MAX_SKEW_NS = 120_000_000_000

assert sizeof(ClientId) == 64
assert CL_ORD_ID_SIZE == 36
assert SECRETS == 5


cdef uint32_t tag_of_item(const Index *index, const char *item) noexcept nogil:
    return <uint32_t> (hash_id((<const ClientId *> item).account, (<const ClientId *> item).text, index.secrets) >> 32)


cdef inline uint64_t run_end(const Closing *items, uint64_t first, uint64_t count) noexcept nogil:
    """Where the run that begins at `first` stops ascending."""
    cdef uint64_t end = min(first + 1, count)
    while end < count and items[end - 1].seq <= items[end].seq:
        end += 1
    return end


cdef void merge(const Closing *left, const Closing *middle, const Closing *right, Closing *out) noexcept nogil:
    """Two ascending runs that follow each other, `left` to `middle` to `right`, as one."""
    cdef const Closing *other = middle
    while left < middle and other < right:
        if left.seq <= other.seq:
            out[0] = left[0]
            left += 1
        else:
            out[0] = other[0]
            other += 1
        out += 1
    memcpy(out, left, (middle - left) * sizeof(Closing))
    memcpy(out + (middle - left), other, (right - other) * sizeof(Closing))


cdef Closing *in_order(Closing *items, Closing *spare, uint64_t count) noexcept nogil:
    """The items by sequence, in one of the two memories. Each order's are sorted already: few runs remain to merge."""
    cdef uint64_t first, middle, end
    while run_end(items, 0, count) < count:
        first = 0
        while first < count:
            middle = run_end(items, first, count)
            end = run_end(items, middle, count)
            merge(items + first, items + middle, items + end, spare + first)
            first = end
        items, spare = spare, items
    return items


@final
cdef class ClientIds:
    """The ids of all accounts: of open orders, of each account the last `limit` closed ones, and some older ones."""

    def __cinit__(self, uint32_t limit=CLOSED_IDS):
        self.limit = limit
        pool_open(&self.pool, sizeof(ClientId), FIRST_IDS, scattered=True)
        index_open(&self.index)
        self.closed = <ClosedIds *> calloc(MAX_SESSIONS, sizeof(ClosedIds))
        if self.closed == NULL:
            raise MemoryError("no memory for client order ids")
        array_open(&self.closing, sizeof(Closing), FIRST_CLOSING)
        array_open(&self.spare, sizeof(Closing), FIRST_CLOSING)

    def __dealloc__(self):
        pool_close(&self.pool)
        index_close(&self.index)
        free(self.closed)
        array_close(&self.closing)
        array_close(&self.spare)

    cdef int make_room(self, uint64_t accounts) except -1 nogil:
        """Before the first command: touch the memory that so many accounts will take. MemoryError."""
        cdef uint64_t ids = min(accounts * ROOM, <uint64_t> MOST_ROOM)
        pool_touch(&self.pool, ids)
        return index_touch(&self.index, ids)

    cdef uint32_t add(
        self, uint32_t account, const char *text, uint32_t tag, uint64_t seq, uint32_t order
    ) except 0 nogil:
        """Add an id that is not known, meaning the open order `order`. MemoryError."""
        cdef uint32_t item = pool_take(&self.pool)
        cdef ClientId *added = id_at(self, item)
        added.link = NIL
        added.order = order
        added.account = account
        added.seq = seq
        added.time_ns = self.now_ns
        memcpy(added.text, text, CL_ORD_ID_SIZE)
        index_put(&self.index, tag, item)
        return item

    cdef int add_closed(self, uint32_t account, const char *text, uint32_t tag, uint64_t seq) except -1 nogil:
        """Add an id that is not known and means no order. MemoryError."""
        self.close(self.add(account, text, tag, seq, NIL))
        return 0

    cdef int retire(self, uint32_t item) except -1 nogil:
        """An event ended what the id meant: it is closed at the next `settle`. MemoryError."""
        cdef ClientId *id = id_at(self, item)
        cdef Closing *closing = <Closing *> array_push(&self.closing)
        id.order = NIL
        closing.seq = id.seq
        closing.item = item
        return array_reserve(&self.spare, self.closing.capacity)

    cdef int retire_all(self, uint32_t newest) except -1 nogil:
        """As `retire`, the ids of an order that ended, which lead from the newest to the oldest. MemoryError."""
        cdef uint64_t first = self.closing.count
        cdef uint64_t last
        cdef Closing *closing
        while newest != NIL:
            self.retire(newest)
            newest = id_at(self, newest).link
        closing = <Closing *> self.closing.items
        last = self.closing.count
        while first + 1 < last:
            last -= 1
            closing[first], closing[last] = closing[last], closing[first]
            first += 1
        return 0

    cdef void settle(self) noexcept nogil:
        """A marker: close what events have ended since the last one, in the order of the ids' own sequences."""
        cdef Closing *closing = <Closing *> self.closing.items
        cdef uint64_t i
        closing = in_order(closing, <Closing *> self.spare.items, self.closing.count)
        for i in range(self.closing.count):
            if i + AHEAD < self.closing.count:
                prefetch(id_at(self, closing[i + AHEAD].item))
            self.close(closing[i].item)
        self.closing.count = 0

    cdef void close(self, uint32_t item) noexcept nogil:
        cdef ClientId *id = id_at(self, item)
        cdef ClosedIds *closed = &self.closed[id.account]
        id.order = CLOSED
        id.link = NIL
        self.put_last(closed, item)
        if closed.count > self.limit:
            self.pass_on(closed)

    cdef void put_last(self, ClosedIds *queue, uint32_t item) noexcept nogil:
        if queue.oldest == NIL:
            queue.oldest = item
        else:
            id_at(self, queue.newest).link = item
        queue.newest = item
        queue.count += 1

    cdef uint32_t take_first(self, ClosedIds *queue) noexcept nogil:
        cdef uint32_t item = queue.oldest
        queue.oldest = id_at(self, item).link
        queue.count -= 1
        return item

    cdef void keep_older(self, uint32_t most, uint64_t window_ns) noexcept nogil:
        """From now on keep up to `most` ids that left their accounts' queues, if they came within `window_ns`."""
        self.most_older = most
        self.window_ns = window_ns

    cdef void pass_on(self, ClosedIds *closed) noexcept nogil:
        """An account has one closed id too many: its oldest joins the queue of all, whose oldest may go."""
        cdef uint32_t item
        cdef int _
        if self.most_older == 0 and self.older.count == 0:
            self.forget_oldest(closed)
            return
        item = self.take_first(closed)
        prefetch(id_at(self, id_at(self, closed.oldest).link))
        id_at(self, item).link = NIL
        self.put_last(&self.older, item)
        for _ in range(OLDER_A_CLOSE):
            if self.older.count > self.most_older or self.is_over(self.older.oldest):
                self.forget_oldest(&self.older)

    cdef bint is_over(self, uint32_t item) noexcept nogil:
        """Whether the time is over for which an older id is kept."""
        return item != NIL and id_at(self, item).time_ns + self.window_ns <= self.now_ns

    cdef void forget_oldest(self, ClosedIds *queue) noexcept nogil:
        """Forget a queue's oldest id, and prefetch what forgetting the next two will touch."""
        cdef uint32_t item = self.take_first(queue)
        cdef ClientId *id = id_at(self, item)
        cdef ClosedIds *closed = &self.closed[id.account]
        closed.forgotten_ns = max(closed.forgotten_ns, id.time_ns)
        index_remove(&self.index, tag_of_id(self, id.account, id.text), item)
        id.account = NOBODY
        pool_give(&self.pool, item)
        id = id_at(self, queue.oldest)
        index_prefetch(&self.index, tag_of_id(self, id.account, id.text))
        prefetch(id_at(self, id.link))

    cdef bint may_be_forgotten(self, uint32_t account, uint64_t transact_ns) noexcept nogil:
        """Whether an unknown id may have been used and forgotten, given the TransactTime of its message.

        A time of 0, or one beyond any client's clock, proves nothing.
        """
        cdef uint64_t forgotten_ns = self.closed[account].forgotten_ns
        if forgotten_ns == 0:
            return False
        return transact_ns <= forgotten_ns + MAX_SKEW_NS or transact_ns > self.now_ns + MAX_SKEW_NS

    cdef uint64_t state_hash(self) noexcept nogil:
        """A digest of all ids and the order in which they will be evicted; where they lie in memory is not in it."""
        cdef uint64_t digest = scramble(self.most_older, self.window_ns)
        cdef uint64_t place
        cdef uint32_t account, item
        for place in range(index_span(&self.index)):
            item = index_item(&self.index, place)
            if item != NIL:
                digest += self.digest_of(item)
        for account in range(MAX_SESSIONS):
            digest += self.digest_of_queue(&self.closed[account])
            if self.closed[account].forgotten_ns != 0:
                digest += scramble(self.closed[account].forgotten_ns, account)
        return scramble(digest, self.digest_of_queue(&self.older))

    cdef uint64_t digest_of_queue(self, const ClosedIds *queue) noexcept nogil:
        cdef uint64_t digest = 0
        cdef uint64_t place = 0
        cdef uint32_t item = queue.oldest
        while item != NIL:
            place += 1
            digest += scramble(self.digest_of(item), place)
            item = id_at(self, item).link
        return digest

    cdef uint64_t digest_of(self, uint32_t item) noexcept nogil:
        cdef const ClientId *id = id_at(self, item)
        cdef uint64_t known[SECRETS]
        cdef uint64_t state
        cdef int i
        for i in range(SECRETS):
            known[i] = scramble(i, SECRETS)  # no secrets: digests are compared between processes
        state = 2 if id.order == CLOSED else id.order != NIL
        return scramble(scramble(hash_id(id.account, id.text, known), id.seq), state)  # its time follows from its seq

    cdef int save(self, Saver saver) except -1:
        pool_save(&self.pool, saver)
        index_save(&self.index, saver)
        saver.put_64(self.limit)
        saver.put(self.closed, MAX_SESSIONS * sizeof(ClosedIds))
        saver.put(&self.older, sizeof(ClosedIds))
        saver.put_64(self.most_older)
        saver.put_64(self.window_ns)
        return array_save(&self.closing, saver)

    cdef int load(self, Loader loader) except -1:
        pool_load(&self.pool, loader)
        index_load(&self.index, loader)
        loader.expect(self.limit, b"closed client order ids that an account keeps")
        loader.get(self.closed, MAX_SESSIONS * sizeof(ClosedIds))
        loader.get(&self.older, sizeof(ClosedIds))
        self.most_older = <uint32_t> loader.get_64()
        self.window_ns = loader.get_64()
        array_load(&self.closing, loader)
        return array_reserve(&self.spare, self.closing.capacity)

    @property
    def count(self) -> int:
        """How many ids are known, open and closed."""
        return self.pool.live

    @property
    def older_ids(self) -> list[tuple[int, bytes]]:
        """Account and text of the closed ids behind the last ones of each account, the next to be forgotten first."""
        return self.texts_of(&self.older)

    cdef list texts_of(self, const ClosedIds *queue):
        cdef uint32_t item = queue.oldest
        found = []
        while item != NIL:
            text = (<const char *> id_at(self, item).text)[:CL_ORD_ID_SIZE].rstrip(b"\0")
            found.append((id_at(self, item).account, text))
            item = id_at(self, item).link
        return found

    def knows(self, uint32_t account, bytes text) -> bool:
        """Whether the account has used the id, and it has not been evicted."""
        cdef bytes padded = text.ljust(CL_ORD_ID_SIZE, b"\0")
        return find_id(self, account, padded, tag_of_id(self, account, padded)) != NIL

    def check(self) -> None:
        """AssertionError unless every id is found by its text, and every closed one is in its account's queue once."""
        cdef uint64_t waiting = 0
        cdef uint64_t queued = 0
        cdef uint64_t place
        cdef uint32_t account, item, counted
        pool_check(&self.pool)
        item = self.pool.free
        while item != NIL:
            assert id_at(self, item).account == NOBODY, "an id that was forgotten is somebody's"
            item = id_at(self, item).link
        assert index_check(&self.index, &self.pool, tag_of_item) == self.pool.live, "the index has other ids"
        for place in range(index_span(&self.index)):
            item = index_item(&self.index, place)
            if item != NIL:
                text, account = id_at(self, item).text[:CL_ORD_ID_SIZE], id_at(self, item).account
                assert find_id(self, account, text, tag_of_id(self, account, text)) == item, "an id is there twice"
                waiting += id_at(self, item).order == CLOSED
        for account in range(MAX_SESSIONS):
            item = self.closed[account].oldest
            counted = 0
            while item != NIL:
                assert id_at(self, item).order == CLOSED and id_at(self, item).account == account
                counted += 1
                item = id_at(self, item).link
            assert counted == self.closed[account].count <= self.limit
            queued += counted
        queued += len(self.older_ids)
        assert len(self.older_ids) == self.older.count
        assert queued == waiting, f"{waiting} closed ids, {queued} in queues"
