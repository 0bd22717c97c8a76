"""Price bands and collars: how far from a price another one may be.

It computes bounds and does nothing about an order that is outside them.
"""

from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint8_t, uint16_t

from lockstep.core.schema.records cimport SIDE_BUY
from lockstep.procs.matcher.levels cimport int128

cdef enum:
    WHOLE_BPS = 10_000


cdef inline int64_t narrow(int128 price) noexcept nogil:
    """The nearest price that there is."""
    if price > INT64_MAX:
        return INT64_MAX
    return INT64_MIN if price < INT64_MIN else <int64_t> price


cdef inline int64_t share_down(int64_t price_ticks, int bps) noexcept nogil:
    """floor(price x bps / 10,000)"""
    cdef int128 product = <int128> price_ticks * bps
    return narrow(product // WHOLE_BPS - (product % WHOLE_BPS < 0))


cdef inline int64_t share_up(int64_t price_ticks, int bps) noexcept nogil:
    """ceil(price x bps / 10,000)"""
    cdef int128 product = <int128> price_ticks * bps
    return narrow(product // WHOLE_BPS + (product % WHOLE_BPS > 0))


cdef Band around(int64_t price_ticks, int bps) noexcept nogil:
    cdef Band band
    band.low_ticks = INT64_MIN
    band.high_ticks = INT64_MAX
    if price_ticks != 0 and bps != 0:
        band.low_ticks = share_up(price_ticks, WHOLE_BPS - bps)
        band.high_ticks = share_down(price_ticks, WHOLE_BPS + bps)
    return band


cdef Band static_band(const Listing *listing) noexcept nogil:
    """reference x (10,000 +- bps) / 10,000, rounded inwards; all prices if there is no band or no reference."""
    return around(listing.reference_ticks, listing.static_bps)


cdef Band both_bands(const Listing *listing) noexcept nogil:
    """The prices inside both bands: the static one, and the one around the last trade (else the reference price)."""
    cdef Band band = static_band(listing)
    cdef Band dynamic = around(
        listing.last_ticks if listing.has_traded else listing.reference_ticks, listing.dynamic_bps
    )
    band.low_ticks = max(band.low_ticks, dynamic.low_ticks)
    band.high_ticks = min(band.high_ticks, dynamic.high_ticks)
    return band


cdef int64_t collar(int64_t price_ticks, uint8_t side, uint16_t bps) noexcept nogil:
    """The worst price of a market order around this price: rounded towards it, never below 1."""
    cdef int64_t worst
    if side == SIDE_BUY:
        worst = share_down(price_ticks, WHOLE_BPS + bps)
    else:
        worst = share_up(price_ticks, WHOLE_BPS - bps)
    return max(worst, <int64_t> 1)
