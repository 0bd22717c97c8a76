"""A network of one client and the gateway: bytes that arrive late, in parts, or not at all.

It keeps the order of what it delivers, as TCP does, and knows no message.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random


class Wire:
    """One connection. `cut` ends it anywhere: what is under way then arrives in part, or not at all. `passed` is told
    what either end sends.

    It is the transport that the gateway's client writes to, too (of asyncio's interface, what the gateway uses).
    """

    def __init__(self, draw: Random, delay_ns: int, passed: Callable[[bytes], object]) -> None:
        self.draw = draw
        self.passed = passed
        self.delay_ns = delay_ns
        self.to_venue: deque[tuple[int, bytes]] = deque()
        self.to_client: deque[tuple[int, bytes]] = deque()
        self.now_ns = 0
        self.paused = False  # the gateway reads no more for now
        self.stalled = False  # the client reads nothing
        self.open = True  # both ends
        self.ending = False  # the gateway has closed its end: what it wrote before still arrives
        self.held = b""
        self.written = 0  # how often the gateway wrote
        self.home: object = None  # the venue, or node, that has its other end

    # The client's end.

    def send(self, data: bytes) -> None:
        """Bytes on their way to the gateway, in one to three parts."""
        self.passed(data)
        while data:
            size = self.draw.randint(1, len(data)) if self.draw.random() < 0.2 else len(data)
            self.to_venue.append((self._due(self.to_venue), data[:size]))
            data = data[size:]

    def receive(self) -> bytes:
        """What has arrived at the client."""
        found = []
        while self.to_client and self.to_client[0][0] <= self.now_ns and not self.stalled:
            found.append(self.to_client.popleft()[1])
        if self.ending and not self.to_client:
            self.open = False
        return b"".join(found)

    def arrived(self, room: int) -> bytes:
        """What has arrived at the gateway, at most `room` bytes."""
        if self.paused or not self.to_venue or self.to_venue[0][0] > self.now_ns:
            return b""
        due_ns, data = self.to_venue.popleft()
        if len(data) > room:
            self.to_venue.appendleft((due_ns, data[room:]))
        return data[:room]

    def cut(self) -> None:
        """End the connection. A part of what was under way arrives, at either end."""
        for queue in (self.to_venue, self.to_client):
            kept = self.draw.randint(0, len(queue))
            while len(queue) > kept:
                queue.pop()
        self.ending = True
        if not self.to_client:
            self.open = False

    # The gateway's end.

    def write(self, data: bytes) -> None:
        if self.open and not self.ending and data:
            self.passed(data)
            self.written += 1
            self.to_client.append((self._due(self.to_client), bytes(data)))

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def get_write_buffer_size(self) -> int:
        return sum(len(data) for _, data in self.to_client)

    def close(self) -> None:
        self.ending = True
        if not self.to_client:
            self.open = False

    def abort(self) -> None:
        self.to_client.clear()
        self.to_venue.clear()
        self.close()

    def _due(self, queue: deque[tuple[int, bytes]]) -> int:
        due_ns = self.now_ns + self.draw.randint(0, self.delay_ns)
        return max(due_ns, queue[-1][0]) if queue else due_ns
