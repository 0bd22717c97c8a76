from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from bench.simple_book cimport SimpleBook

cdef enum:
    LIMIT = 78              # N, M, X and V: the letters that begin their lines
    MARKET = 77
    CANCEL = 88
    MOVE = 86

# One command of a workload. A cancel or a move names an order; its side and size are the order's as it was entered.
cdef struct Step:
    int64_t price           # of a limit order or a move
    uint32_t id             # of the order
    uint32_t uid            # who sends it: for a cancel or a move the order's owner
    uint32_t size
    uint16_t instrument
    uint8_t kind
    uint8_t side            # BUY or SELL
    uint8_t is_still        # a move to the price already held, where own orders trade

cdef class Workload:
    cdef Step *steps
    cdef readonly int64_t count
    cdef readonly uint32_t orders       # ids are 1 to this
    cdef readonly uint32_t instruments  # numbered from 1

    cdef int reserve(self, int64_t count) except -1
    cdef void apply(self, SimpleBook book, Step *step) noexcept nogil

cdef class W1(Workload):
    cdef readonly SimpleBook book       # as the generator left it
