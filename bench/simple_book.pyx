"""A plain order book for workload W1: its generator applies commands to it, and our matcher is compared with it.

It knows two rules for an owner's own resting orders (step over them, as exchange-core does, or trade with them, as our
book does without self-trade prevention); it emits no event and takes no part in the venue.
"""

import hashlib

from libc.stdint cimport INT64_MAX, int64_t, uint32_t
from libc.stdlib cimport calloc, free, malloc


cdef class SimpleBook:
    """One instrument's book. Order ids are 1 to `capacity`, each used once; prices are 1 to PRICES - 1."""

    def __cinit__(self, uint32_t capacity, bint steps_over_own):
        cdef int side
        self.capacity = capacity
        self.steps_over_own = steps_over_own
        self.entries = <SimpleOrder *> calloc(capacity + 1, sizeof(SimpleOrder))
        self.filled = <uint32_t *> malloc((capacity + 1) * sizeof(uint32_t))
        for side in range(2):
            self.heads[side] = <uint32_t *> calloc(PRICES, sizeof(uint32_t))
            self.tails[side] = <uint32_t *> calloc(PRICES, sizeof(uint32_t))
            if self.heads[side] == NULL or self.tails[side] == NULL or self.entries == NULL or self.filled == NULL:
                raise MemoryError("no memory for the workload's book")
        self.best[BUY] = self.worst[SELL] = 0
        self.best[SELL] = self.worst[BUY] = PRICES - 1

    def __dealloc__(self):
        cdef int side
        for side in range(2):
            free(self.heads[side])
            free(self.tails[side])
        free(self.entries)
        free(self.filled)

    cdef bint rests(self, uint32_t order) noexcept nogil:
        return self.entries[order].size != 0

    cdef int64_t enter(self, uint32_t order, int side, int64_t price, int64_t size, uint32_t uid) noexcept nogil:
        """A limit order: trade, then rest. Returns what is left of it."""
        cdef int64_t left = self.match(side, price, size, uid)
        if left:
            self.queue(order, side, price, left, uid)
        return left

    cdef int64_t take(self, int side, int64_t size, uint32_t uid) noexcept nogil:
        """A market order: trade without a limit, and drop what is left, which is returned."""
        return self.match(side, INT64_MAX if side == BUY else 0, size, uid)

    cdef bint cancel(self, uint32_t order) noexcept nogil:
        """False if it does not rest."""
        self.filled_count = 0
        self.first_price = 0
        if not self.rests(order):
            self.gone += 1
            return False
        self.unlink(order)
        self.entries[order].size = 0
        return True

    cdef bint move(self, uint32_t order, int64_t price) noexcept nogil:
        """To the tail of another price, or trade at once; nothing if it has that price. True if it moved."""
        cdef SimpleOrder *entry = &self.entries[order]
        cdef int64_t left
        self.filled_count = 0
        self.first_price = 0
        if entry.size == 0:
            self.gone += 1
            return False
        if entry.price == price:
            self.still += 1
            return False
        self.unlink(order)
        left = self.match(entry.side, price, entry.size, entry.uid)
        entry.size = 0
        if left:
            self.queue(order, entry.side, price, left, entry.uid)
        else:
            self.filled[self.filled_count] = order
            self.filled_count += 1
        return True

    cdef int64_t match(self, int side, int64_t limit, int64_t size, uint32_t uid) noexcept nogil:
        """Trade price by price, at each in order of time; returns what is left."""
        cdef int other = 1 - side
        cdef int step = 1 if side == BUY else -1
        cdef int64_t price, lots
        cdef uint32_t item, after
        self.filled_count = 0
        self.first_price = 0
        while (self.best[other] - self.worst[other]) * step <= 0 and self.heads[other][self.best[other]] == 0:
            self.best[other] += step
        price = self.best[other]
        while size and (price - limit) * step <= 0 and (price - self.worst[other]) * step <= 0:
            item = self.heads[other][price]
            while item and size:
                after = self.entries[item].next
                if not self.steps_over_own or self.entries[item].uid != uid:
                    lots = min(size, self.entries[item].size)
                    size -= lots
                    self.trades += 1
                    if self.first_price == 0:
                        self.first_price = price
                    if self.entries[item].size == lots:
                        self.unlink(item)
                        self.filled[self.filled_count] = item
                        self.filled_count += 1
                    self.entries[item].size -= lots
                item = after
            price += step
        return size

    cdef void queue(self, uint32_t order, int side, int64_t price, int64_t size, uint32_t uid) noexcept nogil:
        cdef SimpleOrder *entry = &self.entries[order]
        cdef uint32_t tail = self.tails[side][price]
        entry.price = price
        entry.size = size
        entry.uid = uid
        entry.side = side
        entry.next = 0
        entry.prev = tail
        if tail:
            self.entries[tail].next = order
        else:
            self.heads[side][price] = order
        self.tails[side][price] = order
        if side == BUY:
            self.best[BUY] = max(self.best[BUY], price)
            self.worst[BUY] = min(self.worst[BUY], price)
        else:
            self.best[SELL] = min(self.best[SELL], price)
            self.worst[SELL] = max(self.worst[SELL], price)
        self.resting += 1

    cdef void unlink(self, uint32_t order) noexcept nogil:
        cdef const SimpleOrder *entry = &self.entries[order]
        if entry.prev:
            self.entries[entry.prev].next = entry.next
        else:
            self.heads[entry.side][entry.price] = entry.next
        if entry.next:
            self.entries[entry.next].prev = entry.prev
        else:
            self.tails[entry.side][entry.price] = entry.prev
        self.resting -= 1

    def levels(self) -> list[tuple[str, int, int]]:
        """Side, price and sum of sizes of every price at which orders rest: buys, then sells, each ascending."""
        cdef int side
        cdef int64_t price, total
        cdef uint32_t item
        found = []
        for side in range(2):
            for price in range(PRICES):
                item = self.heads[side][price]
                total = 0
                while item:
                    total += self.entries[item].size
                    item = self.entries[item].next
                if total:
                    found.append(("BS"[side], price, total))
        return found


def digest_of(levels) -> str:
    """The sha256 that final books are compared by: `side,price,quantity` lines in the order of `SimpleBook.levels`."""
    return hashlib.sha256("".join(f"{side},{price},{lots}\n" for side, price, lots in levels).encode()).hexdigest()
