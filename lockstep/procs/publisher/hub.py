"""Who is subscribed to what, and what each client is sent: everything or, if it reads slowly, the latest.

It knows neither the WebSocket protocol nor rings.

The feed's messages are gathered at once, for all subscribers of a stream together; clients are then served in rounds,
some of them at a time, and each is sent all that it lacks in one piece. So the number of clients decides how often each
is served, and never how often the feed's rings are emptied. Clients that lack the same are served as a group.

While more than CONFLATE_ABOVE_BYTES wait in a client's transport, conflatable streams are held back, and get their
latest message when the client has read. Other messages are queued until more than the configured bytes wait; then the
client is closed. A stream keeps the same number of bytes for clients whose turn has not come; one that needs more is
closed, too. So no client holds more than twice that, and nothing waits for any.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from lockstep.procs.publisher.feed import Feed
from lockstep.procs.publisher.group import TOO_MUCH, Group
from lockstep.procs.publisher.streams import Stream
from lockstep.procs.publisher.subscribers import Client, Subscription, Topic

CONFLATE_ABOVE_BYTES = 32768
GROUP_CLIENTS = 128  # so that a turn is short
GROUP_TOPICS = 64  # of more, keeping step costs more to come by than it saves


class Hub:
    """The subscriptions of all clients to the streams of one feed; of a stream `kept_bytes` are kept at most."""

    def __init__(self, feed: Feed, kept_bytes: int) -> None:
        self._feed = feed
        self._kept_bytes = kept_bytes
        # (instrument, kind) -> (name, combined) -> topic. Two names may mean one stream: depth and depth@1000ms.
        self._topics: dict[tuple[int, int], dict[tuple[str, bool], Topic]] = {}
        self._fresh: dict[Topic, None] = {}  # with pieces that no round was begun for
        self._served: list[tuple[Topic, int]] = []  # those of this round, and the position of their clients after it
        self._groups: dict[frozenset[Topic], dict[Group, None]] = {}
        self._groups_of: dict[Topic, dict[Group, None]] = {}
        self._round: deque[Client | Group] = deque()
        self._behind: set[Client] = set()  # held back: to be tried again

    @property
    def is_busy(self) -> bool:
        """Whether a client waits for its turn."""
        return bool(self._round or self._fresh)

    @property
    def is_idle(self) -> bool:
        """Whether there is nobody to serve, or to try again."""
        return not (self._round or self._fresh or self._behind)

    def subscribe(self, client: Client, streams: Iterable[Stream]) -> None:
        """Add streams to a client, each beginning with its latest message, where there is one; trades are told once."""
        client.step_back()
        for stream in streams:
            if stream.name not in client.streams:
                subscription = self._enter(client, stream)
                if not stream.told_once:
                    self._begin(client, subscription)

    def unsubscribe(self, client: Client, names: Iterable[str]) -> None:
        """Take streams from a client; names that it is not subscribed to are ignored."""
        client.step_back()
        for name in names:
            subscription = client.streams.pop(name, None)
            if subscription is not None:
                self._remove(client, subscription)

    def combine(self, client: Client, combined: bool) -> None:
        """Wrap a client's messages from now on, or no more; what was made for it before goes first, as it was."""
        if combined == client.combined:
            return
        client.step_back()
        client.news = dict.fromkeys(client.streams.values())
        self._catch_up(client)
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
        """Send the round's next clients what they lack, until at least `most` had their turn; returns how many did."""
        if not self._round:
            self._begin_round()
        count = 0
        while self._round and count < most:
            count += self._serve_next()
        return count

    def _begin_round(self) -> None:
        for topic, number in self._served:
            topic.forget(number)
        self._served = [(topic, topic.end) for topic in self._fresh if not topic.stream.conflatable]
        waiting: dict[Client | Group, None] = dict.fromkeys(self._behind)
        for topic in self._fresh:
            for group in self._groups_of.get(topic, ()):
                group.news[topic] = None
                waiting[group] = None
            for client, subscription in topic.clients.items():
                client.news[subscription] = None
                waiting[client] = None
        self._round.extend(waiting)
        self._fresh.clear()

    def _serve_next(self) -> int:
        served = self._round.popleft()
        if isinstance(served, Client):
            self._serve(served)
            return 1
        count = len(served)
        waiting, served.waiting = served.waiting, {}
        served.serve()
        for client in waiting:
            self._serve(client)
        return count + len(waiting)

    def _serve(self, client: Client) -> None:
        self._behind.discard(client)
        if client.closed or client.group is not None:
            return
        self._catch_up(client)
        if client.streams and not client.news and len(client.streams) <= GROUP_TOPICS and client.is_direct:
            self._join(client)

    def _catch_up(self, client: Client) -> None:
        """Send a client what it lacks; of what can be left out nothing, where too much waits for it."""
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
            elif not topic.has(subscription.next):
                client.refuse(TOO_MUCH)
                return
            else:
                frames = topic.since(subscription.next)
            subscription.next, subscription.begun = topic.end, True
            out.append(frames)
            size += len(frames)
        if out:
            client.send(out[0] if len(out) == 1 else b"".join(out))

    def _join(self, client: Client) -> None:
        """Have a client that lacks nothing keep step with others, or wait for their turn to do so."""
        topics = frozenset(each.topic for each in client.streams.values())
        groups = self._groups.setdefault(topics, {})
        for group in groups:
            if len(group) + len(group.waiting) < GROUP_CLIENTS:
                if not group.enter(client):
                    group.waiting[client] = None
                return
        group = Group(client, self._round, self._end)
        groups[group] = None
        for topic in topics:
            self._groups_of.setdefault(topic, {})[group] = None

    def _end(self, group: Group) -> None:
        for topic in group.topics:
            del self._groups_of[topic][group]
            if not self._groups_of[topic]:
                del self._groups_of[topic]
        del self._groups[group.topics][group]
        if not self._groups[group.topics]:
            del self._groups[group.topics]

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
            return topic.since(subscription.next)
        return self._feed.latest(topic.stream.instrument, topic.stream.kind, topic.wrap)

    def _remove(self, client: Client, subscription: Subscription) -> None:
        client.news.pop(subscription, None)
        topic = subscription.topic
        del topic.clients[client]
        if topic.clients or topic in self._groups_of:
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
