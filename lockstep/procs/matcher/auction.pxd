from libc.stdint cimport int64_t, uint32_t

from lockstep.procs.matcher.levels cimport Levels, int128
from lockstep.procs.matcher.orders cimport Listing, Orders

# Where an auction would trade. All 0 if nothing would.
cdef struct Crossing:
    int64_t price_ticks
    int128 lots
    int128 imbalance    # how much more buyers want than sellers offer at that price

# An auction that ends. It may wait for slots in the event ring, in the middle of its trades.
cdef struct Uncrossing:
    bint is_priced
    int64_t price_ticks
    int128 lots         # traded so far

cdef Crossing crossing_of(const Levels *levels, const Listing *listing) noexcept nogil
cdef int uncross(Orders orders, uint32_t instrument, Uncrossing *auction) except -1 nogil
cdef int64_t narrow(int128 lots) noexcept nogil
