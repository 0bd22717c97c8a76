"""Random commands to the book and its model: every event equal, every structure whole, however small the ring is.

It decides what is asked and how often; what is right, the model says.
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from lockstep.core.schema.records import Code, ExtTerms, NewOrder, OrderType, Rejected, Side, TimeInForce
from tests.matcher.coverage_tally import Seen
from tests.matcher.pair import BTC, Pair, ThroughRings, cancel, compare_books, instrument, order, replace
from tests.matcher.traffic import Traffic
from tests.models.triggers import MOST_TRAILING

COMMANDS = int(os.environ.get("LOCKSTEP_FUZZ_COMMANDS", "40000"))
SEED = int(os.environ.get("LOCKSTEP_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
CLOSELY = 10_000  # commands of the first run: the book's own structures are checked after each
RUN = 30_000  # commands of each other run, after which everything must have happened
RARELY = 20  # commands between checks of the structures in those
COMPARE_BOOKS = 100
IN_BATCHES = min(COMMANDS // 16, 100_000)
RING_SLOTS = (1024, 64, 16, 4)
EXTREMES = (-(2**63), -(2**63) + 1, -1, 0, 1, 2**63 - 2, 2**63 - 1)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("run", range(1 + max(1, (COMMANDS - CLOSELY) // RUN)))
def test_a_long_random_run_in_which_everything_happens(run: int) -> None:
    seed, seen = SEED + run, Seen()
    pair = Pair(RING_SLOTS[run % len(RING_SLOTS)], check_every=RARELY if run else 1)
    traffic = Traffic(seed, pair, seen)
    try:
        for _ in range(min(RUN if run else CLOSELY, COMMANDS)):
            traffic.step()
            if traffic.count % COMPARE_BOOKS == 0:
                compare_books(pair)
    except Exception as error:
        error.add_note(f"LOCKSTEP_FUZZ_SEED={seed}, step {traffic.count}, record {pair.seq}")
        raise
    print(seen.table())
    if traffic.count >= RUN:
        assert not seen.missing(), f"LOCKSTEP_FUZZ_SEED={seed}"


@pytest.mark.timeout(900)
def test_the_matcher_between_its_rings_does_the_same_in_batches() -> None:
    seed = SEED + 1_000_000
    for slots in RING_SLOTS:
        pair = ThroughRings(random.Random(seed), slots)
        traffic = Traffic(seed, pair, Seen())
        try:
            for _ in range(IN_BATCHES):
                traffic.step()
            pair.settle()
        except Exception as error:
            error.add_note(f"LOCKSTEP_FUZZ_SEED={SEED}, {slots} slots, step {traffic.count}, record {pair.seq}")
            raise


def test_no_more_trailing_stops_than_the_rules_allow() -> None:
    pair = Pair(64, 0)
    for _ in range(MOST_TRAILING):
        pair.send(trailing(), ExtTerms(trail_ticks=3))
    for expected in ([Code.TOO_MANY_TRAILING], []):
        events = pair.send(trailing(), ExtTerms(trail_ticks=3))
        assert [Code(event.code) for event in events if isinstance(event, Rejected)] == expected
        pair.send(cancel(min(pair.model.listings[BTC].orders)))


def trailing() -> NewOrder:
    return order(Side.SELL, 90, 1, ord_type=OrderType.TRAILING_STOP)


class AtTheEnds(RuleBasedStateMachine):
    """Whatever Hypothesis thinks of, at the ends of 64 bits too, through a ring of two slots."""

    @initialize()
    def start(self) -> None:
        self.pair = Pair(slots=2)
        self.pair.send(instrument(2, unit_value=1, lot_units=1))
        self.ids = [0]

    @rule(
        side=st.sampled_from(Side),
        price=st.integers(-3, 3) | st.sampled_from(EXTREMES),
        lots=st.integers(1, 9) | st.sampled_from((2**63 - 2, 2**63 - 1)),
        number=st.sampled_from((1, 2)),
        kind=st.sampled_from((OrderType.LIMIT, OrderType.MARKET)),
        time_in_force=st.sampled_from((TimeInForce.GTC, TimeInForce.IOC)),
    )
    def new_order(
        self, side: int, price: int, lots: int, number: int, kind: OrderType, time_in_force: TimeInForce
    ) -> None:
        self.pair.send(order(side, price, lots, number, ord_type=kind, time_in_force=time_in_force))
        self.ids.append(self.pair.seq)

    @rule(which=st.integers(0, 30), number=st.sampled_from((1, 2)))
    def cancel(self, which: int, number: int) -> None:
        self.pair.send(cancel(self.ids[which % len(self.ids)], number))

    @rule(
        which=st.integers(0, 30),
        price=st.integers(-3, 3) | st.sampled_from(EXTREMES),
        lots=st.integers(-1, 12) | st.sampled_from(EXTREMES),
        number=st.sampled_from((1, 2)),
    )
    def replace(self, which: int, price: int, lots: int, number: int) -> None:
        self.pair.send(replace(self.ids[which % len(self.ids)], price, lots, number))


AtTheEnds.TestCase.settings = settings(max_examples=40, stateful_step_count=60, deadline=None)
TestAtTheEnds = AtTheEnds.TestCase
