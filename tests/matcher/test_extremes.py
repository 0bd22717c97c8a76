"""Commands that make one book work for long: deep auctions, mass cancels, cascades and refreshes, through tiny rings.

Each is compared with the model event by event; how long it takes is no property here.
"""

from __future__ import annotations

import random

import pytest

from lockstep.core.schema.records import (
    BandAction,
    Cancelled,
    CancelReason,
    Event,
    ExtTerms,
    MassCancel,
    OrderType,
    Phase,
    PhaseChange,
    PhaseChanged,
    SelfTrade,
    Side,
    Tick,
    TimeInForce,
    Traded,
    Triggered,
)
from tests.matcher.pair import BTC, Alone, Pair, buy, instrument, limits, order, sell

MANY = 10_000
MANY_LOTS = 1_000
EVENTS_A_MATCH = 3  # with an iceberg: what it gives is shown, then the trade, then its next part
MOST = 2**63 - 1


def begin(pair: Alone, phase: Phase) -> list[Event]:
    return pair.send(PhaseChange(cl_ord_id=b"", instrument=BTC, phase=phase))


def count(events: list[Event], kind: type[Event]) -> int:
    return sum(isinstance(event, kind) for event in events)


@pytest.fixture
def pair() -> Alone:
    return Pair(slots=16, check_every=0)


def test_an_auction_of_many_orders_at_many_prices(pair: Alone) -> None:
    draw = random.Random(7)
    begin(pair, Phase.OPENING_AUCTION)
    for _ in range(MANY // 2):
        pair.send(buy(10_000 + draw.randint(-400, 500), draw.randint(1, 50)))
        pair.send(sell(10_000 + draw.randint(-500, 400), draw.randint(1, 50)))
    pair.now_ns += 10**9
    pair.send(Tick())
    events = begin(pair, Phase.CONTINUOUS)
    (changed,) = [event for event in events if isinstance(event, PhaseChanged)]
    assert changed.auction_lots == sum(event.quantity_lots for event in events if isinstance(event, Traded))
    assert count(events, Traded) > MANY // 4


def test_an_auction_at_the_ends_of_64_bits(pair: Alone) -> None:
    begin(pair, Phase.OPENING_AUCTION)
    for _ in range(3):
        pair.send(buy(MOST, MOST // 4))
        pair.send(sell(1, MOST // 4))
    pair.send(sell(1, MOST // 4))
    pair.now_ns += 10**9
    pair.send(Tick())
    assert count(begin(pair, Phase.CONTINUOUS), Traded) == 3


@pytest.mark.parametrize("how", ["mass cancel", "expiry", "closed", "delisted"])
def test_a_mass_cancel_of_many_orders_goes_by_order_id(pair: Alone, how: str) -> None:
    draw = random.Random(5)
    for _ in range(MANY):
        side = draw.choice((Side.BUY, Side.SELL))
        away = -1 if side == Side.BUY else 1
        pair.send(order(side, 1000 + away * draw.randint(1, 300), 1, time_in_force=TimeInForce.DAY))
    pair.now_ns += 24 * 3600 * 10**9
    if how == "mass cancel":
        events = pair.send(MassCancel(cl_ord_id=b"", instrument=0, target=7))
    elif how == "expiry":
        events = pair.send(Tick())
    else:
        events = begin(pair, Phase.CLOSED if how == "closed" else Phase.DELISTED)
    ids = [event.order_id for event in events if isinstance(event, Cancelled)]
    assert ids == sorted(ids)
    assert len(ids) == MANY


def test_a_cascade_of_stops_each_of_which_triggers_the_next(pair: Alone) -> None:
    steps = 2_000
    for step in range(1, steps + 1):
        pair.send(buy(10_000 - step, 1))
        stops = {"ord_type": OrderType.STOP, "price_ticks": 1}
        pair.send(order(Side.SELL, quantity_lots=1, **stops), ExtTerms(stop_price_ticks=10_000 - step))
    assert count(pair.send(sell(9_000, 1)), Triggered) == steps


def test_many_trailing_stops_move_together(pair: Alone) -> None:
    for _ in range(300):
        pair.send(order(Side.SELL, 1, 1, ord_type=OrderType.TRAILING_STOP), ExtTerms(trail_ticks=10))
        pair.send(order(Side.BUY, MOST, 1, ord_type=OrderType.TRAILING_STOP), ExtTerms(trail_ticks=200))
    for price in (120, 119, 140, 135, 160):
        pair.send(sell(price, 1))
        pair.send(buy(price, 1))
    pair.send(buy(140, 1))
    events = pair.send(sell(140, 1))
    assert count(events, Triggered) == 300


@pytest.mark.parametrize("icebergs", [1, 2, 3, 100])
@pytest.mark.parametrize("terms", [{}, {"stp": SelfTrade.CANCEL_NEWEST}])
def test_match_with_icebergs_has_events_by_order_not_by_part(pair: Alone, icebergs: int, terms: dict[str, int]) -> None:
    """One order may meet as many parts as an iceberg has lots: it takes whole rounds of them in one match each."""
    for number in range(icebergs):
        pair.send(sell(100, MANY_LOTS + number, account=1), ExtTerms(display_lots=1 + number % 3))
    pair.send(sell(100, 3, account=1))
    lots = icebergs * MANY_LOTS // 2
    events = pair.send(buy(100, lots, account=2, **terms))
    assert len(events) <= EVENTS_A_MATCH * 2 * icebergs + 3
    assert sum(event.quantity_lots for event in events if isinstance(event, Traded)) == lots


def test_auction_with_icebergs_has_events_by_order_not_by_part(pair: Alone) -> None:
    begin(pair, Phase.OPENING_AUCTION)
    for number in range(100):
        pair.send(sell(100, MANY_LOTS + number, account=1), ExtTerms(display_lots=1))
        pair.send(buy(100, MANY_LOTS, account=2), ExtTerms(display_lots=1))
    events = begin(pair, Phase.CONTINUOUS)
    assert count(events, Traded) < 200
    assert len(events) <= (EVENTS_A_MATCH + 2) * 200 + 1


def test_fill_or_kill_looks_through_many_orders(pair: Alone) -> None:
    for price in range(100, 600):
        for _ in range(8):
            pair.send(sell(price, 3))
    (killed,) = [e for e in pair.send(buy(599, 12_001, time_in_force=TimeInForce.FOK)) if isinstance(e, Cancelled)]
    assert killed.reason == CancelReason.FILL_OR_KILL
    assert count(pair.send(buy(599, 12_000, time_in_force=TimeInForce.FOK)), Traded) == 4_000


def test_bands_and_trails_at_the_greatest_prices(pair: Alone) -> None:
    """Nothing that is computed from a price may wrap round."""
    pair.send(instrument(reference_price_ticks=MOST - 5, collar_bps=10_000))
    pair.send(limits(static_band_bps=10_000, dynamic_band_bps=65_535, band_action=BandAction.REJECT))
    pair.send(sell(MOST, 5))
    pair.send(order(Side.BUY, MOST, 1, ord_type=OrderType.TRAILING_STOP), ExtTerms(trail_ticks=MOST))
    pair.send(order(Side.SELL, 1, 1, ord_type=OrderType.TRAILING_STOP), ExtTerms(trail_ticks=MOST))
    pair.send(order(Side.SELL, 1, 1, ord_type=OrderType.TRAILING_STOP), ExtTerms(trail_ticks=1))
    assert count(pair.send(buy(MOST, 1)), Traded) == 2  # the trailing buy can't be further away than this
    pair.send(buy(1, 5))
    assert count(pair.send(sell(1, 1)), Traded) == 3  # and so triggers both that trail below
