"""A matcher's orders as a whole, between two commands: saved to a part of a snapshot, loaded from one, digested.

Saving changes nothing. Tables are saved as they lie, and listings only if listed; what can be counted
again is not saved.

The digest depends on what the orders are, not on where they lie: it is the same however the state came about.
"""

from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.tables.digest cimport scramble
from lockstep.core.tables.index cimport index_load, index_save
from lockstep.core.tables.pool cimport NIL, pool_load, pool_save
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.matcher.expiry cimport heap_load, heap_save
from lockstep.procs.matcher.levels cimport level_at
from lockstep.procs.matcher.orders cimport (
    LADDERS, MAX_ACCOUNTS, MAX_INSTRUMENTS, FurtherTerms, Listing, Order, Orders, is_auction, list_number, listing_of,
    order_at, terms_at,
)

from lockstep.core.tables.saved import DamagedPart


cdef int save_orders(Orders orders, Saver saver) except -1:
    """Add all orders and instruments to a part. OSError."""
    cdef uint32_t i
    saver.put_64(sizeof(Listing))
    saver.put_64(orders.listed_count)
    for i in range(orders.listed_count):
        saver.put_64(orders.listed[i])
        saver.put(listing_of(orders, orders.listed[i]), sizeof(Listing))
    pool_save(&orders.pool, saver)
    pool_save(&orders.terms, saver)
    index_save(&orders.by_id, saver)
    pool_save(&orders.levels.pool, saver)
    index_save(&orders.levels.index, saver)
    heap_save(&orders.expiries, saver)
    return saver.put(orders.groups, MAX_ACCOUNTS * sizeof(uint32_t))


cdef int load_orders(Orders orders, Loader loader) except -1:
    """Load saved orders into ones with nothing listed yet. DamagedPart, MemoryError."""
    cdef uint64_t _listing
    cdef uint64_t number
    loader.expect(sizeof(Listing), b"bytes in a listing")
    for _listing in range(loader.get_64()):
        number = loader.get_64()
        if number >= MAX_INSTRUMENTS:
            raise DamagedPart(f"an instrument {number}")
        loader.get(list_number(orders, <uint32_t> number), sizeof(Listing))
    pool_load(&orders.pool, loader)
    pool_load(&orders.terms, loader)
    index_load(&orders.by_id, loader)
    pool_load(&orders.levels.pool, loader)
    index_load(&orders.levels.index, loader)
    heap_load(&orders.expiries, loader)
    orders.is_due_stale = True
    return loader.get(orders.groups, MAX_ACCOUNTS * sizeof(uint32_t))


cdef uint64_t digest_orders(Orders orders) noexcept nogil:
    """All instruments by number, each with its orders ladder by ladder, best level first, longest waiting first."""
    cdef uint64_t digest = 1
    cdef uint32_t account, i
    for i in range(orders.listed_count):
        digest = digest_listing(orders, orders.listed[i], digest)
    for account in range(MAX_ACCOUNTS):
        if orders.groups[account]:
            digest = mix(mix(digest, account), orders.groups[account])
    return digest


cdef inline uint64_t mix(uint64_t digest, uint64_t value) noexcept nogil:
    """Add one value; the order of values counts."""
    return scramble(value, digest) + digest


cdef uint64_t digest_listing(Orders orders, uint32_t instrument, uint64_t digest) noexcept nogil:
    cdef const Listing *listing = listing_of(orders, instrument)
    cdef int ladder
    cdef uint32_t at, item
    digest = mix(mix(digest, instrument), listing.phase)
    digest = mix(mix(digest, listing.unit_value), listing.lot_units)
    digest = mix(mix(digest, listing.reference_ticks), listing.has_traded)
    digest = mix(digest, listing.last_ticks)
    digest = mix(mix(digest, listing.static_bps), listing.dynamic_bps)
    digest = mix(mix(digest, listing.restricts), listing.starts_auction)
    digest = mix(mix(digest, listing.collar_bps), listing.auction_ms)
    digest = mix(mix(digest, listing.day_end_s), listing.day_orders)
    if listing.day_orders:
        digest = mix(digest, listing.day_ends_ns)
    if is_auction(listing.phase):
        digest = mix(mix(digest, listing.auction_ends_ns), listing.indicative_ns)
        digest = mix(digest, listing.has_changed)
    for ladder in range(LADDERS):
        at = listing.ladders[ladder].best
        while at != NIL:
            digest = mix(mix(digest, ladder), level_at(&orders.levels, at).key)
            item = level_at(&orders.levels, at).head
            while item != NIL:
                digest = digest_order(orders, item, digest)
                item = order_at(orders, item).next
            at = level_at(&orders.levels, at).worse
    return digest


cdef uint64_t digest_order(Orders orders, uint32_t item, uint64_t digest) noexcept nogil:
    cdef const Order *order = order_at(orders, item)
    digest = mix(mix(digest, order.order_id), order.account)
    digest = mix(mix(digest, order.leaves_lots), order.filled_lots)
    digest = mix(mix(digest, order.maker_fee_ppm), order.taker_fee_ppm)
    digest = mix(mix(digest, order.side), order.ord_type)
    digest = mix(mix(digest, order.stp), order.flags)
    return digest if order.terms == NIL else digest_terms(orders, terms_at(orders, order.terms), digest)


cdef uint64_t digest_terms(Orders orders, const FurtherTerms *terms, uint64_t digest) noexcept nogil:
    digest = mix(mix(digest, terms.expire_ns), terms.price_ticks)
    digest = mix(mix(digest, terms.stop_ticks), terms.trail_ticks)
    digest = mix(mix(digest, terms.extreme_ticks), terms.trails)
    digest = mix(mix(digest, terms.display_lots), terms.shown_lots)
    digest = mix(mix(digest, terms.minimum_lots), terms.time_in_force)
    if terms.contingent != NIL:
        digest = mix(mix(digest, order_at(orders, terms.contingent).order_id), terms.list_kind)
        digest = mix(digest, terms.is_main)
    return digest
