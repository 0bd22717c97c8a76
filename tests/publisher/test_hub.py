"""The hub with clients whose reading is in the test's hands: what is held back, what is sent once, who is closed."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lockstep.procs.publisher.feed import Feed
from lockstep.procs.publisher.group import TOO_MUCH
from lockstep.procs.publisher.hub import CONFLATE_ABOVE_BYTES, GROUP_CLIENTS, GROUP_TOPICS, Hub
from lockstep.procs.publisher.kinds import Kind
from lockstep.procs.publisher.streams import Stream, parse_stream
from lockstep.procs.publisher.subscribers import TOO_SLOW, Client
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


@pytest.fixture
def sockets() -> Iterator[Callable[..., tuple[Peer, Reader]]]:
    """Makes peers with a real socket, and readers of the other end."""
    with contextlib.ExitStack() as open_ones:

        def make(combined: bool = False) -> tuple[Peer, Reader]:
            ours, theirs = (open_ones.enter_context(each) for each in socket.socketpair())
            ours.setblocking(False)
            theirs.setblocking(False)
            return Peer(combined, ours.fileno()), Reader(theirs)

        yield make


class Reader:
    """The other end of a peer's socket."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def read(self) -> bytes:
        got = b""
        with contextlib.suppress(BlockingIOError):
            while True:
                got += self._end.recv(65536)
        return got


def cross(exchange: Exchange, price: int) -> None:
    exchange.new(SELL, price, 1)
    exchange.new(BUY, price, 2)


Made = Callable[..., tuple[Peer, Reader]]


def test_who_has_the_same_streams_keeps_step_whenever_it_came_and_whatever_it_reads(sockets: Made) -> None:
    """Random comings, goings, pauses in reading, turns cut short: everybody gets every trade once, in order."""
    rng = random.Random(3)
    exchange = Exchange()
    feed = live_feed(exchange)
    hub = Hub(feed, 10**6)
    names = ["btcusdt@trade", "btcusdt@bookTicker", "btcusdt@book5"]
    pairs: list[tuple[Peer, Reader]] = []
    got: list[bytes] = []
    begun: list[int] = []
    grouped = 0
    for price in range(1, 400):
        if len(pairs) < 40 and rng.random() < 0.3:
            peer, reader = sockets()
            peer.queue_bytes = 10**7
            hub.subscribe(peer, [stream(feed, name) for name in names[: rng.choice((1, 2, 3))]])
            pairs.append((peer, reader))
            got.append(b"")
            begun.append(price)
        cross(exchange, price)
        feed.poll()
        hub.gather()
        hub.serve(rng.choice((1, 5, EVERYBODY)))
        for place, (peer, reader) in enumerate(pairs):
            grouped += peer.group is not None
            if rng.random() < 0.2 or place % 2:
                got[place] += reader.read()
                if peer.wire.waiting:
                    got[place] += bytes(peer.wire.waiting)
                    peer.wire.waiting.clear()
            if rng.random() < 0.01:
                hub.unsubscribe(peer, ["btcusdt@bookTicker"])
                hub.subscribe(peer, [stream(feed, "btcusdt@bookTicker")])
    while hub.is_busy:
        hub.serve(EVERYBODY)
    assert grouped > 5000, "most of them keep step"
    for place, (peer, reader) in enumerate(pairs):
        said = messages(got[place] + reader.read() + bytes(peer.wire.waiting))
        trades = [m["p"] for m in said if isinstance(m, dict) and "p" in m]
        assert trades == [f"{price / 100:.8f}" for price in range(begun[place], 400)]
        states = [state["s"] for m in said if isinstance(m, list) for state in m]
        assert states == sorted(set(states))
        assert not states or states[-1] == exchange.cause
        hub.leave(peer)
    exchange.new(BUY, 1, 1)
    feed.poll()
    assert feed.pending() == [], "nobody is left behind in a topic"


def test_who_does_not_take_all_of_it_goes_on_by_itself_and_comes_back(sockets: Made) -> None:
    exchange = Exchange()
    feed = live_feed(exchange)
    hub = Hub(feed, QUEUE_BYTES)
    (slow, unread), (quick, reader) = sockets(), sockets()
    for peer in (slow, quick):
        peer.queue_bytes = 10**7
        hub.subscribe(peer, [stream(feed, "btcusdt@trade")])
    price = 0
    while not slow.wire.waiting:
        price += 1
        cross(exchange, price)
        turn(feed, hub)
        reader.read()
    assert (slow.group, quick.group is not None) == (None, True)
    cross(exchange, price + 1)
    turn(feed, hub)
    said = messages(unread.read() + bytes(slow.wire.waiting))
    assert [m["p"] for m in said] == [f"{number / 100:.8f}" for number in range(1, price + 2)]
    slow.wire.waiting.clear()
    cross(exchange, price + 2)
    turn(feed, hub)
    assert slow.group is quick.group
    assert [m["p"] for m in messages(unread.read())] == [f"{(price + 2) / 100:.8f}"]


def test_what_is_written_elsewhere_is_not_passed(sockets: Made) -> None:
    exchange = Exchange()
    feed = live_feed(exchange)
    hub = Hub(feed, QUEUE_BYTES)
    (pinged, reader), (other, others) = sockets(), sockets()
    for peer in (pinged, other):
        hub.subscribe(peer, [stream(feed, "btcusdt@trade")])
    for price in (1, 2):
        cross(exchange, price)
        turn(feed, hub)
    assert pinged.group is other.group is not None
    before = len(messages(reader.read()))
    pinged.wire.write(b"half of a frame")  # by the library, which then says so
    pinged.step_back()
    cross(exchange, 3)
    turn(feed, hub)
    assert before == 2
    assert reader.read() == b""
    assert pinged.wire.waiting.startswith(b"half of a frame\x81")
    assert len(messages(others.read())) == 3


def test_a_socket_of_a_group_that_is_being_closed_gets_nothing(sockets: Made) -> None:
    exchange = Exchange()
    feed = live_feed(exchange)
    hub = Hub(feed, QUEUE_BYTES)
    (closing, reader), (other, others) = sockets(), sockets()
    for peer in (closing, other):
        hub.subscribe(peer, [stream(feed, "btcusdt@trade")])
    cross(exchange, 1)
    turn(feed, hub)
    assert closing.group is not None
    reader.read()
    closing.wire.closing = True
    cross(exchange, 2)
    turn(feed, hub)
    assert (reader.read(), len(messages(others.read()))) == (b"", 2)


def test_a_group_has_so_many_clients_and_topics_at_most(sockets: Made) -> None:
    exchange = Exchange()
    feed = live_feed(exchange)
    names = [f"many{number}" for number in range(GROUP_TOPICS + 1)]
    for number, name in enumerate(names, 2):
        exchange.list_instrument(number, name.upper().encode())
    feed.poll()
    hub = Hub(feed, QUEUE_BYTES)
    peers = [sockets()[0] for _ in range(GROUP_CLIENTS + 2)]
    for peer in peers:
        hub.subscribe(peer, [stream(feed, "btcusdt@trade")])
    large, _ = sockets()
    hub.subscribe(large, [stream(feed, name) for name in ("btcusdt@trade", *(f"{n}@trade" for n in names))])
    cross(exchange, 1)
    turn(feed, hub)
    groups = [peer.group for peer in peers]
    assert sorted(groups.count(group) for group in set(groups)) == [2, GROUP_CLIENTS]
    assert large.group is None


def test_a_group_whose_turn_does_not_come_is_closed(sockets: Made) -> None:
    exchange = Exchange()
    feed = live_feed(exchange)
    hub = Hub(feed, QUEUE_BYTES)
    (one, _), (another, _) = sockets(), sockets()
    for peer in (one, another):
        hub.subscribe(peer, [stream(feed, "btcusdt@trade")])
    cross(exchange, 1)
    turn(feed, hub)
    assert one.group is another.group is not None
    for price in range(1, 1000):
        cross(exchange, price)
        feed.poll()
        hub.gather()
    hub.serve(EVERYBODY)
    assert (one.reason, another.reason) == (TOO_MUCH, TOO_MUCH)


def test_nothing_is_written_for_who_has_ended_in_a_group(sockets: Made) -> None:
    exchange = Exchange()
    feed = live_feed(exchange)
    hub = Hub(feed, QUEUE_BYTES)
    (ended, _), (other, others) = sockets(), sockets()
    for peer in (ended, other):
        hub.subscribe(peer, [stream(feed, "btcusdt@trade")])
    cross(exchange, 1)
    turn(feed, hub)
    assert ended.group is not None
    with socket.socket(fileno=socket.dup(ended.fd)) as half:
        half.shutdown(socket.SHUT_WR)
    ended.reason = "its connection sent an end"
    cross(exchange, 2)
    turn(feed, hub)
    assert (len(ended.wire.waiting), len(messages(others.read()))) == (0, 2)
