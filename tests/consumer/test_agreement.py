"""Random traffic of every kind: what consumers rebuild from events alone is what the matcher itself has.

After each command the consumer's orders are held against the book's own queues, and the publisher's levels against
its depth.
"""

from __future__ import annotations

import os
import random
from collections import Counter

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import CancelReason, Command, Event, OrderState, Side
from lockstep.procs.publisher.book import Book
from tests.consumer.orders import Orders
from tests.matcher.coverage_tally import Seen
from tests.matcher.pair import Pair
from tests.matcher.traffic import Traffic

STEPS = int(os.environ.get("LOCKSTEP_CONSUMER_STEPS", "6000"))
SEED = int(os.environ.get("LOCKSTEP_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
RING_SLOTS = 64
# How often the books are compared queue by queue, which costs more than all else.
WHOLE = 25
SELDOM = {
    CancelReason.MINIMUM_QUANTITY, CancelReason.DELISTED, CancelReason.PRICE_BAND, CancelReason.NO_FUNDS,
    CancelReason.VOIDED,
}  # fmt: skip


class Watched(Pair):
    """The compiled matcher's book, whose events (the oracle's are the same) are all that two consumers get to see."""

    def __init__(self) -> None:
        self.consumer = Orders()
        self.levels: dict[int, Book] = {}
        self.count = 0
        self.seen: Counter[str] = Counter()
        super().__init__(RING_SLOTS, check_every=0)

    def heard(self, events: list[Event], _command: Command) -> None:
        touched = set()
        for event in events:
            self.consumer.apply(event)
            self.levels.setdefault(event.instrument, Book()).apply(pack(event))
            touched.add(event.instrument)
            self.seen[type(event).__name__] += 1
        self.consumer.settle()
        for instrument in touched:
            self.levels[instrument].complete()
            self.compare_levels(instrument)
        self.count += 1
        if self.count % WHOLE == 0:
            self.compare()

    def compare_levels(self, instrument: int) -> None:
        found = self.levels[instrument]
        for side, levels in ((Side.BUY, found.bids), (Side.SELL, found.asks)):
            assert self.consumer.depth(instrument, side) == self.book.depth(instrument, side)
            assert self.consumer.shown(instrument, side) == levels == self.book.shown(instrument, side)

    def compare(self) -> None:
        """Every queue of every book, order by order, and what each order stands at."""
        self.consumer.check()
        for instrument, book in self.levels.items():
            book.check()
            for side in Side:
                for price, _, _ in self.book.depth(instrument, side):
                    queue = [(order.order_id, order.leaves) for order in self.consumer.queue(instrument, side, price)]
                    assert queue == self.book.queue(instrument, side, price)


def test_consumers_have_what_the_matcher_has() -> None:
    watched = Watched()
    traffic = Traffic(SEED, watched, Seen())
    try:
        for _ in range(STEPS):
            traffic.step()
    except Exception as error:
        error.add_note(f"LOCKSTEP_FUZZ_SEED={SEED}, step {traffic.count}, record {watched.seq}")
        raise
    watched.compare()
    orders = watched.consumer.orders.values()
    phases = {listing.definition.instrument: listing.phase for listing in watched.model.listings.values()}
    assert watched.consumer.phases.items() <= phases.items()
    for order in orders:
        if order.is_open:
            found = watched.model.listings[order.instrument].orders[order.order_id]
            assert (order.leaves, order.price) == (found.leaves_lots, found.price_ticks)
            assert (order.shown, order.filled) == (0 if found.is_waiting else found.matchable_lots, found.filled_lots)
    if STEPS >= 6000:
        for name in ("Triggered", "Restated", "Shown", "PhaseChanged", "Indicative", "ExtTermsEvent", "Replaced"):
            assert watched.seen[name] > 10, name
        assert {CancelReason[order.reason] for order in orders if order.reason} >= set(CancelReason) - SELDOM
        assert any(order.state == OrderState.WAITING and order.is_open for order in orders)
