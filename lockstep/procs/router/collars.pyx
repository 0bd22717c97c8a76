"""The worst price at which an order without its own price may trade: fixed, and held for, when it is entered.

It computes from an instrument's terms and its last settled trade; the caller stamps the result into the record (LOG-2).
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t

from lockstep.core.schema.records cimport ORD_TYPE_MARKET, ORD_TYPE_STOP, ORD_TYPE_TRAILING_STOP, SIDE_BUY
from lockstep.procs.router.orders cimport int128

cdef enum:
    MAX_BPS = 10_000


cdef inline int64_t present_price(const Listing *listing) noexcept nogil:
    return listing.last_price_ticks if listing.last_price_ticks else listing.terms.reference_price_ticks


cdef int64_t worst_price(const Listing *listing, int64_t price, uint8_t side) noexcept nogil:
    """The instrument's collar away from `price`, rounded towards it and never below 1; 0 if there is no price."""
    cdef int128 scaled
    if price <= 0:
        return 0
    if side == SIDE_BUY:
        scaled = <int128> price * (MAX_BPS + listing.terms.collar_bps) // MAX_BPS
        return <int64_t> scaled if scaled < INT64_MAX else INT64_MAX
    scaled = (<int128> price * (MAX_BPS - listing.terms.collar_bps) + MAX_BPS - 1) // MAX_BPS
    return <int64_t> scaled if scaled > 0 else 1


cdef int64_t trailed_price(const Listing *listing, uint8_t side, int64_t trail) noexcept nogil:
    """The worst price of a trailing stop that is entered now; 0 if there is no price to trail."""
    cdef int64_t price = present_price(listing)
    if price <= 0 or trail <= 0:
        return 0
    if side == SIDE_BUY:
        price = price + trail if trail < INT64_MAX - price else INT64_MAX
    else:
        price = price - trail if price > trail else 1
    return worst_price(listing, price, side)


cdef int64_t stamped_price(
    const Listing *listing, const NewOrderRecord *order, const ExtTermsRecord *terms
) noexcept nogil:
    """The price that a new order works with: its own if its type has one; 0 if there is nothing to go by.

    `terms` may be NULL if the type needs none.
    """
    if order.ord_type == ORD_TYPE_MARKET:
        return worst_price(listing, present_price(listing), order.side)
    if order.ord_type == ORD_TYPE_STOP:
        return worst_price(listing, terms.stop_price_ticks, order.side) if terms != NULL else 0
    if order.ord_type == ORD_TYPE_TRAILING_STOP:
        return trailed_price(listing, order.side, terms.trail_ticks) if terms != NULL else 0
    return order.price_ticks


cdef int64_t restamped_price(
    const Listing *listing, const OpenOrder *order, const ExtTermsRecord *terms, int64_t present
) noexcept nogil:
    """As `stamped_price`, of an open order whose price is not its own, with the terms that a replace changes.

    `terms` may be NULL; `present` is the price that it works with, kept unless they change it.
    """
    if terms != NULL and order.ord_type == ORD_TYPE_STOP and terms.stop_price_ticks != 0:
        return worst_price(listing, terms.stop_price_ticks, order.side)
    if terms != NULL and order.ord_type == ORD_TYPE_TRAILING_STOP and terms.trail_ticks != 0:
        return trailed_price(listing, order.side, terms.trail_ticks)
    return present
