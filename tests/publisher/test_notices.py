"""Streams of our own that are single events: phases, indicative prices, corrections; and what late joiners get."""

from __future__ import annotations

from typing import Any

from lockstep.core.schema.records import (
    Accepted,
    Corrected,
    Event,
    Indicative,
    OrderType,
    Phase,
    PhaseChanged,
    PhaseReason,
    TimeInForce,
    Traded,
    TradeFlag,
)
from lockstep.procs.publisher.feed import Feed
from lockstep.procs.publisher.kinds import Cadence, Kind
from lockstep.shm.board import Word
from tests.publisher.exchange import BUY, SELL, Exchange
from tests.publisher.harness import client, receive, run, serving
from tests.publisher.test_feed import latest, live_feed, sent

KINDS = (Kind.PHASE, Kind.AUCTION, Kind.CORRECTION, Kind.TRADE, Kind.BOOK_5, Kind.BOOK_TICKER)
NOTHING = "0.00000000"


def order(order_id: int, side: int, price: int, lots: int) -> tuple[type[Event], dict[str, Any]]:
    return Accepted, {
        "order_id": order_id, "price_ticks": price, "quantity_lots": lots, "account": 1, "session": 1,
        "cl_ord_id": b"o", "side": side, "ord_type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC,
    }  # fmt: skip


def phase(new: int, old: int, **values: Any) -> tuple[type[Event], dict[str, Any]]:
    terms = {"ends_ns": 0, "auction_price_ticks": 0, "auction_lots": 0, "reference_price_ticks": 100} | values
    return PhaseChanged, {"phase": new, "old_phase": old, "reason": PhaseReason.COMMAND} | terms


def indicative(price: int, lots: int, imbalance: int) -> tuple[type[Event], dict[str, Any]]:
    return Indicative, {"price_ticks": price, "quantity_lots": lots, "imbalance_lots": imbalance}


def opened() -> tuple[Exchange, Feed]:
    exchange = Exchange()
    return exchange, live_feed(exchange, *KINDS)


def test_before_any_change_the_phase_is_continuous_and_no_auction_runs() -> None:
    _, feed = opened()
    assert latest(feed, Kind.PHASE) == {
        "e": "phase", "E": 0, "s": "BTCUSDT", "u": 0, "p": "CONTINUOUS", "P": "CONTINUOUS", "r": "COMMAND", "T": 0,
        "a": NOTHING, "q": NOTHING, "f": NOTHING,
    }  # fmt: skip
    assert latest(feed, Kind.AUCTION) == {
        "e": "auction", "E": 0, "s": "BTCUSDT", "u": 0, "p": NOTHING, "q": NOTHING, "i": NOTHING,
    }  # fmt: skip
    assert latest(feed, Kind.CORRECTION) is None


def test_an_auction_is_told_while_it_runs_and_when_it_ends() -> None:
    exchange, feed = opened()
    exchange.command(phase(Phase.OPENING_AUCTION, Phase.CONTINUOUS))
    first = exchange.command(order(3, BUY, 102, 5))
    second = exchange.command(order(4, SELL, 98, 7))
    exchange.command(indicative(100, 5, -2))
    feed.poll()
    assert [message["p"] for message in sent(feed, Kind.PHASE)] == ["OPENING_AUCTION"]
    (message,) = sent(feed, Kind.AUCTION)
    assert (message["u"], message["p"], message["q"], message["i"]) == (4, "1.00000000", "0.00050000", "-0.00020000")
    assert latest(feed, Kind.AUCTION) == message
    (states,) = sent(feed, Kind.BOOK_5)
    assert states[-1]["b"] == [["1.02000000", "0.00050000"]]
    assert states[-1]["a"] == [["0.98000000", "0.00070000"]], "a book that collects may be crossed"
    trade = Traded, {
        "maker_order_id": first, "taker_order_id": second, "price_ticks": 100, "quantity_lots": 5,
        "maker_leaves_lots": 0, "taker_leaves_lots": 2, "maker_fee": 0, "taker_fee": 0, "maker_account": 1,
        "taker_account": 2, "taker_side": SELL, "flags": TradeFlag.AUCTION,
    }  # fmt: skip
    ended = phase(Phase.CONTINUOUS, Phase.OPENING_AUCTION, auction_price_ticks=100, auction_lots=5)
    exchange.command(trade, ended)
    feed.poll()
    (told,) = sent(feed, Kind.PHASE)
    assert (told["p"], told["P"], told["a"], told["q"]) == (
        "CONTINUOUS", "OPENING_AUCTION", "1.00000000", "0.00050000",
    )  # fmt: skip
    (traded,) = sent(feed, Kind.TRADE)
    assert (traded["p"], traded["E"]) == ("1.00000000", told["E"])
    assert latest(feed, Kind.AUCTION)["p"] == NOTHING
    (states,) = sent(feed, Kind.BOOK_5)
    assert (states[-1]["b"], states[-1]["a"]) == ([], [["0.98000000", "0.00020000"]])


def test_a_volatility_auction_says_when_it_ends() -> None:
    exchange, feed = opened()
    exchange.command(phase(Phase.VOLATILITY_AUCTION, Phase.CONTINUOUS, ends_ns=1_700_000_005_000_000_000))
    feed.poll()
    assert latest(feed, Kind.PHASE)["T"] == 1_700_000_005_000


def test_a_correction_is_told_with_both_prices() -> None:
    exchange, feed = opened()
    exchange.tell(
        Corrected, instrument=1, trade_id=7, price_ticks=100, quantity_lots=5, new_price_ticks=0, buyer=1, seller=2,
        buyer_fee=0, seller_fee=0, matcher=1,
    )  # fmt: skip
    feed.poll()
    (message,) = sent(feed, Kind.CORRECTION)
    assert message == {
        "e": "correction", "E": message["E"], "s": "BTCUSDT", "t": 7, "p": "1.00000000", "q": "0.00050000",
        "n": NOTHING,
    }  # fmt: skip
    assert latest(feed, Kind.CORRECTION) == message


def test_nothing_that_was_before_the_venue_led_is_a_difference() -> None:
    for is_done in (True, False):
        exchange = Exchange()
        exchange.list_instrument()
        exchange.emitting = is_done
        exchange.new(BUY, 100, 7)
        if not is_done:
            exchange.put(exchange.records[0])
        exchange.emitting = True
        router, matcher = exchange.consumers()
        feed = Feed({0: router, 1: matcher}, exchange.board)
        exchange.lead()
        if not is_done:
            exchange.board.set(Word.MATCHER_DONE, 1)
        feed.poll()
        feed.want(1, Kind.DEPTH_100, True)
        exchange.finish()
        feed.poll()
        feed.tick(Cadence.MS_100)
        assert sent(feed, Kind.DEPTH_100) == []
        exchange.new(BUY, 99, 1)
        feed.poll()
        feed.tick(Cadence.MS_100)
        (difference,) = sent(feed, Kind.DEPTH_100)
        assert (difference["U"], difference["u"]) == (2, 2)
        assert difference["b"][-1] == ["0.99000000", "0.00010000"]


def test_commands_of_several_instruments_are_complete_one_by_one() -> None:
    exchange, feed = opened()
    exchange.list_instrument(2, b"ETHUSDT")
    exchange.emitting = False
    instrument, terms = order(4, BUY, 50, 1)
    exchange.command(order(4, BUY, 100, 5), (instrument, terms | {"instrument": 2}))
    for record in exchange.records:
        exchange.put(record)
    feed.poll()
    assert latest(feed, Kind.BOOK_5) is None, "its events may not all be there"
    exchange.new(BUY, 10, 1, instrument=2)
    exchange.put(exchange.records[0])
    feed.poll()
    assert latest(feed, Kind.BOOK_5)[0]["b"] == [["1.00000000", "0.00050000"]]
    assert feed.latest(2, Kind.BOOK_5) is None
    exchange.finish()
    feed.poll()
    assert feed.latest(2, Kind.BOOK_5) is not None


def test_a_client_is_told_the_phase_as_it_is_and_every_change() -> None:
    async def scenario() -> None:
        exchange = Exchange()
        exchange.list_instrument()
        async with serving(exchange) as running, client(running, "/ws/btcusdt@phase/btcusdt@auction") as connection:
            first = [await receive(connection) for _ in range(2)]
            assert [(message["e"], message["u"]) for message in first] == [("phase", 0), ("auction", 0)]
            exchange.command(phase(Phase.OPENING_AUCTION, Phase.CONTINUOUS))
            assert (await receive(connection))["p"] == "OPENING_AUCTION"
            exchange.command(indicative(100, 5, 3))
            assert (await receive(connection))["i"] == "0.00030000"

    run(scenario())
