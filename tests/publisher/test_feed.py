"""The feed by itself: what is released, what is made of it, and that it is silent until the venue leads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lockstep.procs.publisher.feed import Feed
from lockstep.procs.publisher.kinds import Cadence, Kind
from lockstep.shm.board import Word
from tests.publisher.exchange import BUY, SELL, Exchange


def feed_of(exchange: Exchange) -> Feed:
    router, matcher = exchange.consumers()
    return Feed({0: router, 1: matcher}, exchange.board)


def live_feed(exchange: Exchange, *kinds: Kind) -> Feed:
    exchange.list_instrument()
    exchange.lead()
    feed = feed_of(exchange)
    feed.poll()
    for kind in kinds:
        feed.want(1, kind, True)
    return feed


def messages(frames: bytes) -> list[Any]:
    """The payloads of server frames, one after the other."""
    found = []
    while frames:
        length, head = frames[1], 2
        if length == 126:
            length, head = int.from_bytes(frames[2:4]), 4
        elif length == 127:
            length, head = int.from_bytes(frames[2:10]), 10
        found.append(json.loads(frames[head : head + length]))
        frames = frames[head + length :]
    return found


def sent(feed: Feed, kind: Kind) -> list[Any]:
    found = messages(feed.take(1, kind))
    feed.pending()
    feed.clear(1, kind)
    return found


def latest(feed: Feed, kind: Kind) -> Any:
    frame = feed.latest(1, kind)
    return None if frame is None else messages(frame)[0]


def test_rebuilds_in_silence_and_is_live_when_the_venue_leads() -> None:
    exchange = Exchange()
    exchange.list_instrument()
    exchange.new(BUY, 100, 7)
    feed = feed_of(exchange)
    feed.poll()
    assert not feed.live
    exchange.lead()
    feed.poll()
    assert feed.live
    assert feed.pending() == []
    assert latest(feed, Kind.BOOK_5) == [{"U": 1, "u": 1, "s": 2, "b": [["1.00000000", "0.00070000"]], "a": []}]


def test_is_not_live_before_it_read_what_the_router_had_emitted() -> None:
    exchange = Exchange()
    exchange.list_instrument()
    exchange.board.set(Word.EPOCH, 1)
    exchange.board.set(Word.READY_EVENT, 2)
    feed = feed_of(exchange)
    feed.poll()
    assert not feed.live
    exchange.lead()
    feed.poll()
    assert feed.live


def test_never_looks_at_an_event_beyond_release() -> None:
    """LOG-13, I8."""
    exchange = Exchange()
    feed = live_feed(exchange, Kind.TRADE)
    exchange.release = False
    exchange.new(SELL, 100, 1)
    exchange.new(BUY, 100, 1)
    assert feed.poll() == 0
    exchange.board.set(Word.DURABLE_SEQ, exchange.cause)
    assert feed.poll() == 0, "the router has not said that it is done"
    exchange.board.set(Word.ROUTER_DONE, exchange.cause - 1)
    assert feed.poll() == 1
    exchange.release_all()
    assert feed.poll() == 2
    assert [trade["t"] for trade in sent(feed, Kind.TRADE)] == [3]


def test_a_trade_says_who_made_the_market() -> None:
    exchange = Exchange()
    feed = live_feed(exchange, Kind.TRADE)
    exchange.new(BUY, 6_500_001, 15_000)
    exchange.new(SELL, 6_500_000, 5_000)
    feed.poll()
    at_ms = 1_700_000_000_000 + exchange.cause
    assert sent(feed, Kind.TRADE) == [
        {
            "e": "trade", "E": at_ms, "s": "BTCUSDT", "t": 3, "p": "65000.01000000", "q": "0.50000000",
            "T": at_ms, "m": True, "M": True,
        }
    ]  # fmt: skip


def test_states_are_one_a_command_refused_ones_included() -> None:
    exchange = Exchange()
    feed = live_feed(exchange, Kind.BOOK_5)
    exchange.new(SELL, 101, 1)
    exchange.new(SELL, 102, 1)
    exchange.new(BUY, 102, 5)  # two trades, the rest stays
    exchange.cancel(999)
    feed.poll()
    frames = sent(feed, Kind.BOOK_5)
    assert len(frames) == 1
    assert [(state["U"], state["u"], state["s"]) for state in frames[0]] == [(1, 1, 3), (2, 2, 4), (3, 5, 5), (7, 7, 6)]
    assert (frames[0][2]["b"], frames[0][2]["a"]) == ([["1.02000000", "0.00030000"]], [])


def test_shows_nothing_in_the_middle_of_a_command() -> None:
    exchange = Exchange()
    feed = live_feed(exchange, Kind.BOOK_TICKER, Kind.PARTIAL_5_100, Kind.BOOK_5)
    exchange.new(SELL, 101, 1)
    exchange.new(SELL, 102, 1)
    feed.poll()
    for kind in (Kind.BOOK_TICKER, Kind.BOOK_5):
        sent(feed, kind)
    exchange.emitting = False
    exchange.new(BUY, 102, 5)
    accepted, first_trade, second_trade = exchange.records
    exchange.put(accepted)
    exchange.put(first_trade)
    feed.poll()
    feed.tick(Cadence.MS_100)
    assert feed.pending() == []
    assert latest(feed, Kind.BOOK_TICKER) is None
    assert latest(feed, Kind.PARTIAL_5_100) is None
    exchange.put(second_trade)
    feed.poll()
    assert feed.pending() == [], "there might be more"
    exchange.finish()
    feed.poll()
    assert sorted(kind for _, kind in feed.pending()) == [Kind.BOOK_TICKER, Kind.BOOK_5, Kind.PARTIAL_5_100]
    assert messages(feed.take(1, Kind.BOOK_TICKER))[0]["b"] == "1.02000000"


def test_the_ticker_goes_only_when_the_best_changed() -> None:
    exchange = Exchange()
    feed = live_feed(exchange, Kind.BOOK_TICKER)
    exchange.new(BUY, 100, 5)
    feed.poll()
    assert sent(feed, Kind.BOOK_TICKER) == [
        {"u": 1, "s": "BTCUSDT", "b": "1.00000000", "B": "0.00050000", "a": "0.00000000", "A": "0.00000000"}
    ]
    exchange.new(BUY, 99, 5)
    feed.poll()
    assert sent(feed, Kind.BOOK_TICKER) == []


def test_differences_join_without_a_gap_and_say_zero_for_what_is_gone() -> None:
    exchange = Exchange()
    feed = live_feed(exchange, Kind.DEPTH_100, Kind.DEPTH_1000)
    exchange.list_instrument(2, b"ETHUSDT")
    first = exchange.new(BUY, 100, 5)
    exchange.new(BUY, 98, 5)
    exchange.new(SELL, 70, 5, instrument=2)
    feed.poll()
    feed.tick(Cadence.MS_100)
    (diff,) = sent(feed, Kind.DEPTH_100)
    assert (diff["U"], diff["u"], diff["b"], diff["a"]) == (
        1, 2, [["1.00000000", "0.00050000"], ["0.98000000", "0.00050000"]], [],
    )  # fmt: skip
    feed.tick(Cadence.MS_100)
    assert sent(feed, Kind.DEPTH_100) == [], "nothing changed"
    exchange.cancel(first)
    feed.poll()
    feed.tick(Cadence.MS_100)
    (diff,) = sent(feed, Kind.DEPTH_100)
    assert (diff["U"], diff["u"], diff["b"]) == (3, 4, [["1.00000000", "0.00000000"]])
    assert latest(feed, Kind.DEPTH_100) == diff
    feed.tick(Cadence.MS_1000)
    (slow,) = sent(feed, Kind.DEPTH_1000)
    assert (slow["U"], slow["u"]) == (1, 4)
    assert slow["b"] == [["1.00000000", "0.00000000"], ["0.98000000", "0.00050000"]]


def test_a_difference_goes_early_when_it_grows_large() -> None:
    exchange = Exchange()
    feed = live_feed(exchange, Kind.DEPTH_1000)
    taken = 0
    for price in range(1, 8_300):
        exchange.new(BUY, price, 1)
    while feed.poll():
        taken += len(sent(feed, Kind.DEPTH_1000))
    assert taken == 1
    feed.tick(Cadence.MS_1000)
    (rest,) = sent(feed, Kind.DEPTH_1000)
    assert rest["U"] == 8193
    assert len(rest["b"]) == 8299 - 8192


def test_scales_of_the_definition_are_used() -> None:
    exchange = Exchange()
    exchange.list_instrument(3, b"ODD", tick_mantissa=5, price_scale=3, lot_mantissa=25, quantity_scale=10)
    exchange.lead()
    feed = feed_of(exchange)
    exchange.new(BUY, 7, 3, instrument=3)
    feed.poll()
    instrument = feed.find("odd")
    assert instrument == 3
    frame = feed.latest(instrument, Kind.PARTIAL_5_100, b'{"stream":"odd@depth5@100ms","data":')
    assert frame is not None
    assert messages(frame) == [
        {
            "stream": "odd@depth5@100ms",
            "data": {"lastUpdateId": 1, "bids": [["0.03500000", "0.0000000075"]], "asks": []},
        }
    ]


def test_an_event_of_an_instrument_that_was_never_defined_is_a_bug() -> None:
    exchange = Exchange()
    feed = live_feed(exchange)
    exchange.new(BUY, 100, 1, instrument=9)
    with pytest.raises(RuntimeError, match="instrument 9, which is not defined"):
        feed.poll()


def test_a_busy_matcher_does_not_keep_another_from_being_drained() -> None:
    busy, calm = Exchange(), Exchange()
    busy.list_instrument(1, b"BTCUSDT")
    busy.list_instrument(2, b"SOLUSDT", matcher=2)
    busy.lead()
    busy.board.set(Word.MATCHER_DONE + 1, busy.cause)
    calm.cause = busy.cause
    router, first = busy.consumers()
    _, second = calm.consumers()
    feed = Feed({0: router, 1: first, 2: second}, busy.board)
    feed.poll()
    feed.want(1, Kind.BOOK_20, True)
    for price in range(1, 3001):
        busy.new(BUY, price, 1)
    calm.new(BUY, 7, 1, instrument=2)
    feed.poll()
    assert first.pending() > 0
    assert second.pending() == 0


def test_a_poll_ends_before_its_messages_outgrow_a_batch() -> None:
    exchange = Exchange()
    feed = live_feed(exchange, Kind.BOOK_20)
    for price in range(1, 3001):
        exchange.new(BUY, price, 1)
    polls, states = 0, 0
    while feed.poll():
        polls += 1
        frames = feed.take(1, Kind.BOOK_20)
        assert len(frames) < 300_000
        states += sum(len(frame) for frame in sent(feed, Kind.BOOK_20))
    assert polls > 3
    assert states == 3000
