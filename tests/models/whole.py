"""What must hold of the oracle's book between any two commands, whatever they were.

It says the rules from the other end: not what an order does, but what can't be found standing afterwards.
"""

from __future__ import annotations

from lockstep.core.schema.records import Phase, Side
from tests.models import phases
from tests.models.listing import Listing
from tests.models.orders import FOR_AUCTION, Order, Place


def check(listing: Listing) -> None:
    """AssertionError if the book of one instrument is not as every rule together leaves it."""
    for order in listing.orders.values():
        check_order(listing, order)
    resting = [order for levels in listing.sides.values() for queue in levels.values() for order in queue]
    assert all(queue for levels in listing.sides.values() for queue in levels.values()), "a price without orders"
    assert len(resting) == sum(order.place == Place.BOOK for order in listing.orders.values())
    if listing.phase == Phase.CONTINUOUS:
        bid, ask = listing.best(Side.BUY), listing.best(Side.SELL)
        assert not bid or not ask or bid.price_ticks < ask.price_ticks, "crossed while it trades"
        assert not listing.stops.queue, "something has triggered and had no turn"
    if listing.phase == Phase.DELISTED:
        assert not listing.orders


def check_order(listing: Listing, order: Order) -> None:
    assert order.leaves_lots > 0
    assert order.place != Place.INCOMING, "left between the places"
    if order.contingent:
        assert order.contingent.contingent is order, "a list of which one does not know"
        assert order.contingent.order_id in listing.orders
    match order.place:
        case Place.BOOK:
            assert order.may_rest
            assert order in listing.sides[order.side][order.price_ticks]
            if order.display_lots:
                assert 0 < order.shown_lots <= min(order.display_lots, order.leaves_lots)
            if order.time_in_force in FOR_AUCTION and listing.phase in phases.COLLECTING:
                assert listing.phase in FOR_AUCTION[order.time_in_force]
        case Place.STOP:
            assert order in listing.stops.sides[order.side][order.stop_price_ticks]
            last = listing.last_ticks
            if listing.phase == Phase.CONTINUOUS and last is not None:
                assert not listing.stops.is_reached(order, last), "it should have triggered"
        case Place.QUEUE:
            assert order in listing.stops.queue
        case Place.AUCTION:
            assert listing.phase not in FOR_AUCTION[order.time_in_force], "it is its time"
        case Place.LIST:
            assert order.is_leg
