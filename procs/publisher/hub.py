"""Who is subscribed to what, and the hand-over of a stream's messages to all of them within their bounds.

A message is framed once, whoever gets it. It knows transports, but neither the WebSocket protocol nor rings.

A client's queue is its transport's write buffer. While more than CONFLATE_ABOVE_BYTES wait there, conflatable streams
are held back, and get their latest message when the client has read. What may not be left out is queued until more than
the configured bytes wait; then the client is closed. So none holds more than that and a batch, and none is waited for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from procs.publisher.feed import Feed
from procs.publisher.streams import Stream

CONFLATE_ABOVE_BYTES = 32768
TOO_SLOW = "too slow: messages that may not be left out filled the queue"


class Transport(Protocol):
    """What a hub needs of asyncio's transports."""

    def write(self, data: bytes) -> None: ...
    def get_write_buffer_size(self) -> int: ...


class Client:
    """A subscriber. Its connection overrides `closed` and `refuse`."""

    def __init__(self, transport: Transport, combined: bool, queue_bytes: int) -> None:
        self.transport = transport
        self.combined = combined
        self.queue_bytes = queue_bytes
        self.streams: dict[str, Stream] = {}
        self.behind: dict[str, Stream] = {}

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
        if self.transport.get_write_buffer_size() > self.queue_bytes:
            self.refuse(TOO_SLOW)
        else:
            self.transport.write(frames)

    def send_latest(self, stream: Stream, frames: bytes | None) -> None:
        """Queue a conflatable stream's frames, or note that its latest has to follow."""
        if self.closed:
            self.behind.clear()
        elif frames is None or self.transport.get_write_buffer_size() > CONFLATE_ABOVE_BYTES:
            self.behind[stream.name] = stream
        else:
            self.behind.pop(stream.name, None)
            self.send(frames)


class Hub:
    """The subscriptions of all clients to the streams of one feed."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        # (instrument, kind) -> (name, combined) -> clients. Two names may mean one stream: depth and depth@1000ms.
        self._topics: dict[tuple[int, int], dict[tuple[str, bool], set[Client]]] = {}
        self._behind: set[Client] = set()

    def subscribe(self, client: Client, streams: Iterable[Stream]) -> None:
        """Add streams to a client, each beginning with its latest message, where there is one."""
        for stream in streams:
            if stream.name in client.streams:
                continue
            client.streams[stream.name] = stream
            topics = self._topics.setdefault((stream.instrument, stream.kind), {})
            topics.setdefault((stream.name, client.combined), set()).add(client)
            self._feed.want(stream.instrument, stream.kind, True)
            self._begin(client, stream)

    def unsubscribe(self, client: Client, names: Iterable[str]) -> None:
        """Take streams from a client; names that it is not subscribed to are ignored."""
        for name in names:
            stream = client.streams.pop(name, None)
            client.behind.pop(name, None)
            if stream is not None:
                self._remove(client, stream)

    def leave(self, client: Client) -> None:
        """Forget a client."""
        self.unsubscribe(client, list(client.streams))
        self._behind.discard(client)

    def flush(self) -> None:
        """Send what the feed has made to those who are subscribed to it."""
        for instrument, kind in self._feed.pending():
            for (name, combined), clients in list(self._topics.get((instrument, kind), {}).items()):
                frames = self._feed.take(instrument, kind, wrapping(name) if combined else None)
                for client in list(clients):
                    self._deliver(client, client.streams[name], frames)
            self._feed.clear(instrument, kind)

    def catch_up(self) -> None:
        """Give those who were held back, and have read since, the latest messages of what they missed."""
        for client in list(self._behind):
            for stream in list(client.behind.values()):
                client.send_latest(stream, self._latest(client, stream))
            if not client.behind:
                self._behind.discard(client)

    def _begin(self, client: Client, stream: Stream) -> None:
        latest = self._latest(client, stream)
        if latest is not None:
            client.send(latest)
        elif stream.conflatable:
            client.behind[stream.name] = stream
            self._behind.add(client)

    def _deliver(self, client: Client, stream: Stream, frames: bytes) -> None:
        if not stream.conflatable:
            client.send(frames)
            return
        client.send_latest(stream, frames)
        if client.behind:
            self._behind.add(client)

    def _latest(self, client: Client, stream: Stream) -> bytes | None:
        return self._feed.latest(stream.instrument, stream.kind, wrapping(stream.name) if client.combined else None)

    def _remove(self, client: Client, stream: Stream) -> None:
        key = (stream.instrument, stream.kind)
        topics = self._topics[key]
        clients = topics[stream.name, client.combined]
        clients.discard(client)
        if not clients:
            del topics[stream.name, client.combined]
        if not topics:
            del self._topics[key]
            self._feed.want(stream.instrument, stream.kind, False)


def wrapping(name: str) -> bytes:
    """What stands before a message on a combined connection; a brace stands behind it."""
    return b'{"stream":"%s","data":' % name.encode()
