"""A feed goes on with the books of a snapshot as the one that was saved, and stands still at the mark for it."""

from __future__ import annotations

import random

import pytest

from lockstep.core.venue.snapshot_parts import Kept
from lockstep.procs.publisher.feed import Feed
from lockstep.procs.publisher.kinds import Cadence, Kind
from lockstep.shm.board import Word
from tests.publisher.exchange import BUY, SELL, Exchange
from tests.publisher.test_feed import feed_of, latest, live_feed, sent

WHOLE = (Kind.TRADE, Kind.BOOK_TICKER, Kind.BOOK_20, Kind.PARTIAL_20_100, Kind.PHASE, Kind.AUCTION, Kind.CORRECTION)


def trade_on(exchange: Exchange, draw: random.Random, commands: int) -> None:
    for _ in range(commands):
        match draw.randrange(4):
            case 0 if exchange.orders:
                exchange.cancel(draw.choice(exchange.orders))
            case 1 if exchange.orders:
                exchange.replace(draw.choice(exchange.orders), draw.randint(95, 105), draw.randint(1, 9))
            case _:
                exchange.new(draw.choice((BUY, SELL)), draw.randint(95, 105), draw.randint(1, 9))


def saved(feed: Feed, mark: int) -> Kept:
    parts = Kept()
    feed.poll()
    assert feed.at_mark == mark
    parts.save(mark, "publisher", feed.save)
    feed.pass_mark()
    return parts


def loaded(parts: Kept, exchange: Exchange, mark: int, behind: tuple[int, int]) -> Feed:
    """A feed with the part of the snapshot at `mark`, on rings with all events after it."""
    parts.start = type(parts.start)(seq=mark)
    feed = Feed(exchange.emitted_again(behind), exchange.board)
    part = parts.load("publisher")
    assert part is not None
    feed.load(part)
    part.finish()
    return feed


@pytest.mark.parametrize("seed", range(5))
def test_a_loaded_feed_goes_on_as_the_one_that_was_saved(seed: int) -> None:
    draw = random.Random(seed)
    exchange = Exchange()
    feed = live_feed(exchange, *WHOLE)
    trade_on(exchange, draw, 60)
    mark = exchange.snapshot()
    behind = len(exchange.history[0]), exchange.number
    feed.poll()
    parts = saved(feed, mark)
    trade_on(exchange, draw, 60)
    exchange.lead()
    feed.poll()
    again = loaded(parts, exchange, mark, behind)
    again.poll()
    assert again.live
    for kind in WHOLE:
        assert latest(again, kind) == latest(feed, kind)
    again.want(1, Kind.BOOK_20, True)
    sent(feed, Kind.BOOK_20)
    exchange.new(BUY, 100, 1)
    feed.poll()
    # What follows a snapshot has the same update ids and sequences.
    state = sent(feed, Kind.BOOK_20)[-1][-1]
    fresh = loaded(parts, exchange, mark, behind)
    fresh.poll()
    assert latest(fresh, Kind.BOOK_20)[-1] == state


@pytest.mark.parametrize("missed", [0, 1, 3])
def test_whoever_had_differences_of_a_predecessor_finds_a_gap_where_something_is_missing(missed: int) -> None:
    exchange = Exchange()
    feed = live_feed(exchange, Kind.DEPTH_100)
    exchange.new(BUY, 100, 5)
    mark = exchange.snapshot()
    behind = len(exchange.history[0]), exchange.number
    feed.poll()
    parts = saved(feed, mark)
    feed.tick(Cadence.MS_100)
    last = sent(feed, Kind.DEPTH_100)[-1]["u"]
    for _ in range(missed):
        exchange.new(BUY, 99, 5)
    again = loaded(parts, exchange, mark, behind)
    again.poll()
    again.want(1, Kind.DEPTH_100, True)
    exchange.new(BUY, 98, 5)
    again.attach(exchange.emitted_again(behind), exchange.board)
    again.poll()
    again.tick(Cadence.MS_100)
    (difference,) = sent(again, Kind.DEPTH_100)
    assert difference["U"] == last + 1 + missed
    assert difference["b"] == [["0.98000000", "0.00050000"]]


def test_it_stands_still_at_a_mark_until_it_may_pass() -> None:
    exchange = Exchange()
    feed = live_feed(exchange, Kind.BOOK_5)
    exchange.new(BUY, 100, 5)
    mark = exchange.snapshot()
    exchange.new(BUY, 101, 5)
    exchange.list_instrument(2, b"ETHUSDT")
    assert [feed.poll() for _ in range(2)] == [1, 1]  # what is before the mark, and the mark
    assert feed.at_mark == mark
    assert [state["s"] for frame in sent(feed, Kind.BOOK_5) for state in frame] == [mark - 1]
    assert feed.poll() == 0
    assert feed.find("ethusdt") is None
    feed.pass_mark()
    assert [feed.poll() for _ in range(2)] == [1, 1]
    assert feed.at_mark == 0
    assert [state["s"] for frame in sent(feed, Kind.BOOK_5) for state in frame] == [mark + 1]
    assert feed.find("ethusdt") == 2


def test_a_mark_that_nobody_wants_is_passed_by() -> None:
    exchange = Exchange()
    feed = live_feed(exchange)
    exchange.snapshot(wanted=False)
    exchange.new(BUY, 101, 5)
    assert feed.poll() == 2
    assert feed.at_mark == 0


def test_a_core_that_starts_again_is_not_seen() -> None:
    exchange = Exchange()
    feed = live_feed(exchange, Kind.BOOK_5, Kind.TRADE, Kind.DEPTH_100)
    exchange.new(BUY, 100, 5)
    behind = len(exchange.history[0]), exchange.number
    exchange.snapshot(wanted=False)
    mark = exchange.cause
    exchange.new(SELL, 100, 2)
    feed.poll()
    assert [trade["t"] for trade in sent(feed, Kind.TRADE)] == [3]
    feed.tick(Cadence.MS_100)
    for kind in (Kind.BOOK_5, Kind.DEPTH_100):
        sent(feed, kind)

    for word in (Word.ROUTER_DONE, Word.MATCHER_DONE):
        exchange.board.set(word, mark)
    for word in (Word.EPOCH, Word.READY_EVENT):
        exchange.board.set(word, 0)
    feed.attach(exchange.emitted_again(behind), exchange.board)
    feed.poll()
    exchange.release_all()
    feed.poll()
    feed.tick(Cadence.MS_100)
    assert feed.live
    assert feed.pending() == []

    exchange.new(SELL, 100, 1)
    feed.attach(exchange.emitted_again(behind), exchange.board)
    feed.poll()
    feed.tick(Cadence.MS_100)
    assert [trade["t"] for trade in sent(feed, Kind.TRADE)] == [5]
    assert [(state["U"], state["u"]) for frame in sent(feed, Kind.BOOK_5) for state in frame] == [(4, 5)]
    assert [(change["U"], change["u"]) for change in sent(feed, Kind.DEPTH_100)] == [(4, 5)]


def test_events_that_are_missing_are_noticed() -> None:
    exchange = Exchange()
    feed = feed_of(exchange)
    exchange.list_instrument()
    exchange.new(BUY, 100, 5)
    exchange.new(BUY, 100, 5)
    feed.attach(exchange.emitted_again((0, 1)), exchange.board)
    with pytest.raises(RuntimeError, match="ring 1 goes on with event 2"):
        feed.poll()
