"""Workload W1: exchange-core's published test, "1,000 orders, single pair", generated command by command.

It draws what exchange-core's TestOrdersGenerator draws (commit dadfebd), in the same order, so that the stream has the
published sha256; it measures nothing and knows nothing of our matcher.
"""

import hashlib

from libc.stdint cimport INT32_MAX, INT64_MAX, int64_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memmove

from bench.simple_book cimport BUY, SELL, SimpleBook

from bench.simple_book import digest_of

ITERATIONS = 3_000_000
STREAM_SHA256 = "3fa89c5b7653fc58f6aca5dc295e0048f37232ad89d1e08256c90acf4d4b9a28"
BOOK_SHA256 = "6c3d8b5e21f066c5c896f5e18465d453c35158bc90afb3a0953eebb7a4a01acd"

cdef enum:
    TARGET = 1000           # resting orders
    USERS = 1000
    START_PRICE = 100_000
    LOWEST = 50_000
    HIGHEST = 150_000
    CHECK_EVERY = 1024      # commands between two looks at how many orders rest
    MAX_LIVE = 1 << 16      # far above TARGET, since resting orders are counted so often
    LINE = 96
    BLOCK = 1 << 16


# Not enums: these are larger than an int.
cdef uint64_t MULTIPLIER = 0x5DEECE66D
cdef uint64_t LOW_48 = 0xFFFFFFFFFFFF
cdef double UNIT = 2.0 ** -53


cdef class Random:
    """java.util.Random: 48 bits, a linear congruence."""

    cdef uint64_t state

    def __cinit__(self, uint64_t seed):
        self.state = seed ^ MULTIPLIER

    cdef uint64_t bits(self, int count) noexcept nogil:
        self.state = (self.state * MULTIPLIER + 11) & LOW_48
        return self.state >> (48 - count)

    cdef int64_t below(self, int64_t n) noexcept nogil:
        """nextInt(n)"""
        cdef int64_t drawn = <int64_t> self.bits(31)
        if n & (n - 1) == 0:
            return (n * drawn) >> 31
        while drawn - drawn % n + n - 1 > INT32_MAX:
            drawn = <int64_t> self.bits(31)
        return drawn % n

    cdef double fraction(self) noexcept nogil:
        """nextDouble()"""
        cdef uint64_t high = self.bits(26)
        return <double> ((high << 27) + self.bits(27)) * UNIT


cdef class Generator:
    """The state between iterations. Live orders are ids in ascending order: a new one is always the greatest."""

    cdef Random random
    cdef SimpleBook book
    cdef uint32_t *live
    cdef int64_t live_count
    cdef int64_t *entered       # by id: the price that an order came with, which moves start from for ever
    cdef Step *orders           # by id: its NEW step, whose owner sends cancels and moves
    cdef uint32_t next_id
    cdef int64_t last
    cdef int direction
    cdef int64_t known          # orders resting, as of the last look
    cdef int64_t check

    def __cinit__(self, int64_t iterations):
        self.random = Random(1)
        self.book = SimpleBook(iterations + 1, True)
        self.live = <uint32_t *> malloc(MAX_LIVE * sizeof(uint32_t))
        self.entered = <int64_t *> calloc(iterations + 2, sizeof(int64_t))
        self.orders = <Step *> calloc(iterations + 2, sizeof(Step))
        if self.live == NULL or self.entered == NULL or self.orders == NULL:
            raise MemoryError("no memory for the workload's generator")
        self.next_id = 1
        self.last = START_PRICE
        self.check = CHECK_EVERY

    def __dealloc__(self):
        free(self.live)
        free(self.entered)
        free(self.orders)

    cdef int64_t place(self, int64_t id) noexcept nogil:
        """Where the smallest live id that is not below `id` stands."""
        cdef int64_t low = 0, high = self.live_count, middle
        while low < high:
            middle = (low + high) // 2
            if <int64_t> self.live[middle] < id:
                low = middle + 1
            else:
                high = middle
        return low

    cdef void forget(self, uint32_t id) noexcept nogil:
        cdef int64_t at = self.place(id)
        if at < self.live_count and self.live[at] == id:
            self.live_count -= 1
            memmove(&self.live[at], &self.live[at + 1], (self.live_count - at) * sizeof(uint32_t))

    cdef bint draw(self, Step *step) noexcept nogil:
        """The next command, not applied yet. False if this iteration has none."""
        cdef int64_t lack = TARGET - self.known
        cdef int64_t action = self.random.below(10 if lack > 0 else 40)
        cdef int64_t at
        if action < 2:
            self.draw_order(step, lack > 0)
            return True
        at = self.place(self.random.below(self.next_id))
        if at == self.live_count:
            return False
        step[0] = self.orders[self.live[at]]
        if action == 2:
            step.kind = CANCEL
            self.forget(step.id)
        else:
            step.kind = MOVE
            step.price = self.moved(self.entered[step.id])
        return True

    cdef void draw_order(self, Step *step, bint is_limit) noexcept nogil:
        cdef int64_t deviation, total, distance
        cdef double u
        cdef int _
        step.id = self.next_id
        self.next_id += 1
        step.side = BUY if self.random.below(4) + self.direction >= 2 else SELL
        step.size = 1 + <uint32_t> (self.random.below(6) * self.random.below(6) * self.random.below(6))
        step.uid = 1 + <uint32_t> self.random.below(USERS)
        step.instrument = 1
        step.is_still = False
        if is_limit:
            step.kind = LIMIT
            u = self.random.fraction()
            deviation = 1 + <int64_t> (u * u * 5000)
            total = 0
            for _ in range(4):
                total += self.random.below(deviation)
            distance = total // 4 * 2 - deviation
            distance = distance if distance > 0 else -distance
            step.price = self.last - distance if step.side == BUY else self.last + distance
            self.entered[step.id] = step.price
            self.live[self.live_count] = step.id
            self.live_count += 1
        else:
            step.kind = MARKET
            step.price = INT64_MAX if step.side == BUY else 0
        self.orders[step.id] = step[0]

    cdef int64_t moved(self, int64_t price) noexcept nogil:
        """A hundredth of the way towards the last price, at least one step; a step up or down where it is that."""
        cdef int64_t away = self.last - price
        if away == 0:
            return price + 2 * self.random.below(2) - 1
        return price + (away + 99) // 100 if away > 0 else price - (99 - away) // 100

    cdef void learn(self, const Step *step, bint is_filled, int64_t iteration) noexcept nogil:
        """What the generator sees of the command's outcome."""
        cdef uint32_t i
        for i in range(self.book.filled_count):
            self.forget(self.book.filled[i])
        if is_filled:
            self.forget(step.id)
        if step.kind == MARKET and not is_filled:
            self.known = self.book.resting
        if self.book.first_price:
            self.last = self.book.first_price
            if self.last <= LOWEST:
                self.last = LOWEST
                self.direction = 1
            elif self.last >= HIGHEST:
                self.last = HIGHEST
                self.direction = -1
        if iteration >= self.check:
            self.check += CHECK_EVERY
            self.known = self.book.resting


cdef bint filled_by(SimpleBook book, const Step *step) noexcept nogil:
    """Apply a command; whether it filled the order that it brought."""
    if step.kind == LIMIT:
        return book.enter(step.id, step.side, step.price, step.size, step.uid) == 0
    if step.kind == MARKET:
        return book.take(step.side, step.size, step.uid) == 0
    if step.kind == CANCEL:
        book.cancel(step.id)
    else:
        book.move(step.id, step.price)
    return False


cdef class Workload:
    """A stream of commands that is known before it is sent; its maker fills in `steps`."""

    def __cinit__(self):
        self.instruments = 1

    def __dealloc__(self):
        free(self.steps)

    cdef int reserve(self, int64_t count) except -1:
        """Make room for this many steps, all zero."""
        self.steps = <Step *> calloc(count + 1, sizeof(Step))
        if self.steps == NULL:
            raise MemoryError("no memory for the workload's commands")
        return 0

    def mix(self) -> dict[str, int]:
        """How many commands of each kind there are, by the letter that begins their line in W1's stream."""
        cdef int64_t[256] counts
        cdef int64_t i
        for i in range(256):
            counts[i] = 0
        for i in range(self.count):
            counts[self.steps[i].kind] += 1
        return {letter: counts[<int> ord(letter)] for letter in "NMXV"}

    cdef void apply(self, SimpleBook book, Step *step) noexcept nogil:
        """Apply a command to a book of another rule, and note whether it is a move that changes nothing there."""
        cdef int64_t still = book.still
        filled_by(book, step)
        step.is_still = book.still != still

    def replayed(self) -> SimpleBook:
        """The book that these commands lead to where own orders trade, as they do in ours; marks moves that are still.

        An order that has traded with its owner's is gone for good there, while commands for it go on coming.
        """
        cdef SimpleBook book = SimpleBook(self.orders, False)
        cdef int64_t i
        with nogil:
            for i in range(self.count):
                self.apply(book, &self.steps[i])
        return book


cdef class W1(Workload):
    """W1's commands: all of them, or those of the first `iterations`."""

    def __init__(self, int64_t iterations=ITERATIONS):
        cdef Generator generator = Generator(iterations)
        cdef bint is_filled
        cdef int64_t i
        self.reserve(iterations)
        with nogil:
            for i in range(iterations):
                if generator.draw(&self.steps[self.count]):
                    is_filled = filled_by(generator.book, &self.steps[self.count])
                    generator.learn(&self.steps[self.count], is_filled, i)
                    self.count += 1
        self.orders = generator.next_id - 1
        self.book = generator.book

    def moving(self) -> Workload:
        """These commands without the moves that `replayed` has marked as changing nothing."""
        cdef Workload kept = Workload()
        cdef int64_t i
        kept.reserve(self.count)
        kept.orders = self.orders
        for i in range(self.count):
            if not self.steps[i].is_still:
                kept.steps[kept.count] = self.steps[i]
                kept.count += 1
        return kept

    def stream_sha256(self) -> str:
        """Of all commands as lines: `N,id,side,price,size,uid`, `M,id,side,size,uid,limit`, `X,id`, `V,id,price`."""
        cdef char[BLOCK] block
        cdef int64_t i
        cdef int used = 0
        hashed = hashlib.sha256()
        for i in range(self.count):
            if used > <int> BLOCK - <int> LINE:
                hashed.update(block[:used])
                used = 0
            used += write_line(block + used, &self.steps[i])
        hashed.update(block[:used])
        return hashed.hexdigest()

    def book_sha256(self) -> str:
        """Of the generator's own final book, where an incoming order steps over its owner's."""
        return digest_of(self.book.levels())


cdef int write_line(char *out, const Step *step) noexcept nogil:
    cdef const char *side = b"B" if step.side == BUY else b"S"
    cdef long long price = step.price
    if step.kind == LIMIT:
        return snprintf(out, LINE, b"N,%u,%s,%lld,%u,%u\n", step.id, side, price, step.size, step.uid)
    if step.kind == MARKET:
        return snprintf(out, LINE, b"M,%u,%s,%u,%u,%lld\n", step.id, side, step.size, step.uid, price)
    if step.kind == CANCEL:
        return snprintf(out, LINE, b"X,%u\n", step.id)
    return snprintf(out, LINE, b"V,%u,%lld\n", step.id, price)
