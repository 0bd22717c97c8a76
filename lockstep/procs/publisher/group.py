"""Clients that keep step: they have the same topics, have had the same of them, and nothing waits for any of them.

So what they lack is made once, and given to their sockets in a row: of a client nothing is looked at but the number of
its socket, and whether that is still its own. Who does not take all of it leaves.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable

from lockstep.procs.publisher.sending import send_to_all
from lockstep.procs.publisher.subscribers import Client, Topic

TOO_MUCH = "too much: messages that may not be left out came faster than they could be sent"


class Group:
    """At first of one client that lacks nothing. `coming` has whose turn is to come; `ended` hears when all left."""

    def __init__(self, first: Client, coming: deque[Client | Group], ended: Callable[[Group], None]) -> None:
        self._coming = coming
        self._ended = ended
        self._clients: list[Client] = []
        self._fds = array("i")
        self._is_closing: list[Callable[[], bool]] = []
        self._seats: dict[Client, int] = {}
        self._places = {subscription.topic: subscription.next for subscription in first.streams.values()}
        self.topics = frozenset(self._places)
        self.news: dict[Topic, None] = {}  # where something may wait for them
        self.waiting: dict[Client, None] = {}  # to enter when they have had as much: served behind this group
        self._sit(first)

    def __len__(self) -> int:
        return len(self._clients)

    def enter(self, client: Client) -> bool:
        """Take in a client with these topics that lacks nothing; False where this group has had more, or less."""
        if any(self._places[each.topic] != each.next for each in client.streams.values()):
            return False
        self._sit(client)
        return True

    def leave(self, client: Client) -> None:
        """Let a client go on by itself from where the group is."""
        seat = self._seats.pop(client)
        last, fd, is_closing = self._clients.pop(), self._fds.pop(), self._is_closing.pop()
        if last is not client:
            self._clients[seat], self._fds[seat], self._is_closing[seat] = last, fd, is_closing
            self._seats[last] = seat
        client.group = None
        for each in client.streams.values():
            each.next = self._places[each.topic]
            each.topic.clients[client] = each
            if each.topic in self.news:
                client.news[each] = None
        if client.news:  # the group's turn is to come, and was its own
            self._coming.append(client)
        if not self._clients:
            self._ended(self)

    def serve(self) -> None:
        """Send what they lack."""
        if not self._clients:
            return
        news, self.news = self.news, {}
        out: list[bytes] = []
        for topic in news:
            place = self._places[topic]
            if not topic.has(place):
                self._refuse()
                return
            if place < topic.end:
                out.append(topic.since(place))
                self._places[topic] = topic.end
        if out:
            self._send(out[0] if len(out) == 1 else b"".join(out))

    def _send(self, frames: bytes) -> None:
        short = send_to_all(self._fds, self._is_closing, frames)
        for client, sent in [(self._clients[seat], sent) for seat, sent in short]:
            client.queue(frames[sent:])

    def _refuse(self) -> None:
        for client in list(self._clients):
            self.leave(client)
            client.refuse(TOO_MUCH)

    def _sit(self, client: Client) -> None:
        client.group = self
        for each in client.streams.values():
            del each.topic.clients[client]
        self._seats[client] = len(self._clients)
        self._clients.append(client)
        self._fds.append(client.fd)
        self._is_closing.append(client.transport.is_closing)
