"""A workload that keeps a book as full as it finds it: shows what a command costs as books grow.

It picks among all resting orders alike, the worst there is for a processor's caches, or among the youngest at the best
prices, where a market's traffic is; it measures nothing itself.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from bench.simple_book cimport BUY, SELL
from bench.workload cimport CANCEL, LIMIT, MARKET, MOVE, Step, Workload

cdef enum:
    MIDDLE = 1_000_000      # bids rest below, asks above; at it only those that trade at once
    USERS = 1000
    LOTS = 100
    YOUNGEST = 1000
    BEST = 25               # prices of each side
    # Of a hundred commands; the rest are pairs of a limit order and a market order that takes it.
    ENTERS = 30
    CANCELS = 30
    MOVES = 30

# Knuth's MMIX generator: not an enum, since these are larger than an int.
cdef uint64_t MULTIPLIER = 6364136223846793005
cdef uint64_t INCREMENT = 1442695040888963407


cdef class Steady(Workload):
    """`filled` commands that fill the books with `resting` orders, then `commands` that keep them so.

    Orders spread evenly over `instruments` and, on each side, over `prices`. `is_near` says that what comes then is
    about the youngest orders and the best prices only.
    """

    cdef readonly int64_t filled
    cdef uint64_t state
    cdef uint32_t *live     # places in `steps`, of the orders that rest
    cdef int64_t live_count
    cdef int64_t prices     # that new orders and moves choose among
    cdef int64_t choices    # how many resting orders cancels and moves choose among, at most

    def __init__(self, int64_t resting, uint32_t instruments, int64_t prices, int64_t commands, bint is_near):
        self.instruments = instruments
        self.prices = prices
        self.state = 1
        self.reserve(resting + commands + 1)
        self.live = <uint32_t *> calloc(resting + commands, sizeof(uint32_t))
        if self.live == NULL:
            raise MemoryError("no memory for the workload's orders")
        with nogil:
            while self.count < resting:
                self.enter()
            self.filled = resting
            self.choices = YOUNGEST if is_near else resting + commands
            if is_near:
                self.prices = min(self.prices, <int64_t> BEST)
            while self.count < resting + commands:
                self.any()

    def __dealloc__(self):
        free(self.live)

    cdef int64_t below(self, int64_t n) noexcept nogil:
        self.state = self.state * MULTIPLIER + INCREMENT
        return <int64_t> ((self.state >> 33) % <uint64_t> n)

    cdef void any(self) noexcept nogil:
        cdef int64_t drawn = self.below(100)
        if drawn < ENTERS:
            self.enter()
        elif drawn < ENTERS + CANCELS:
            self.cancel()
        elif drawn < ENTERS + CANCELS + MOVES:
            self.move()
        else:
            self.trade()

    cdef Step *add(self, int kind) noexcept nogil:
        """The next step, of a new order."""
        cdef Step *step = &self.steps[self.count]
        self.count += 1
        self.orders += 1
        step.id = self.orders
        step.kind = kind
        step.uid = 1 + <uint32_t> self.below(USERS)
        step.instrument = 1 + <uint32_t> self.below(self.instruments)
        step.side = BUY if self.below(2) else SELL
        step.size = LOTS
        return step

    cdef int64_t price(self, int side) noexcept nogil:
        cdef int64_t away = 1 + self.below(self.prices)
        return MIDDLE - away if side == BUY else MIDDLE + away

    cdef void enter(self) noexcept nogil:
        cdef Step *step = self.add(LIMIT)
        step.price = self.price(step.side)
        self.live[self.live_count] = self.count - 1
        self.live_count += 1

    cdef int64_t choose(self) noexcept nogil:
        """A place among the live orders; new ones are at the end."""
        return self.live_count - 1 - self.below(min(self.live_count, self.choices))

    cdef Step *again(self, int64_t at) noexcept nogil:
        """The next step, for the order at that place among those that rest."""
        cdef Step *step = &self.steps[self.count]
        step[0] = self.steps[self.live[at]]
        self.count += 1
        return step

    cdef void cancel(self) noexcept nogil:
        cdef int64_t at = self.choose()
        self.again(at).kind = CANCEL
        self.live_count -= 1
        self.live[at] = self.live[self.live_count]

    cdef void move(self) noexcept nogil:
        cdef Step *step = self.again(self.choose())
        step.kind = MOVE
        step.price = self.price(step.side)

    cdef void trade(self) noexcept nogil:
        """An order ahead of all that rests, and one that takes it."""
        cdef Step *maker = self.add(LIMIT)
        cdef Step *taker = self.add(MARKET)
        maker.price = MIDDLE
        taker.instrument = maker.instrument
        taker.side = 1 - maker.side
