"""Who is subscribed to what, and what each client is sent: everything or, if it reads slowly, the latest.

It knows neither the WebSocket protocol nor rings.

The feed's messages are gathered at once, for all subscribers of a stream together; clients are then served in rounds,
some of them at a time, and each is sent all that it lacks in one piece. So the number of clients decides how often each
is served, and never how often the feed's rings are emptied.

A client's queue is its transport's write buffer. While more than CONFLATE_ABOVE_BYTES wait there, conflatable streams
are held back, and get their latest message when the client has read. Other messages are queued until more than the
configured bytes wait; then the client is closed. A stream keeps the same number of bytes for clients whose turn has not
come; one that needs more is closed, too. So no client holds more than twice that, and nothing waits for any.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Protocol

from procs.publisher.feed import Feed
from procs.publisher.sending import send_now
from procs.publisher.streams import Stream

CONFLATE_ABOVE_BYTES = 32768
TOO_SLOW = "too slow: messages that may not be left out filled the queue"
TOO_MUCH = "too much: messages that may not be left out came faster than they could be sent"


class Transport(Protocol):
    """What a hub needs of asyncio's transports."""

    def write(self, data: bytes) -> None: ...
    def get_write_buffer_size(self) -> int: ...
    def is_closing(self) -> bool: ...


class Topic:
    """A stream's messages in the form in which some clients get them: the pieces that not all of these have had.

    Of a conflatable stream that is the last one. They are numbered: `first` is the first that is kept, `end` the next.
    """

    def __init__(self, stream: Stream, wrap: bytes | None, kept_bytes: int) -> None:
        self.stream = stream
        self.wrap = wrap
        self.clients: dict[Client, Subscription] = {}
        self.first = self.end = 0
        self._kept_bytes = kept_bytes
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._joined: tuple[int, int, bytes] = (0, 0, b"")

    def add(self, frames: bytes) -> None:
        """Keep new messages, in place of those that are too old."""
        self._pieces.append(frames)
        self._bytes += len(frames)
        self.end += 1
        if self.stream.conflatable:
            self.forget(self.end - 1)
        while self._bytes > self._kept_bytes and len(self._pieces) > 1:
            self.forget(self.first + 1)

    def forget(self, before: int) -> None:
        """All clients have had the pieces before that one, or must do without."""
        while self.first < before:
            self._bytes -= len(self._pieces.popleft())
            self.first += 1

    def since(self, number: int) -> bytes:
        """All that is kept from that piece on, as one; most clients ask for the same."""
        if self._joined[:2] != (number, self.end):
            skipped = max(0, number - self.first)
            self._joined = (number, self.end, b"".join(list(self._pieces)[skipped:]))
        return self._joined[2]


class Subscription:
    """A client's place in a topic: the next piece that it has to get; `begun`: whether it has had a first message."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.next = topic.end
        self.begun = True


class Client:
    """A subscriber. Its connection overrides `closed` and `refuse`.

    `fd` is the transport's socket: while nothing waits in the transport, messages go to it directly. -1: they never do.
    """

    def __init__(self, transport: Transport, combined: bool, queue_bytes: int, fd: int = -1) -> None:
        self.transport = transport
        self._fd = fd
        self.combined = combined
        self.queue_bytes = queue_bytes
        self.streams: dict[str, Subscription] = {}
        self.news: dict[Subscription, None] = {}  # those that something may wait in: a turn costs by these

    @property
    def closed(self) -> bool:
        """Whether nothing may be sent any more."""
        raise NotImplementedError

    def refuse(self, reason: str) -> None:
        """Close the connection, because the client broke a bound (close code 1008)."""
        raise NotImplementedError

    def send(self, frames: bytes) -> None:
        """Queue frames that may not be left out, or close the client if its queue is full."""
        if self.closed:
            return
        waiting = self.transport.get_write_buffer_size()
        if waiting > self.queue_bytes:
            self.refuse(TOO_SLOW)
        elif waiting or self._fd < 0 or self.transport.is_closing():  # then the number may be another socket's
            self.transport.write(frames)
        elif (sent := send_now(self._fd, frames)) < len(frames):
            self.transport.write(frames[sent:])


class Hub:
    """The subscriptions of all clients to the streams of one feed; of a stream `kept_bytes` are kept at most."""

    def __init__(self, feed: Feed, kept_bytes: int) -> None:
        self._feed = feed
        self._kept_bytes = kept_bytes
        # (instrument, kind) -> (name, combined) -> topic. Two names may mean one stream: depth and depth@1000ms.
        self._topics: dict[tuple[int, int], dict[tuple[str, bool], Topic]] = {}
        self._fresh: dict[Topic, None] = {}  # with pieces that no round was begun for
        self._served: list[tuple[Topic, int]] = []  # those of this round, and the position of their clients after it
        self._round: deque[Client] = deque()
        self._behind: set[Client] = set()  # held back: to be tried again

    @property
    def is_busy(self) -> bool:
        """Whether a client waits for its turn."""
        return bool(self._round or self._fresh)

    def subscribe(self, client: Client, streams: Iterable[Stream]) -> None:
        """Add streams to a client, each beginning with its latest message, where there is one; trades are told once."""
        for stream in streams:
            if stream.name not in client.streams:
                subscription = self._enter(client, stream)
                if not stream.told_once:
                    self._begin(client, subscription)

    def unsubscribe(self, client: Client, names: Iterable[str]) -> None:
        """Take streams from a client; names that it is not subscribed to are ignored."""
        for name in names:
            subscription = client.streams.pop(name, None)
            if subscription is not None:
                self._remove(client, subscription)

    def combine(self, client: Client, combined: bool) -> None:
        """Wrap a client's messages from now on, or no more; what was made for it before goes first, as it was."""
        if combined == client.combined:
            return
        client.news = dict.fromkeys(client.streams.values())
        self._serve(client)
        client.combined = combined
        for before in list(client.streams.values()):
            after = self._enter(client, before.topic.stream)
            after.begun = before.begun and before.next == before.topic.end
            if not after.begun:
                self._hold_back(client, after)
            self._remove(client, before)

    def leave(self, client: Client) -> None:
        """Forget a client."""
        self.unsubscribe(client, list(client.streams))
        self._behind.discard(client)

    def gather(self) -> None:
        """Take the feed's messages, for their subscribers."""
        for instrument, kind in self._feed.pending():
            for topic in self._topics.get((instrument, kind), {}).values():
                topic.add(self._feed.take(instrument, kind, topic.wrap))
                self._fresh[topic] = None
            self._feed.clear(instrument, kind)

    def serve(self, most: int) -> int:
        """Send the round's next clients, at most `most`, what they lack; returns how many there were."""
        if not self._round:
            self._begin_round()
        count = min(most, len(self._round))
        for _ in range(count):
            self._serve(self._round.popleft())
        return count

    def _begin_round(self) -> None:
        for topic, number in self._served:
            topic.forget(number)
        self._served = [(topic, topic.end) for topic in self._fresh if not topic.stream.conflatable]
        waiting = dict.fromkeys(self._behind)
        for topic in self._fresh:
            for client, subscription in topic.clients.items():
                client.news[subscription] = None
                waiting[client] = None
        self._round.extend(waiting)
        self._fresh.clear()

    def _serve(self, client: Client) -> None:
        self._behind.discard(client)
        if client.closed:
            return
        out: list[bytes] = []
        size = client.transport.get_write_buffer_size()
        news, client.news = client.news, {}
        for subscription in news:
            topic = subscription.topic
            if subscription.begun and subscription.next == topic.end:
                continue
            if topic.stream.conflatable:
                frames = self._latest(subscription) if size <= CONFLATE_ABOVE_BYTES else None
                if frames is None:
                    self._hold_back(client, subscription)
                    continue
            elif subscription.next < topic.first:
                client.refuse(TOO_MUCH)
                return
            else:
                frames = topic.since(subscription.next)
            subscription.next, subscription.begun = topic.end, True
            out.append(frames)
            size += len(frames)
        if out:
            client.send(out[0] if len(out) == 1 else b"".join(out))

    def _enter(self, client: Client, stream: Stream) -> Subscription:
        """Put a client into a stream's topic, made where there is none, in the form in which it gets its messages."""
        topics = self._topics.setdefault((stream.instrument, stream.kind), {})
        key = (stream.name, client.combined)
        if key not in topics:
            wrap = wrapping(stream.name) if client.combined else None
            topics[key] = Topic(stream, wrap, self._kept_bytes)
        self._feed.want(stream.instrument, stream.kind, True)
        subscription = Subscription(topics[key])
        client.streams[stream.name] = topics[key].clients[client] = subscription
        return subscription

    def _hold_back(self, client: Client, subscription: Subscription) -> None:
        client.news[subscription] = None
        self._behind.add(client)

    def _begin(self, client: Client, subscription: Subscription) -> None:
        """Send a stream's latest message; of many that are conflatable, the rest when the client has read."""
        stream = subscription.topic.stream
        if stream.conflatable and client.transport.get_write_buffer_size() > CONFLATE_ABOVE_BYTES:
            subscription.begun = False
            self._hold_back(client, subscription)
            return
        latest = self._feed.latest(stream.instrument, stream.kind, subscription.topic.wrap)
        if latest is not None:
            client.send(latest)
        elif stream.conflatable:
            subscription.begun = False
            self._hold_back(client, subscription)

    def _latest(self, subscription: Subscription) -> bytes | None:
        """The latest message of a conflatable stream; None if the first is still to be made."""
        topic = subscription.topic
        if subscription.next < topic.end:
            return topic.since(topic.end - 1)
        return self._feed.latest(topic.stream.instrument, topic.stream.kind, topic.wrap)

    def _remove(self, client: Client, subscription: Subscription) -> None:
        client.news.pop(subscription, None)
        topic = subscription.topic
        del topic.clients[client]
        if topic.clients:
            return
        self._fresh.pop(topic, None)
        key = (topic.stream.instrument, topic.stream.kind)
        del self._topics[key][topic.stream.name, topic.wrap is not None]
        if not self._topics[key]:
            del self._topics[key]
            self._feed.want(*key, False)


def wrapping(name: str) -> bytes:
    """What precedes a message on a combined connection; a brace follows it."""
    return b'{"stream":"%s","data":' % name.encode()
