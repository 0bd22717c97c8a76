"""An instrument that goes to another matcher: its book goes on, in the order of the log, and its update ids grow."""

from __future__ import annotations

from lockstep.procs.publisher.feed import Feed
from lockstep.procs.publisher.kinds import Kind
from lockstep.shm.board import Word
from tests.publisher.exchange import BUY, SELL, Exchange
from tests.publisher.test_feed import latest, sent


def test_the_new_ring_waits_for_what_the_old_one_has_before() -> None:
    old, new = Exchange(), Exchange()
    old.list_instrument()
    old.lead()
    router, first = old.consumers()
    _, second = new.consumers()
    feed = Feed({0: router, 1: first, 2: second}, old.board)
    feed.poll()
    feed.want(1, Kind.BOOK_5, True)
    for price in (100, 99, 98):
        old.new(BUY, price, 5)
    old.list_instrument(matcher=2)
    new.book.listings, new.cause = old.book.listings, old.cause
    new.new(SELL, 100, 2)
    for word in (Word.DURABLE_SEQ, Word.ROUTER_DONE, Word.MATCHER_DONE + 1):
        old.board.set(word, new.cause)
    old.board.set(Word.MATCHER_DONE, old.cause - 2)  # it may have more to say of its last commands
    assert feed.poll() == 3
    assert feed.poll() == 0
    assert latest(feed, Kind.BOOK_5) is None
    old.board.set(Word.MATCHER_DONE, old.cause)
    assert feed.poll() == 3
    states = [state for frame in sent(feed, Kind.BOOK_5) for state in frame]
    assert [(state["s"], state["U"], state["u"]) for state in states] == [
        (3, 1, 1), (4, 2, 2), (5, 3, 3), (new.cause, 4, 5),
    ]  # fmt: skip
    assert states[-1]["b"][0] == ["1.00000000", "0.00030000"]
    new.new(BUY, 97, 1)
    for word in (Word.DURABLE_SEQ, Word.ROUTER_DONE, Word.MATCHER_DONE, Word.MATCHER_DONE + 1):
        old.board.set(word, new.cause)
    feed.poll()
    assert latest(feed, Kind.BOOK_5)[0]["u"] == 6
