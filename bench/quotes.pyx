"""A busy market over FIX: books that are quoted anew around walking middles, and orders that take from them.

It is a client over real sockets; it knows nothing of the venue's insides, and reads no market data.
"""

from libc.stdint cimport int64_t, uint64_t

from lockstep.cli.flow.initiator cimport Initiator, Report
from lockstep.shm.clock cimport monotonic_ns

cdef extern from "<unistd.h>" nogil:
    int usleep(unsigned int us) noexcept

cdef enum:
    LEVELS = 300            # of a side
    NEAR = 30               # of these, the ones that are quoted anew; nobody takes beyond them
    LEAST_LOTS = 50         # of a quote
    MOST_TAKEN = 10
    STEADY = 50             # orders, until the middle moves
    TURN_US = 2_000
    NS_PER_S = 1_000_000_000


cdef class Quotes:
    """One instrument's market by one session. It trades with itself, so that its balances stay what they are."""
    cdef Initiator session
    cdef int64_t middle
    cdef uint64_t last_ref
    cdef uint64_t draw
    cdef uint64_t resting[2][LEVELS]

    def __init__(self, Initiator session not None, int64_t middle, uint64_t seed):
        """Rest the whole book. Prices are in the instrument's smallest decimal."""
        cdef int level, side
        self.session = session
        self.middle = middle
        self.draw = seed | 1
        for level in range(LEVELS):
            for side in range(2):
                self.make_room()
                self.quote(side, level)
        self.session.flush()

    cdef int make_room(self) except -1:
        """Send what waits, where much does, and read what was answered."""
        if self.session.is_full():
            self.session.flush()
            self.read()
        return 0

    cdef uint64_t below(self, uint64_t bound) noexcept nogil:
        self.draw ^= self.draw << 13
        self.draw ^= self.draw >> 7
        self.draw ^= self.draw << 17
        return self.draw % bound

    cdef void quote(self, int side, int level) noexcept nogil:
        """Rest an order at this many ticks from the middle, in the place of the one that was quoted there."""
        cdef int64_t away = 1 + level
        if self.resting[side][level]:
            self.last_ref += 1
            self.session.cancel(self.last_ref, self.resting[side][level], side == 0)
        self.last_ref += 1
        self.resting[side][level] = self.last_ref
        self.session.new_order(
            self.last_ref, side == 0, False, self.middle - away if side == 0 else self.middle + away,
            LEAST_LOTS + self.below(9 * LEAST_LOTS),
        )

    cdef void take(self) noexcept nogil:
        """Buy or sell some at once, from the best price on."""
        cdef bint buy = self.below(2)
        self.last_ref += 1
        self.session.new_order(
            self.last_ref, buy, True, self.middle + NEAR if buy else self.middle - NEAR, 1 + self.below(MOST_TAKEN)
        )
        if self.below(STEADY) == 0:
            self.middle += <int64_t> self.below(3) - 1

    cdef int read(self) except -1 nogil:
        """Read the answers. A quote that was taken can't be cancelled any more; every other refusal is a fault."""
        cdef Report report
        self.session.receive(0)
        while self.session.next_report(&report):
            if report.msg_type not in (c"8", c"9", c"0", c"1") or report.exec_type == c"8":
                with gil:
                    raise RuntimeError(f"the venue answered {report.start[:report.size]!r}")
        return 0


cdef int64_t due(int64_t passed_ns, int64_t per_s) noexcept nogil:
    return passed_ns * per_s // NS_PER_S


def play(list markets, int64_t takes_per_s, int64_t quotes_per_s, double seconds) -> None:
    """For so long take so many times a second, and quote anew so many times: an open loop, in turn in each market."""
    cdef int64_t began_ns = monotonic_ns()
    cdef int64_t until_ns = <int64_t> (seconds * NS_PER_S)
    cdef int64_t takes = 0, quotes = 0, passed_ns = 0
    cdef int level
    cdef Quotes market
    while passed_ns < until_ns:
        with nogil:
            usleep(TURN_US)  # the open loop's clock
        passed_ns = monotonic_ns() - began_ns
        while takes < due(passed_ns, takes_per_s):
            market = markets[takes % len(markets)]
            market.make_room()
            market.take()
            takes += 1
        while quotes < due(passed_ns, quotes_per_s):
            market = markets[quotes % len(markets)]
            level = market.below(NEAR)
            market.make_room()
            market.quote(market.below(2), level)
            quotes += 1
        for market in markets:
            market.session.flush()
            market.read()
