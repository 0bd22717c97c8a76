from libc.stdint cimport int64_t, uint8_t, uint32_t

from bench.simple_book cimport SimpleBook

cdef enum:
    LIMIT = 78              # N, M, X and V: the letters that begin their lines
    MARKET = 77
    CANCEL = 88
    MOVE = 86

# One command of the workload. A market order has no price, a cancel and a move neither side nor size of their own.
cdef struct Step:
    int64_t price
    uint32_t id
    uint32_t uid            # who sends it: for a cancel or a move the order's owner
    uint32_t size           # of the order, as it was entered
    uint8_t kind
    uint8_t side            # BUY or SELL
    uint8_t is_still        # a move to the price already held, where own orders trade

cdef class Workload:
    cdef Step *steps
    cdef readonly int64_t count
    cdef readonly uint32_t orders   # ids are 1 to this
    cdef readonly SimpleBook book   # as the generator left it

    cdef void apply(self, SimpleBook book, Step *step) noexcept nogil
