"""An instrument as bytes: all that a matcher knows of it, so that another can take it over (LOG-25).

It does not decide when an instrument moves, and emits nothing: nobody else sees the move.

An image::

    ┌─────────┬──────────┬──────────┬───────────┬──────────┬───────────┬───
    │ Heading │ Standing │ [Terms]  │ Standing  │ [Terms]  │ Standing  │ …
    └─────────┴──────────┴──────────┴───────────┴──────────┴───────────┴───
    orders ladder by ladder, best level first, longest waiting first; Terms only of those that have any

Item numbers of this matcher's pools mean nothing elsewhere: levels, contingent orders and chains are rebuilt.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from lockstep.core.tables.pool cimport NIL
from lockstep.procs.matcher.expiry cimport heap_put
from lockstep.procs.matcher.levels cimport level_at
from lockstep.procs.matcher.orders cimport (
    IS_SHARED_DAY, LADDERS, FurtherTerms, Ladder, Listing, Order, discard, enchain, find, link, list_number, listing_of,
    new_order, order_at, terms_at, terms_of, unlist_instrument,
)

cdef enum:
    IMAGE_VERSION = 1

cdef struct Heading:
    uint32_t version
    uint32_t size           # of Heading, Standing and FurtherTerms together: another layout is another build's
    uint64_t orders
    Listing listing

cdef struct Standing:
    Order order
    uint64_t mate_id        # 0: none
    int64_t key
    uint32_t ladder
    uint32_t has_terms


cdef uint32_t layout_size() noexcept nogil:
    return sizeof(Heading) + sizeof(Standing) + sizeof(FurtherTerms)


cdef bytes image_of(Orders orders, uint32_t instrument):
    """All that is known of a listed instrument and its orders."""
    cdef const Listing *listing = listing_of(orders, instrument)
    cdef Heading heading
    cdef bytearray image = bytearray()
    cdef int ladder
    cdef uint32_t at, item
    heading.version = IMAGE_VERSION
    heading.size = layout_size()
    heading.orders = 0
    heading.listing = listing[0]
    forget_items(&heading.listing)
    image += (<const char *> &heading)[:sizeof(Heading)]
    for ladder in range(LADDERS):
        at = listing.ladders[ladder].best
        while at != NIL:
            item = level_at(&orders.levels, at).head
            while item != NIL:
                add_order(image, orders, item, ladder)
                heading.orders += 1
                item = order_at(orders, item).next
            at = level_at(&orders.levels, at).worse
    image[:sizeof(Heading)] = (<const char *> &heading)[:sizeof(Heading)]
    return bytes(image)


cdef int add_order(bytearray image, Orders orders, uint32_t item, int ladder) except -1:
    cdef const Order *order = order_at(orders, item)
    cdef Standing standing
    cdef FurtherTerms terms
    standing.order = order[0]
    standing.order.level = standing.order.next = standing.order.prev = standing.order.terms = NIL
    standing.key = level_at(&orders.levels, order.level).key
    standing.ladder = ladder
    standing.has_terms = order.terms != NIL
    standing.mate_id = 0
    if order.terms != NIL:
        terms = terms_at(orders, order.terms)[0]
        if terms.contingent != NIL:
            standing.mate_id = order_at(orders, terms.contingent).order_id
        terms.order = terms.place = terms.contingent = terms.next = terms.prev = NIL
    image += (<const char *> &standing)[:sizeof(Standing)]
    if order.terms != NIL:
        image += (<const char *> &terms)[:sizeof(FurtherTerms)]
    return 0


cdef int give_away(Orders orders, uint32_t instrument) except -1:
    """Forget an instrument and its orders, without events."""
    cdef Listing *listing = listing_of(orders, instrument)
    cdef int ladder
    for ladder in range(LADDERS):
        while listing.ladders[ladder].best != NIL:
            discard(orders, level_at(&orders.levels, listing.ladders[ladder].best).head)
    unlist_instrument(orders, instrument)
    orders.is_due_stale = True
    return 0


cdef int take_over(Orders orders, uint32_t instrument, bytes image) except -1:
    """List an instrument from its image, with its orders. ValueError for another build's image, or a cut one."""
    cdef Heading heading
    cdef const char *data = image
    cdef uint64_t place = sizeof(Heading)
    cdef uint64_t _order
    if len(image) < <int> sizeof(Heading):
        raise ValueError(f"an image of {len(image)} bytes has no heading")
    memcpy(&heading, data, sizeof(Heading))
    if heading.version != IMAGE_VERSION or heading.size != layout_size():
        raise ValueError("an image of another layout")
    list_number(orders, instrument)[0] = heading.listing
    for _order in range(heading.orders):
        place += place_order(orders, data + place, len(image) - place)
    place = sizeof(Heading)
    for _order in range(heading.orders):
        place += wed(orders, data + place)
    listing_of(orders, instrument).has_changed = heading.listing.has_changed
    orders.is_due_stale = True
    return 0


cdef void forget_items(Listing *listing) noexcept nogil:
    """Rebuild counts and item numbers, order by order."""
    cdef int ladder
    listing.day_orders = 0
    listing.trailing = 0
    listing.first_trailing = listing.last_trailing = NIL
    for ladder in range(LADDERS):
        listing.ladders[ladder] = Ladder(NIL, NIL, 0)


cdef uint64_t place_order(Orders orders, const char *data, int64_t left) except 0:
    """Put one order of an image where it stood; returns how many bytes it takes."""
    cdef Standing standing
    cdef uint64_t size = sizeof(Standing)
    cdef uint32_t item
    cdef Order *order
    if left >= <int64_t> sizeof(Standing):
        memcpy(&standing, data, sizeof(Standing))
        size += sizeof(FurtherTerms) if standing.has_terms else 0
    if left < <int64_t> size:
        raise ValueError("an image is cut")
    item = new_order(orders, standing.order.order_id, standing.order.instrument)
    order = order_at(orders, item)
    order[0] = standing.order
    order.level = order.terms = NIL
    if standing.has_terms:
        place_terms(orders, item, data + sizeof(Standing))
    if order.flags & IS_SHARED_DAY:
        listing_of(orders, order.instrument).day_orders += 1
    link(orders, item, standing.ladder, standing.key)
    return size


cdef int place_terms(Orders orders, uint32_t item, const char *data) except -1:
    cdef uint32_t at = terms_of(orders, item)
    cdef FurtherTerms *terms = terms_at(orders, at)
    memcpy(terms, data, sizeof(FurtherTerms))
    terms.order = item
    if terms.expire_ns:
        heap_put(&orders.expiries, &orders.terms, at)
    if terms.trails:
        enchain(orders, item)
    return 0


cdef uint64_t wed(Orders orders, const char *data) noexcept:
    """Link the two orders of a list again; returns how many bytes this one takes."""
    cdef Standing standing
    cdef uint32_t item
    memcpy(&standing, data, sizeof(Standing))
    if standing.mate_id:
        item = find(orders, standing.order.order_id, standing.order.instrument)
        terms_at(orders, order_at(orders, item).terms).contingent = find(
            orders, standing.mate_id, standing.order.instrument
        )
    return sizeof(Standing) + (sizeof(FurtherTerms) if standing.has_terms else 0)
