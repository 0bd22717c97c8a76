cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

# One side of a trade.
cdef struct Fill:
    uint64_t order_id
    uint64_t trade_id        # the number of the event
    uint64_t seq             # of the command that made it
    uint64_t time_ns
    int64_t price_ticks
    int64_t quantity_lots
    int64_t fee              # in the asset that this side received, its smallest units
    uint64_t older           # the account's fill before this one, 1 + its number; 0: none
    uint32_t account
    uint32_t instrument
    uint8_t side
    uint8_t is_maker
    uint8_t matcher
    uint8_t is_undone
    uint32_t skew            # how far any command of a fill up to this one is beyond this one's


@cython.final
cdef class Fills:
    cdef uint64_t most
    cdef Fill *fills
    cdef uint64_t count                # ever: fill n is at (n - 1) % most
    cdef uint64_t corrected_seq        # the last command that corrected a trade of which a side was not kept
    cdef uint64_t latest_seq           # the latest command of any fill
    cdef uint64_t *newest              # by account: 1 + the number of its last fill
    cdef Fill *add(self, uint32_t account, uint64_t seq) noexcept nogil
    cdef const Fill *last_of(self, uint32_t account) noexcept nogil
    cdef const Fill *before(self, const Fill *fill) noexcept nogil
    cdef const Fill *kept(self, uint64_t number) noexcept nogil
    cdef uint64_t forgotten_seq(self) noexcept nogil
