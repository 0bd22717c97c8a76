"""What events say, rule by rule: the consumer's orders, the publisher's levels, and where each order stands."""

from __future__ import annotations

import pytest

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import (
    CancelReason,
    OrderFlag,
    OrderType,
    Phase,
    RestateReason,
    TimeInForce,
    Traded,
    TradeFlag,
    TriggerReason,
)
from tests.consumer.script import BUY, EXPLICIT, INSTRUMENT, SELL, WAITING, Script


@pytest.fixture
def script() -> Script:
    return Script()


def test_what_is_left_of_a_plain_order_rests_when_its_command_is_complete(script: Script) -> None:
    ask = script.new(SELL, 101, 3)
    bid = script.new(BUY, 101, 5)
    script.traded(ask, bid, 3)
    script.complete()
    assert (script.side(BUY), script.side(SELL)) == ([(101, 2)], [])
    order = script.order(bid)
    assert (order.status, order.filled, order.average, order.leaves) == ("PARTIALLY_FILLED", 3, 101.0, 2)
    assert script.order(ask).status == "FILLED"


def test_a_budget_never_rests(script: Script) -> None:
    ask = script.new(SELL, 10, 5)
    flags = OrderFlag.BUDGET
    taker = script.new(BUY, 11, 35, ord_type=OrderType.MARKET, time_in_force=TimeInForce.IOC, flags=flags)
    script.traded(ask, taker, 3)
    script.cancelled(taker, CancelReason.MARKET_REMAINDER, rested=0)
    script.complete()
    assert (script.side(SELL), script.side(BUY)) == ([(10, 2)], [])
    assert (script.order(taker).filled, script.order(taker).reason) == (3, "MARKET_REMAINDER")


def test_an_iceberg_shows_its_next_part_at_the_tail(script: Script) -> None:
    ice = script.iceberg(SELL, 100, 10, display=3)
    plain = script.new(SELL, 100, 4)
    assert script.complete().queue(SELL, 100) == [(ice, 3), (plain, 4)]
    taker = script.new(BUY, 100, 5)
    script.traded(ice, taker, 3)
    script.shown(ice, 3, refresh=1)
    script.traded(plain, taker, 2)
    assert script.complete().queue(SELL, 100) == [(plain, 2), (ice, 3)]
    assert script.order(ice).leaves == 7


def test_an_incoming_iceberg_trades_whole_and_then_shows_a_part(script: Script) -> None:
    ask = script.new(SELL, 100, 8)
    script.command()
    script.terms(display_lots=2)
    ice = script.accepted(BUY, 100, 20, state=EXPLICIT)
    script.traded(ask, ice, 8)
    script.shown(ice, 2)
    script.complete()
    assert (script.side(BUY), script.order(ice).leaves) == ([(100, 2)], 12)


def test_an_iceberg_that_is_cancelled_is_taken_off_before(script: Script) -> None:
    ice = script.iceberg(SELL, 100, 10, display=3)
    script.command()
    script.shown(ice, 0)
    script.cancelled(ice, CancelReason.REQUESTED, rested=0)
    assert script.complete().side(SELL) == []


def test_a_replaced_iceberg_keeps_its_place_or_moves(script: Script) -> None:
    ice = script.iceberg(SELL, 100, 10, display=3)
    other = script.new(SELL, 100, 1)
    script.command()
    script.terms(display_lots=3)
    script.replaced(ice, 100, 2, kept=1)
    script.shown(ice, 2)
    assert script.complete().queue(SELL, 100) == [(ice, 2), (other, 1)]
    script.command()
    script.shown(ice, 0)
    script.terms(display_lots=3)
    script.replaced(ice, 100, 9, kept=0)
    script.shown(ice, 3)
    assert script.complete().queue(SELL, 100) == [(other, 1), (ice, 3)]
    assert script.order(ice).quantity == 9


def test_a_stop_comes_in_behind_the_order_whose_trade_triggered_it(script: Script) -> None:
    script.command()
    script.terms(stop_price_ticks=101)
    stop = script.accepted(BUY, 103, 4, ord_type=OrderType.STOP_LIMIT, state=WAITING)
    ask = script.new(SELL, 101, 2)
    assert script.order(stop).status == "WAITING"
    bid = script.new(BUY, 101, 5)
    script.traded(ask, bid, 2)
    script.triggered(stop)
    script.complete()
    assert script.side(BUY) == [(103, 4), (101, 3)]
    assert script.order(stop).status == "TRIGGERED"


def test_a_list_whose_limit_order_rested_is_taken_off_when_its_stop_triggers(script: Script) -> None:
    bid = script.new(BUY, 90, 5)
    limit = script.command()
    script.terms(mate_order_id=99, list_kind=1)
    script.accepted(SELL, 110, 5)
    script.terms(stop_price_ticks=95, mate_order_id=limit, list_kind=1)
    leg = script.accepted(SELL, 80, 5, order_id=99, ord_type=OrderType.STOP, state=WAITING)
    script.cancelled(limit, CancelReason.LIST, rested=1)
    script.triggered(leg)
    script.traded(bid, leg, 5)
    script.complete()
    assert (script.side(BUY), script.side(SELL)) == ([], [])
    assert (script.order(limit).reason, script.order(leg).status) == ("LIST", "FILLED")


def test_the_other_order_of_a_list_goes_before_the_trade(script: Script) -> None:
    limit = script.command()
    script.terms(mate_order_id=50, list_kind=1)
    script.accepted(SELL, 110, 5)
    script.terms(stop_price_ticks=95, mate_order_id=limit, list_kind=1)
    script.accepted(SELL, 80, 5, order_id=50, ord_type=OrderType.STOP, state=WAITING)
    taker = script.new(BUY, 110, 1)
    script.cancelled(50, CancelReason.LIST, rested=0)
    script.traded(limit, taker, 1)
    assert script.complete().side(SELL) == [(110, 4)]


def test_self_trade_prevention_takes_off_resting_orders_and_goes_on(script: Script) -> None:
    own = script.new(SELL, 100, 5)
    other = script.new(SELL, 100, 2)
    taker = script.new(BUY, 100, 4)
    script.cancelled(own, CancelReason.SELF_TRADE, rested=1)
    script.traded(other, taker, 2)
    script.complete()
    assert (script.side(BUY), script.side(SELL)) == ([(100, 2)], [])


def test_decrement_shrinks_both(script: Script) -> None:
    own = script.new(SELL, 100, 5)
    ice = script.iceberg(SELL, 101, 9, display=4)
    taker = script.new(BUY, 100, 2)
    script.restated(own, 100, 3, RestateReason.SELF_TRADE, rested=1)
    script.cancelled(taker, CancelReason.SELF_TRADE, rested=0)
    assert script.complete().side(SELL) == [(100, 3), (101, 4)]
    taker = script.new(BUY, 101, 10)
    script.cancelled(own, CancelReason.SELF_TRADE, rested=1)
    script.restated(taker, 101, 7, RestateReason.SELF_TRADE, rested=0)
    script.restated(ice, 101, 2, RestateReason.SELF_TRADE, rested=0)
    script.shown(ice, 2)
    script.cancelled(taker, CancelReason.SELF_TRADE, rested=0)
    assert script.complete().side(SELL) == [(101, 2)]
    assert script.order(taker).status == "CANCELED"


def test_a_post_only_order_slides(script: Script) -> None:
    script.new(SELL, 100, 5)
    bid = script.new(BUY, 105, 5, flags=OrderFlag.POST_ONLY | OrderFlag.SLIDE)
    script.restated(bid, 99, 5, RestateReason.SLID, rested=0)
    script.complete()
    assert (script.side(BUY), script.order(bid).price) == ([(99, 5)], 99)


def test_a_book_that_collects_may_be_crossed_and_an_auction_takes_from_both_sides(script: Script) -> None:
    script.command()
    script.phase(Phase.OPENING_AUCTION, Phase.CONTINUOUS)
    first = script.new(BUY, 105, 5)
    ice = script.iceberg(SELL, 95, 8, display=3)
    market = script.new(BUY, 103, 2, ord_type=OrderType.MARKET, time_in_force=TimeInForce.AT_THE_OPEN)
    late = script.new(BUY, 96, 1, time_in_force=TimeInForce.AT_THE_OPEN)
    script.complete()
    assert (script.side(BUY)[0], script.side(SELL)[0]) == ((105, 5), (95, 3))
    script.command()
    script.traded(first, ice, 3, price=100)
    script.shown(ice, 3, refresh=1)
    script.traded(first, ice, 2, price=100)
    script.traded(ice, market, 1, price=100)
    script.shown(ice, 2, refresh=1)
    script.traded(ice, market, 1, price=100)
    script.phase(Phase.CONTINUOUS, Phase.OPENING_AUCTION)
    script.cancelled(late, CancelReason.AUCTION_ENDED, rested=1)
    script.complete()
    assert (script.side(BUY), script.side(SELL)) == ([], [(95, 1)])
    assert [trade.price_ticks for trade in script.consumer.trades] == [100] * 4
    assert script.order(market).status == "FILLED"


def test_orders_wait_for_their_auction(script: Script) -> None:
    first = script.new(BUY, 105, 5, time_in_force=TimeInForce.AT_THE_OPEN, state=WAITING)
    second = script.new(SELL, 95, 3, time_in_force=TimeInForce.AT_THE_OPEN, state=WAITING)
    gone = script.new(SELL, 95, 3, time_in_force=TimeInForce.AT_THE_OPEN, state=WAITING)
    script.command()
    script.cancelled(gone, CancelReason.MASS_CANCEL, rested=0)
    script.command()
    script.phase(Phase.PRE_OPEN, Phase.CLOSED)
    script.triggered(first, TriggerReason.AUCTION)
    script.triggered(second, TriggerReason.AUCTION)
    script.complete()
    assert (script.side(BUY), script.side(SELL)) == ([(105, 5)], [(95, 3)])


def test_an_activated_stop_goes_on_waiting(script: Script) -> None:
    leg = script.new(SELL, 80, 5, ord_type=OrderType.STOP, state=WAITING)
    script.command()
    script.triggered(leg, TriggerReason.LIST, state=WAITING)
    script.complete()
    assert (script.side(SELL), script.order(leg).status) == ([], "WAITING")


def test_a_waiting_order_is_replaced_and_expires(script: Script) -> None:
    stop = script.new(SELL, 80, 5, ord_type=OrderType.STOP_LIMIT, state=WAITING, time_in_force=TimeInForce.DAY)
    script.command()
    script.terms(stop_price_ticks=90)
    script.replaced(stop, 85, 7, kept=0)
    script.complete()
    order = script.order(stop)
    assert order.terms is not None
    assert (order.quantity, order.price, order.terms.stop_price_ticks) == (7, 85, 90)
    script.command()
    script.cancelled(stop, CancelReason.EXPIRED, rested=0)
    assert (script.complete().side(SELL), order.status) == ([], "EXPIRED")


def test_a_consumer_is_loud_about_broken_priority(script: Script) -> None:
    script.new(SELL, 100, 5)
    second = script.new(SELL, 100, 5)
    taker = script.new(BUY, 100, 5)
    with pytest.raises(AssertionError, match="priority"):
        script.traded(second, taker, 5)


def test_levels_are_loud_about_an_auction_that_they_cannot_have_seen(script: Script) -> None:
    bid, ask = script.new(BUY, 105, 5), script.new(SELL, 95, 5)
    script.complete()
    trade = Traded(
        number=script.number + 1, cause=script.cause + 1, instrument=INSTRUMENT, maker_order_id=bid, taker_order_id=ask,
        price_ticks=106, quantity_lots=5, maker_leaves_lots=0, taker_leaves_lots=0, maker_fee=0, taker_fee=0,
        maker_account=1, taker_account=1, taker_side=SELL, flags=TradeFlag.AUCTION,
    )  # fmt: skip
    with pytest.raises(RuntimeError, match="beyond the best price"):
        script.levels.apply(pack(trade))
