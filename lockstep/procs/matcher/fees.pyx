"""Fees of one match, in the asset that each side receives: floor(amount x rate / 1,000,000), in smallest units.

It rounds down, rebates (negative rates) too, so no fee exceeds the hold (LOG-11); it never decides who pays which rate.
"""

from libc.stdint cimport int16_t, int64_t

cdef extern from *:
    ctypedef long long int128 "__int128"
    bint mul_overflow "__builtin_mul_overflow"(int64_t a, int64_t b, int64_t *product) noexcept nogil

cdef enum:
    MILLION = 1_000_000


cdef int64_t base_fee(int64_t lot_units, int64_t lots, int16_t ppm) except? -1 nogil:
    """What the buyer pays, of lot_units x lots of base. OverflowError if that amount is beyond 64 bits."""
    cdef int64_t amount = 0
    if ppm == 0:
        return 0
    if mul_overflow(lot_units, lots, &amount):
        overflow()
    return share(amount, ppm)


cdef int64_t quote_fee(int64_t unit_value, int64_t price_ticks, int64_t lots, int16_t ppm) except? -1 nogil:
    """What the seller pays, of unit_value x ticks x lots of quote. OverflowError as in base_fee."""
    cdef int64_t worth = 0
    cdef int64_t amount = 0
    if ppm == 0:
        return 0
    if mul_overflow(unit_value, price_ticks, &worth) or mul_overflow(worth, lots, &amount):
        overflow()
    return share(amount, ppm)


cdef inline int64_t share(int64_t amount, int16_t ppm) noexcept nogil:
    cdef int128 product = <int128> amount * ppm
    cdef int64_t narrow = <int64_t> product
    cdef int64_t quotient
    if product == narrow:  # almost always, and 64 bits divide many times faster
        quotient = narrow // MILLION
        return quotient - 1 if narrow % MILLION < 0 else quotient
    quotient = <int64_t> (product // MILLION)
    return quotient - 1 if product % MILLION < 0 else quotient


cdef int overflow() except -1 nogil:
    """The router refuses orders worth more than 64 bits hold: one that gets here is a bug."""
    with gil:
        raise OverflowError("what a match is worth is beyond 64 bits")
