"""The hub with clients whose reading is in the test's hands: what is held back, what is sent once, who is closed."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

import pytest

from procs.publisher.feed import Feed, Kind
from procs.publisher.hub import CONFLATE_ABOVE_BYTES, TOO_MUCH, TOO_SLOW, Client, Hub
from procs.publisher.streams import Stream, parse_stream
from tests.publisher.exchange import BUY, SELL, Exchange
from tests.publisher.test_feed import live_feed, messages

QUEUE_BYTES = 65536
EVERYBODY = 1000


class Wire:
    """A transport whose peer reads when the test says so."""

    def __init__(self) -> None:
        self.waiting = bytearray()
        self.closing = False

    def write(self, data: bytes) -> None:
        self.waiting += data

    def get_write_buffer_size(self) -> int:
        return len(self.waiting)

    def is_closing(self) -> bool:
        return self.closing

    def read(self) -> list[Any]:
        frames, self.waiting = bytes(self.waiting), bytearray()
        return messages(frames)


class Peer(Client):
    """A client on such a wire."""

    def __init__(self, combined: bool = False, fd: int = -1) -> None:
        self.wire = Wire()
        super().__init__(self.wire, combined, QUEUE_BYTES, fd)
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
        hub.gather()
    hub.serve(EVERYBODY)


def test_a_conflatable_stream_skips_to_the_latest_for_who_did_not_read() -> None:
    exchange = Exchange()
    feed = live_feed(exchange)
    hub, slow, quick = Hub(feed, QUEUE_BYTES), Peer(), Peer(combined=True)
    for peer in (slow, quick):
        hub.subscribe(peer, [stream(feed, "btcusdt@bookTicker")])
    seen = 0
    for price in range(1, 1001):
        exchange.new(BUY, price, 1)
        turn(feed, hub)
        seen += len(quick.wire.read())
        assert len(slow.wire.waiting) <= CONFLATE_ABOVE_BYTES + 200
    assert seen == 1001
    assert len(slow.wire.read()) < 400
    hub.serve(EVERYBODY)
    (latest,) = slow.wire.read()
    assert (latest["u"], latest["b"]) == (1000, "10.00000000")
    exchange.new(BUY, 1001, 1)
    turn(feed, hub)
    assert [message["u"] for message in slow.wire.read()] == [1001]
    assert not slow.closed


def test_what_may_not_be_left_out_closes_who_does_not_read_and_nobody_else() -> None:
    exchange = Exchange()
    feed = live_feed(exchange)
    hub, slow, quick = Hub(feed, QUEUE_BYTES), Peer(), Peer()
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
    hub, peer = Hub(feed, QUEUE_BYTES), Peer()
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
    hub, peer = Hub(feed, QUEUE_BYTES), Peer()
    exchange.new(SELL, 100, 5)
    exchange.emitting = False
    exchange.new(BUY, 100, 7)
    exchange.put(exchange.records[0])
    turn(feed, hub)
    hub.subscribe(peer, [stream(feed, "btcusdt@bookTicker"), stream(feed, "btcusdt@book5")])
    hub.serve(EVERYBODY)
    assert peer.wire.read() == []
    exchange.put(exchange.records[1])
    exchange.finish()
    turn(feed, hub)
    found = peer.wire.read()
    assert [{"U": 2, "u": 3, "s": 4, "b": [["1.00000000", "0.00020000"]], "a": []}] in found
    assert {"u": 3, "b": "1.00000000"}.items() <= next(m for m in found if isinstance(m, dict)).items()


def test_a_round_serves_everybody_once_with_all_that_was_made_until_its_turn() -> None:
    exchange = Exchange()
    feed = live_feed(exchange)
    hub = Hub(feed, QUEUE_BYTES)
    peers = [Peer() for _ in range(5)]
    for peer in peers:
        hub.subscribe(peer, [stream(feed, "btcusdt@trade"), stream(feed, "btcusdt@bookTicker")])
        peer.wire.read()
    got: list[list[Any]] = [[] for _ in peers]

    def trade(price: int) -> None:
        exchange.new(SELL, price, 1)
        exchange.new(BUY, price, 2)
        feed.poll()
        hub.gather()

    for price in range(1, 31):
        trade(price)
        assert hub.serve(2) <= 2
        late = Peer()
        if price == 15:
            hub.subscribe(late, [stream(feed, "btcusdt@trade")])
            peers.append(late)
            got.append([])
        for peer, messages_of in zip(peers, got, strict=True):
            messages_of += peer.wire.read()
    while hub.is_busy:
        hub.serve(2)
    for peer, messages_of in zip(peers, got, strict=True):
        messages_of += peer.wire.read()
    for which, messages_of in enumerate(got):
        trades = [message["p"] for message in messages_of if "p" in message]
        first = 1 if which < 5 else 16
        assert trades == [f"{price / 100:.8f}" for price in range(first, 31)], "none twice, none missing, in order"
        if which < 5:
            assert 2 <= sum("b" in message for message in messages_of) <= 20, "of best prices the latest at its turn"
    assert hub.serve(2) == 0


def test_what_comes_faster_than_it_can_be_sent_closes_whom_it_was_not_kept_for() -> None:
    """A turn that never comes costs memory up to a bound; who came later has missed nothing."""
    exchange = Exchange()
    feed = live_feed(exchange)
    hub, early, late = Hub(feed, QUEUE_BYTES), Peer(), Peer()
    hub.subscribe(early, [stream(feed, "btcusdt@trade")])
    topic = early.streams["btcusdt@trade"].topic

    def trade() -> None:
        exchange.new(SELL, 100, 1)
        exchange.new(BUY, 100, 1)
        feed.poll()
        hub.gather()

    for _ in range(1000):
        trade()
        assert len(topic.since(topic.first)) <= QUEUE_BYTES
    hub.subscribe(late, [stream(feed, "btcusdt@trade")])
    trade()
    hub.serve(EVERYBODY)
    assert (early.reason, late.reason) == (TOO_MUCH, "")
    assert len(late.wire.read()) == 1


def test_who_changes_the_form_of_its_messages_misses_none_and_gets_none_twice() -> None:
    exchange = Exchange()
    feed = live_feed(exchange)
    hub, peer, other = Hub(feed, QUEUE_BYTES), Peer(), Peer(combined=True)
    for each in (peer, other):
        hub.subscribe(each, [stream(feed, "btcusdt@trade"), stream(feed, "btcusdt@bookTicker")])
    got: list[Any] = []
    for price in range(1, 31):
        exchange.new(SELL, price, 1)
        exchange.new(BUY, price, 2)
        feed.poll()
        hub.gather()
        if price % 3 == 0:  # also in the middle of a round, and with what it has not had
            hub.combine(peer, price % 2 == 0)
        hub.serve(1)
        got += peer.wire.read()
    while hub.is_busy:
        hub.serve(1)
    got += peer.wire.read()
    forms = ["stream" in message for message in got]
    assert forms.index(True) < len(forms) - 1 - forms[::-1].index(False), "it changed, and changed again"
    messages_of = [message.get("data", message) for message in got]
    assert [m["p"] for m in messages_of if "p" in m] == [f"{price / 100:.8f}" for price in range(1, 31)]
    assert [m["u"] for m in messages_of if "u" in m][-1] == exchange.number
    hub.leave(peer)
    hub.leave(other)
    exchange.new(SELL, 1, 1)
    feed.poll()
    assert feed.pending() == [], "nobody is left behind in a topic"


def test_a_form_that_changes_while_messages_are_held_back_begins_with_the_latest() -> None:
    exchange = Exchange()
    feed = live_feed(exchange)
    hub, slow = Hub(feed, QUEUE_BYTES), Peer()
    hub.subscribe(slow, [stream(feed, "btcusdt@bookTicker")])
    price = 0
    while len(slow.wire.waiting) <= CONFLATE_ABOVE_BYTES:
        price += 1
        exchange.new(BUY, price, 1)
        turn(feed, hub)
    exchange.new(BUY, price + 1, 1)
    turn(feed, hub)
    hub.combine(slow, True)
    assert not any("stream" in message for message in slow.wire.read())
    hub.serve(EVERYBODY)
    (latest,) = slow.wire.read()
    assert (latest["stream"], latest["data"]["u"]) == ("btcusdt@bookTicker", price + 1)


def test_who_subscribes_to_much_is_not_sent_it_all_before_it_reads() -> None:
    exchange = Exchange()
    feed = live_feed(exchange)
    names = [f"many{number}" for number in range(400)]
    for number, name in enumerate(names, 2):
        exchange.list_instrument(number, name.upper().encode())
    feed.poll()
    hub, peer = Hub(feed, QUEUE_BYTES), Peer()
    hub.subscribe(peer, [stream(feed, f"{name}@bookTicker") for name in names])
    assert len(peer.wire.waiting) <= CONFLATE_ABOVE_BYTES + 200
    first = peer.wire.read()
    hub.serve(EVERYBODY)
    assert [message["s"].lower() for message in first + peer.wire.read()] == names


def test_what_a_socket_takes_goes_to_it_at_once_and_the_rest_in_order_behind_it() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        peer = Peer(fd=ours.fileno())
        peer.queue_bytes = 10**6
        pieces = [bytes([number]) * 30_000 for number in range(20)]
        for piece in pieces:
            peer.send(piece)
        assert peer.wire.waiting, "the socket takes less than all of it"
        theirs.setblocking(False)
        got = b""
        with contextlib.suppress(BlockingIOError):
            while True:
                got += theirs.recv(65536)
        assert got
        assert not peer.reason
        whole = b"".join(pieces)
        taken = len(got) + len(peer.wire.waiting)
        assert got + bytes(peer.wire.waiting) == whole[:taken] == whole


def test_nothing_goes_to_the_number_of_a_socket_that_is_being_closed() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        peer = Peer(fd=ours.fileno())
        peer.wire.closing = True
        peer.send(b"x")
        theirs.setblocking(False)
        with pytest.raises(BlockingIOError):
            theirs.recv(1)
