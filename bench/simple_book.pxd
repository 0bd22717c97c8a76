from libc.stdint cimport int64_t, uint8_t, uint32_t

cdef enum:
    BUY = 0
    SELL = 1
    PRICES = 1 << 18            # prices are array places: W1's stay well below

# An order that has been in the book; it rests while `size` is not 0.
cdef struct SimpleOrder:
    int64_t price
    int64_t size
    uint32_t uid
    uint32_t next               # in its price's queue; 0 for none
    uint32_t prev
    uint8_t side

cdef class SimpleBook:
    cdef readonly bint steps_over_own
    cdef readonly uint32_t resting
    cdef readonly int64_t trades
    cdef readonly int64_t still     # moves to the price already held
    cdef readonly int64_t gone      # cancels and moves of orders that no longer rest
    cdef int64_t first_price        # of the last command's first execution; 0 if it had none
    cdef uint32_t *filled           # the orders that the last command filled
    cdef uint32_t filled_count
    cdef SimpleOrder *entries             # by id
    cdef uint32_t capacity
    cdef uint32_t *heads[2]         # by price
    cdef uint32_t *tails[2]
    cdef int64_t best[2]            # no order of the side is better than this; there may be none at it
    cdef int64_t worst[2]

    cdef bint rests(self, uint32_t order) noexcept nogil
    cdef int64_t enter(self, uint32_t order, int side, int64_t price, int64_t size, uint32_t uid) noexcept nogil
    cdef int64_t take(self, int side, int64_t size, uint32_t uid) noexcept nogil
    cdef bint cancel(self, uint32_t order) noexcept nogil
    cdef bint move(self, uint32_t order, int64_t price) noexcept nogil
    cdef int64_t match(self, int side, int64_t limit, int64_t size, uint32_t uid) noexcept nogil
    cdef void queue(self, uint32_t order, int side, int64_t price, int64_t size, uint32_t uid) noexcept nogil
    cdef void unlink(self, uint32_t order) noexcept nogil
