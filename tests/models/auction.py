"""Where an auction trades, as the rule reads: most volume, least imbalance, market pressure, reference price.

It tries every price there is; it never trades.
"""

from __future__ import annotations

from typing import NamedTuple

from lockstep.core.schema.records import Side
from tests.models.listing import Listing


class Outcome(NamedTuple):
    """`imbalance_lots` is what buyers want more than sellers give at the price."""

    price_ticks: int
    lots: int
    imbalance_lots: int


def outcome(listing: Listing) -> Outcome | None:
    """None if nothing would trade."""
    bids, asks = wanted(listing, Side.BUY), wanted(listing, Side.SELL)
    if not bids or not asks or max(bids) < min(asks):
        return None
    found = [at(price, bids, asks) for price in sorted({*bids, *asks}) if min(asks) <= price <= max(bids)]
    most = max(one.lots for one in found)
    found = [one for one in found if one.lots == most]
    least = min(abs(one.imbalance_lots) for one in found)
    found = [one for one in found if abs(one.imbalance_lots) == least]
    if all(one.imbalance_lots > 0 for one in found):
        return found[-1]
    if all(one.imbalance_lots < 0 for one in found):
        return found[0]
    reference = listing.reference_ticks if listing.last_ticks is None else listing.last_ticks
    lowest, highest = found[0].price_ticks, found[-1].price_ticks
    return at(min(max(reference, lowest), highest) if reference else lowest, bids, asks)


def wanted(listing: Listing, side: int) -> dict[int, int]:
    """Lots at each limit price, hidden ones too."""
    return {price: sum(order.leaves_lots for order in queue) for price, queue in listing.sides[side].items()}


def at(price_ticks: int, bids: dict[int, int], asks: dict[int, int]) -> Outcome:
    """What would trade at this price, and what would be left over."""
    buyers = sum(lots for price, lots in bids.items() if price >= price_ticks)
    sellers = sum(lots for price, lots in asks.items() if price <= price_ticks)
    return Outcome(price_ticks, min(buyers, sellers), buyers - sellers)
