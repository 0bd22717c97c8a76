"""Phases of instruments: what begins and ends with each, and when a tick changes something.

It cancels and triggers nothing itself: it says which orders a change ends or wakes; the book takes them one by one.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport (
    BAND_ACTION_AUCTION, CANCEL_REASON_AUCTION_ENDED, CANCEL_REASON_DELISTED, CANCEL_REASON_EXPIRED, PHASE_CLOSED,
    PHASE_CLOSING_AUCTION, PHASE_CONTINUOUS, PHASE_DELISTED, PHASE_VOLATILITY_AUCTION, PhaseChangedRecord,
)
from lockstep.procs.matcher.auction cimport Crossing, crossing_of, narrow
from lockstep.procs.matcher.orders cimport (
    ASKS, BIDS, IS_AT_CLOSE, IS_AT_OPEN, IS_DAY, PARKED, is_auction, listing_of, opens,
)
from lockstep.procs.matcher.worklist cimport (
    OrderFilter, worklist_add_all, worklist_add_ladder, worklist_begin, worklist_sort,
)

cdef uint64_t MILLISECOND_NS = 1_000_000
cdef uint64_t INDICATIVE_NS = 100 * MILLISECOND_NS  # the least time between two indicative prices


cdef void set_limits(Orders orders, const LimitsRecord *command) noexcept nogil:
    """Set what an instrument allows, from the next order on."""
    cdef Listing *listing = listing_of(orders, command.instrument)
    listing.static_bps = command.static_band_bps
    listing.dynamic_bps = command.dynamic_band_bps
    listing.restricts = command.static_band_bps != 0 or command.dynamic_band_bps != 0
    listing.starts_auction = command.band_action == BAND_ACTION_AUCTION
    listing.auction_ms = command.volatility_auction_ms
    listing.day_end_s = command.day_end_s


cdef bint begin_change(
    Orders orders, Change *change, uint32_t instrument, uint8_t phase, uint8_t reason
) noexcept nogil:
    """Note a change of phase to be made; False if it changes nothing."""
    cdef const Listing *listing = listing_of(orders, instrument)
    if phase == listing.phase or listing.phase == PHASE_DELISTED:
        return False
    change.instrument = instrument
    change.phase = phase
    change.old_phase = listing.phase
    change.reason = reason
    change.auction.is_priced = False
    change.auction.price_ticks = 0
    change.auction.lots = 0
    return True


cdef bint ends_in_trades(const Change *change) noexcept nogil:
    """Whether the orders collected trade before the new phase begins."""
    return change.phase == PHASE_CONTINUOUS or (change.phase == PHASE_CLOSED and is_auction(change.old_phase))


cdef void announce(Orders orders, Change *change) noexcept nogil:
    """The new phase begins: everything after PHASE_CHANGED is of that phase."""
    cdef Listing *listing = listing_of(orders, change.instrument)
    cdef uint64_t now_ns = orders.writer.head.time_ns
    cdef PhaseChangedRecord *event
    listing.phase = change.phase
    listing.auction_ends_ns = 0
    if change.phase == PHASE_VOLATILITY_AUCTION:
        listing.auction_ends_ns = now_ns + listing.auction_ms * MILLISECOND_NS
    if change.auction.lots > 0:
        listing.reference_ticks = change.auction.price_ticks
    else:
        change.auction.price_ticks = 0
    listing.has_changed = True
    listing.indicative_ns = now_ns
    orders.is_due_stale = True
    event = orders.writer.phase_changed()
    event.phase = change.phase
    event.old_phase = change.old_phase
    event.reason = change.reason
    event.ends_ns = listing.auction_ends_ns
    event.auction_price_ticks = change.auction.price_ticks
    event.auction_lots = narrow(change.auction.lots)
    event.reference_price_ticks = listing.reference_ticks


cdef void want(OrderFilter *wanted, const Change *change, uint8_t flags) noexcept nogil:
    wanted.instrument = change.instrument
    wanted.account = 0
    wanted.side = 0
    wanted.flags = flags
    wanted.spares_halted = False


cdef int collect_ended(Orders orders, const Change *change, Worklist *worklist) except -1 nogil:
    """Orders that were in the book only for the auction that ended."""
    cdef uint8_t flags = 0
    cdef OrderFilter wanted
    worklist_begin(worklist, CANCEL_REASON_AUCTION_ENDED)
    if opens(change.old_phase) and not opens(change.phase):
        flags |= IS_AT_OPEN
    if change.old_phase == PHASE_CLOSING_AUCTION:
        flags |= IS_AT_CLOSE
    if flags:
        want(&wanted, change, flags)
        worklist_add_ladder(worklist, orders, &wanted, ASKS)
        worklist_add_ladder(worklist, orders, &wanted, BIDS)
        worklist_sort(worklist)
    return 0


cdef int collect_closed(Orders orders, const Change *change, Worklist *worklist) except -1 nogil:
    """Orders that end as a phase begins."""
    cdef OrderFilter wanted
    worklist_begin(worklist, CANCEL_REASON_EXPIRED if change.phase == PHASE_CLOSED else CANCEL_REASON_DELISTED)
    if change.phase == PHASE_CLOSED or change.phase == PHASE_DELISTED:
        want(&wanted, change, IS_DAY if change.phase == PHASE_CLOSED else 0)
        worklist_add_all(worklist, orders, &wanted)
        worklist_sort(worklist)
    return 0


cdef int collect_awaited(Orders orders, const Change *change, Worklist *worklist) except -1 nogil:
    """Orders that waited for this auction."""
    cdef OrderFilter wanted
    worklist_begin(worklist, 0)
    if opens(change.phase):
        want(&wanted, change, IS_AT_OPEN)
    elif change.phase == PHASE_CLOSING_AUCTION:
        want(&wanted, change, IS_AT_CLOSE)
    else:
        return 0
    worklist_add_ladder(worklist, orders, &wanted, PARKED)
    worklist_sort(worklist)
    return 0


cdef bint volatility_ends(const Listing *listing, uint64_t time_ns) noexcept nogil:
    return listing.phase == PHASE_VOLATILITY_AUCTION and time_ns >= listing.auction_ends_ns


cdef void indicate(Orders orders, uint32_t instrument) noexcept nogil:
    """Publish where the running auction would trade, if the book has changed, and not too often."""
    cdef Listing *listing = listing_of(orders, instrument)
    cdef uint64_t now_ns = orders.writer.head.time_ns
    cdef Crossing crossing
    if not is_auction(listing.phase) or not listing.has_changed or now_ns < listing.indicative_ns:
        return
    crossing = crossing_of(&orders.levels, listing)
    listing.has_changed = False
    listing.indicative_ns = now_ns + INDICATIVE_NS
    orders.is_due_stale = True
    orders.writer.head.instrument = instrument
    orders.writer.indicative(crossing.price_ticks, narrow(crossing.lots), narrow(crossing.imbalance))


cdef uint64_t listings_due(Orders orders) noexcept nogil:
    """The first time at which a tick ends a day or an auction, or publishes an indicative price; 0: none does."""
    cdef uint64_t due = 0
    cdef uint32_t i
    cdef const Listing *listing
    for i in range(orders.listed_count):
        listing = listing_of(orders, orders.listed[i])
        if listing.day_orders:
            due = sooner(due, listing.day_ends_ns)
        if listing.phase == PHASE_VOLATILITY_AUCTION:
            due = sooner(due, listing.auction_ends_ns)
        if is_auction(listing.phase) and listing.has_changed:
            due = sooner(due, listing.indicative_ns)
    return due


cdef inline uint64_t sooner(uint64_t due, uint64_t other) noexcept nogil:
    return other if due == 0 or other < due else due
