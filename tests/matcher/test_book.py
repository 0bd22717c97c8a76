"""The book against its model in cases that the rules name: priority, extremes, depth, mass cancels, closed orders."""

from __future__ import annotations

import random

import pytest

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import (
    Cancelled,
    Code,
    Event,
    OrderType,
    Rejected,
    Replaced,
    Side,
    TimeInForce,
    Traded,
)
from lockstep.procs.matcher.book import Book
from lockstep.shm.ring import Ring
from tests.matcher.pair import BTC, Pair, buy, cancel, instrument, order, replace, sell, stamped

LEAST, MOST = -(2**63), 2**63 - 1


def trades(events: list[Event]) -> list[tuple[int, int, int]]:
    """Maker, price and quantity of each trade."""
    return [(e.maker_order_id, e.price_ticks, e.quantity_lots) for e in events if isinstance(e, Traded)]


@pytest.fixture
def pair() -> Pair:
    return Pair()


def rest(pair: Pair, *orders: object) -> list[int]:
    """Send orders that rest; their ids."""
    ids = []
    for item in orders:
        pair.send(item)  # type: ignore[arg-type]
        ids.append(pair.seq)
    return ids


def test_the_best_price_trades_first_then_who_waited_longest(pair: Pair) -> None:
    late, first, second = rest(pair, sell(102, 1), sell(101, 1), sell(101, 1))
    assert trades(pair.send(buy(102, 3))) == [(first, 101, 1), (second, 101, 1), (late, 102, 1)]


def test_an_order_does_not_trade_beyond_its_limit(pair: Pair) -> None:
    rest(pair, sell(101, 1), sell(102, 1))
    pair.send(buy(101, 5))
    assert pair.book.depth(BTC, Side.BUY) == [(101, 4, 1)]
    assert pair.book.depth(BTC, Side.SELL) == [(102, 1, 1)]


@pytest.mark.parametrize(
    ("terms", "reason"),
    [({"time_in_force": TimeInForce.IOC}, 2), ({"ord_type": OrderType.MARKET}, 3)],
    ids=["ioc", "market"],
)
def test_what_may_not_rest_is_cancelled(pair: Pair, terms: dict[str, int], reason: int) -> None:
    rest(pair, sell(101, 1), sell(106, 1))
    last = pair.send(buy(105, 5, **terms))[-1]
    assert isinstance(last, Cancelled)
    assert (last.leaves_lots, last.reason, last.rested, last.cl_ord_id) == (4, reason, 0, b"")
    assert pair.book.depth(BTC, Side.BUY) == []


def test_less_at_the_same_price_keeps_the_place_in_the_queue(pair: Pair) -> None:
    first, second = rest(pair, buy(100, 5), buy(100, 5))
    pair.send(replace(first, 100, 3))
    assert pair.book.queue(BTC, Side.BUY, 100) == [(first, 3), (second, 5)]


@pytest.mark.parametrize(("price_ticks", "quantity_lots"), [(100, 6), (99, 5), (101, 1)])
def test_any_other_replace_goes_to_the_tail(pair: Pair, price_ticks: int, quantity_lots: int) -> None:
    first, _ = rest(pair, buy(100, 5), buy(100, 5))
    rest(pair, buy(price_ticks, 1))
    pair.send(replace(first, price_ticks, quantity_lots))
    assert pair.book.queue(BTC, Side.BUY, price_ticks)[-1] == (first, quantity_lots)


def test_a_replace_may_trade_at_once_with_the_rate_of_its_order(pair: Pair) -> None:
    ask, bid = rest(pair, sell(105, 3), buy(100, 5, taker_fee_ppm=1000))
    events = pair.send(replace(bid, 106, 7))
    assert trades(events) == [(ask, 105, 3)]
    assert isinstance(events[-1], Traded)
    assert events[-1].taker_fee == 3 * 10_000 * 1000 // 1_000_000
    assert pair.book.queue(BTC, Side.BUY, 106) == [(bid, 4)]


def test_the_quantity_of_a_replace_includes_what_is_filled(pair: Pair) -> None:
    (bid,) = rest(pair, buy(100, 10))
    pair.send(sell(100, 4))
    assert isinstance(pair.send(replace(bid, 100, 9))[0], Replaced)
    assert pair.book.queue(BTC, Side.BUY, 100) == [(bid, 5)]
    for quantity in (4, 3, 0, LEAST):
        refused = pair.send(replace(bid, 100, quantity))[-1]
        assert isinstance(refused, Rejected)
        assert refused.code == Code.QUANTITY_BELOW_FILLED


def test_a_closed_order_can_be_neither_cancelled_nor_replaced(pair: Pair) -> None:
    (bid,) = rest(pair, buy(100, 1))
    pair.send(sell(100, 1))
    for command in (cancel(bid, side=1), replace(bid, 100, 1), cancel(10**9)):
        refused = pair.send(command)[-1]
        assert isinstance(refused, Rejected)
        assert refused.code == Code.ORDER_CLOSED


def test_an_order_is_not_found_under_another_instrument(pair: Pair) -> None:
    pair.send(instrument(2))
    (bid,) = rest(pair, buy(100, 1))
    assert isinstance(pair.send(cancel(bid, 2))[-1], Rejected)
    assert pair.book.queue(BTC, Side.BUY, 100) == [(bid, 1)]


def test_a_chain_of_replaces_keeps_one_order(pair: Pair) -> None:
    (bid,) = rest(pair, buy(1000, 1000))
    for step in range(300):
        pair.send(replace(bid, 1000 + step % 7, 1000 - step))
    assert pair.book.resting == 1
    pair.send(cancel(bid))
    assert pair.book.resting == 0


def test_prices_and_quantities_at_the_ends_of_64_bits(pair: Pair) -> None:
    low, high = rest(pair, buy(LEAST, MOST), sell(MOST, MOST))
    rest(pair, buy(LEAST, MOST), sell(MOST, MOST))
    assert pair.book.depth(BTC, Side.BUY) == [(LEAST, 2 * MOST, 2)]
    assert trades(pair.send(sell(LEAST, MOST))) == [(low, LEAST, MOST)]
    assert trades(pair.send(buy(MOST, MOST - 1))) == [(high, MOST, MOST - 1)]
    rest(pair, buy(-1, 1), buy(0, 1), sell(1, 1))
    assert [row[0] for row in pair.book.depth(BTC, Side.BUY)] == [0, -1, LEAST]


@pytest.mark.parametrize("ppm", [1, 999, 32767, -1, -250, -32768])
def test_fees_round_down_at_every_size(pair: Pair, ppm: int) -> None:
    pair.send(instrument(2, unit_value=1, lot_units=1))
    for lots, price in [(1, 1), (999_999, 1), (1_000_001, 7), (2**31, 2**31), (MOST // 3, 3), (1, MOST), (MOST, 1)]:
        pair.send(sell(price, lots, 2, maker_fee_ppm=ppm))
        assert len(trades(pair.send(buy(price, lots, 2, taker_fee_ppm=ppm)))) == 1


def test_a_fee_on_more_than_64_bits_is_our_bug() -> None:
    book = Book(Ring.private(64, ["test"]).producer())
    commands = [instrument(), sell(MOST, 2, maker_fee_ppm=1), buy(MOST, 2)]
    for seq, command in enumerate(commands[:2], 1):
        assert book.apply(pack(stamped(command, seq)))
    with pytest.raises(OverflowError):
        book.apply(pack(stamped(commands[2], 3)))


@pytest.mark.parametrize("command", [buy(1, 1, 9), buy(1, 0), buy(1, -1), order(0, 1, 1), order(3, 1, 1)])
def test_what_the_router_must_refuse_is_our_bug(command: object) -> None:
    book = Book(Ring.private(64, ["test"]).producer())
    book.apply(pack(stamped(instrument(), 1)))
    with pytest.raises(RuntimeError):
        book.apply(pack(stamped(command, 2)))  # type: ignore[arg-type]


def test_thirty_thousand_orders_at_one_price_are_swept_through_a_tiny_ring() -> None:
    pair = Pair(check_every=0)
    for _ in range(30_000):
        pair.send(sell(100, 1))
    pair.book.check()
    per_order = sum(pair.book.memory().values()) / 30_000
    assert per_order <= 96
    assert len(trades(pair.send(buy(100, 30_001)))) == 30_000
    assert pair.waits >= 30_000 // 64
    assert pair.book.depth(BTC, Side.BUY) == [(100, 1, 1)]
    pair.book.check()


def test_twenty_thousand_levels_stay_sorted_however_they_come_and_go() -> None:
    pair = Pair(check_every=0)
    prices = list(range(1, 20_001))
    random.Random(5).shuffle(prices)
    ids = rest(pair, *(sell(price, 1) for price in prices))
    pair.book.check()
    assert pair.book.depth(BTC, Side.SELL) == [(price, 1, 1) for price in range(1, 20_001)]
    random.Random(6).shuffle(ids)
    for count, order_id in enumerate(ids):
        pair.send(cancel(order_id))
        if count % 2000 == 0:
            pair.book.check()
    pair.book.check()
    assert pair.book.resting == 0


@pytest.mark.parametrize("step", [1, -1], ids=["ascending", "descending"])
def test_levels_in_price_order_keep_the_tree_balanced(step: int) -> None:
    pair = Pair()
    ids = rest(pair, *(buy(1000 + step * i, 1) for i in range(300)))
    for order_id in ids[::3]:
        pair.send(cancel(order_id))
    assert len(pair.book.depth(BTC, Side.BUY)) == 200


def test_a_storm_of_cancels_leaves_nothing_behind() -> None:
    pair = Pair(check_every=0)
    for _ in range(5):
        ids = rest(pair, *(buy(price % 50, 1) for price in range(4000)))
        for order_id in ids:
            pair.send(cancel(order_id))
        pair.book.check()
        assert pair.book.resting == 0
