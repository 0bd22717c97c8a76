from libc.stdint cimport int64_t, uint8_t, uint16_t

from lockstep.procs.matcher.orders cimport Listing

# The prices at which an order may trade, the ends included.
cdef struct Band:
    int64_t low_ticks
    int64_t high_ticks

cdef Band static_band(const Listing *listing) noexcept nogil
cdef Band both_bands(const Listing *listing) noexcept nogil
cdef int64_t collar(int64_t price_ticks, uint8_t side, uint16_t bps) noexcept nogil


cdef inline bint is_within(const Band *band, int64_t price_ticks) noexcept nogil:
    return band.low_ticks <= price_ticks <= band.high_ticks
