"""The hub with clients whose reading is in the test's hands: what is held back, what is sent once, who is closed."""

from __future__ import annotations

from typing import Any

from procs.publisher.feed import Feed, Kind
from procs.publisher.hub import CONFLATE_ABOVE_BYTES, TOO_SLOW, Client, Hub
from procs.publisher.streams import Stream, parse_stream
from tests.publisher.exchange import BUY, SELL, Exchange
from tests.publisher.test_feed import live_feed, messages

QUEUE_BYTES = 65536


class Wire:
    """A transport whose peer reads when the test says so."""

    def __init__(self) -> None:
        self.waiting = bytearray()

    def write(self, data: bytes) -> None:
        self.waiting += data

    def get_write_buffer_size(self) -> int:
        return len(self.waiting)

    def read(self) -> list[Any]:
        frames, self.waiting = bytes(self.waiting), bytearray()
        return messages(frames)


class Peer(Client):
    """A client on such a wire."""

    def __init__(self, combined: bool = False) -> None:
        self.wire = Wire()
        super().__init__(self.wire, combined, QUEUE_BYTES)
        self.reason = ""

    @property
    def closed(self) -> bool:
        return bool(self.reason)

    def refuse(self, reason: str) -> None:
        self.reason = reason


def stream(feed: Feed, name: str) -> Stream:
    found = parse_stream(name, feed.find)
    assert found is not None
    return found


def turn(feed: Feed, hub: Hub) -> None:
    while feed.poll():
        hub.flush()
    hub.catch_up()


def test_a_conflatable_stream_skips_to_the_latest_for_who_did_not_read() -> None:
    exchange = Exchange()
    feed = live_feed(exchange)
    hub, slow, quick = Hub(feed), Peer(), Peer(combined=True)
    for peer in (slow, quick):
        hub.subscribe(peer, [stream(feed, "btcusdt@bookTicker")])
    seen = 0
    for price in range(1, 1001):
        exchange.orders.clear()
        exchange.new(BUY, price, 1)
        turn(feed, hub)
        seen += len(quick.wire.read())
        assert len(slow.wire.waiting) <= CONFLATE_ABOVE_BYTES + 200
    assert seen == 1001
    assert len(slow.wire.read()) < 400
    hub.catch_up()
    (latest,) = slow.wire.read()
    assert (latest["u"], latest["b"]) == (1000, "10.00000000")
    exchange.new(BUY, 1001, 1)
    turn(feed, hub)
    assert [message["u"] for message in slow.wire.read()] == [1001]
    assert not slow.closed


def test_what_may_not_be_left_out_closes_who_does_not_read_and_nobody_else() -> None:
    exchange = Exchange()
    feed = live_feed(exchange)
    hub, slow, quick = Hub(feed), Peer(), Peer()
    for peer in (slow, quick):
        hub.subscribe(peer, [stream(feed, "btcusdt@trade")])
    trades = 0
    for _ in range(1000):
        exchange.new(SELL, 100, 1)
        exchange.new(BUY, 100, 1)
        turn(feed, hub)
        trades += len(quick.wire.read())
    assert trades == 1000
    assert (slow.reason, quick.reason) == (TOO_SLOW, "")
    assert len(slow.wire.waiting) < QUEUE_BYTES + 300


def test_nothing_is_made_for_streams_that_nobody_reads_any_more() -> None:
    exchange = Exchange()
    feed = live_feed(exchange)
    hub, peer = Hub(feed), Peer()
    hub.subscribe(
        peer, [stream(feed, "btcusdt@book5"), stream(feed, "btcusdt@depth"), stream(feed, "btcusdt@depth@1000ms")]
    )
    hub.unsubscribe(peer, ["btcusdt@depth", "btcusdt@never"])
    hub.leave(peer)
    peer.wire.read()
    exchange.new(BUY, 100, 1)
    feed.poll()
    assert feed.pending() == []
    assert feed.take(1, Kind.BOOK_5) == b""


def test_a_subscription_in_the_middle_of_a_command_begins_when_it_is_complete() -> None:
    exchange = Exchange()
    feed = live_feed(exchange)
    hub, peer = Hub(feed), Peer()
    exchange.new(SELL, 100, 5)
    exchange.emitting = False
    exchange.new(BUY, 100, 7)
    exchange.put(exchange.records[0])
    turn(feed, hub)
    hub.subscribe(peer, [stream(feed, "btcusdt@bookTicker"), stream(feed, "btcusdt@book5")])
    hub.catch_up()
    assert peer.wire.read() == []
    exchange.put(exchange.records[1])
    exchange.finish()
    turn(feed, hub)
    found = peer.wire.read()
    assert [{"U": 2, "u": 3, "s": 4, "b": [["1.00000000", "0.00020000"]], "a": []}] in found
    assert {"u": 3, "b": "1.00000000"}.items() <= next(m for m in found if isinstance(m, dict)).items()
