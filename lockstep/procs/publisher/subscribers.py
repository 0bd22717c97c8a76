"""The messages of streams, and who subscribes to them: where a client's bytes go, and what it lacks.

A client's queue is its transport's write buffer. While that is empty, bytes go to the socket directly.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from lockstep.procs.publisher.sending import send_now
from lockstep.procs.publisher.streams import Stream

TOO_SLOW = "too slow: messages that may not be left out filled the queue"


class Topic:
    """A stream's messages in the form in which some clients get them: the pieces that not all of these have had.

    Of a conflatable stream that is the last one. They are numbered: `first` is the first that is kept, `end` the next.
    `clients` are those that keep step with nobody.
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

    def has(self, number: int) -> bool:
        """Whether a client that has to get that piece next can still get all that it may not miss."""
        return self.stream.conflatable or number >= self.first

    def since(self, number: int) -> bytes:
        """What a client gets that has to get that piece next: all from it on, as one. Most ask for the same."""
        if self.stream.conflatable:
            number = self.end - 1
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


class Transport(Protocol):
    """What a hub needs of asyncio's transports."""

    def write(self, data: bytes) -> None: ...
    def get_write_buffer_size(self) -> int: ...
    def is_closing(self) -> bool: ...


class Company(Protocol):
    """Those with whom a client keeps step."""

    def leave(self, client: Client) -> None: ...


class Client:
    """A subscriber. Its connection overrides `closed` and `refuse`, and calls `step_back` where others have written.

    `fd` is the transport's socket: while nothing waits in the transport, messages go to it directly. -1: they never do.
    """

    def __init__(self, transport: Transport, combined: bool, queue_bytes: int, fd: int = -1) -> None:
        self.transport = transport
        self.fd = fd
        self.combined = combined
        self.queue_bytes = queue_bytes
        self.streams: dict[str, Subscription] = {}
        self.news: dict[Subscription, None] = {}  # those that something may wait in: a turn costs by these
        self.group: Company | None = None
        self.has_written = False  # to the transport, which does not count that before the loop's next round

    @property
    def closed(self) -> bool:
        """Whether nothing may be sent any more."""
        raise NotImplementedError

    def refuse(self, reason: str) -> None:
        """Close the connection, because the client broke a bound (close code 1008)."""
        raise NotImplementedError

    @property
    def is_direct(self) -> bool:
        """Whether bytes may go to the socket: nothing waits before them, and the number is still this socket's."""
        if self.fd < 0 or self.has_written:
            return False
        return not self.transport.get_write_buffer_size() and not self.transport.is_closing()

    def send(self, frames: bytes) -> None:
        """Queue frames that may not be left out, or close the client if its queue is full."""
        if self.closed:
            return
        if self.is_direct:
            self.queue(frames[send_now(self.fd, frames) :])
        elif self.transport.get_write_buffer_size() > self.queue_bytes:
            self.refuse(TOO_SLOW)
        else:
            self.queue(frames)

    def queue(self, rest: bytes) -> None:
        """Leave to the transport what the socket did not take: nothing may pass it."""
        if rest:
            self.step_back()
            if not self.closed:  # its end may be what a socket takes nothing for
                self.transport.write(rest)

    def step_back(self) -> None:
        """Be sent messages by itself, until it has had as much as others and nothing waits in the transport."""
        if self.group is not None:
            self.group.leave(self)
