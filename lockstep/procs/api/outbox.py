"""A WebSocket's messages: what waits to be sent to its client, and the conversation until either side ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from lockstep.procs.api.asgi import Receive, Send

MAX_QUEUED = 10_000  # messages to a client that are not sent
POLICY_VIOLATION = 1008
LINK = "lockstep.link"  # the name of a connection's Link among the extensions of its scope

Done = Callable[[], None]


class Receiver(Protocol):
    """What takes the messages of a connection."""

    def is_full(self) -> bool: ...
    def take(self, message: bytes) -> None: ...


class Link(Protocol):
    """A connection that gives and takes messages by calls, as far as it can; the rest is for `receive` and `send`."""

    def give(self, receiver: Receiver) -> None: ...
    def go_on(self) -> None: ...
    def send_now(self, message: bytes) -> bool: ...


class Outbox:
    """What waits to be sent on a connection, in order. More than `MAX_QUEUED` messages end it.

    Once `is_over` is set, it is closed with `ending`.
    """

    def __init__(self, send: Send, link: Link | None = None) -> None:
        self._send = send
        self.ending = (POLICY_VIOLATION, "too slow, or over")
        self._link = link
        self._is_sending = False
        self._queue: asyncio.Queue[tuple[bytes, Done]] = asyncio.Queue()
        self._is_broken = False
        self.is_over = asyncio.Event()

    def __len__(self) -> int:
        return self._queue.qsize()

    def put(self, message: bytes, done: Done = lambda: None) -> None:
        """Have a message sent; `done` is called when it is, or can't be."""
        waits = self._is_sending or not self._queue.empty()
        if self._is_broken or (self._link is not None and not waits and self._link.send_now(message)):
            done()
        elif self._queue.qsize() >= MAX_QUEUED:
            self.is_over.set()
            done()
        else:
            self._queue.put_nowait((message, done))

    async def run(self) -> None:
        """Send what comes, until the connection ends."""
        try:
            while True:
                message, done = await self._queue.get()
                self._is_sending = True
                try:
                    await self._send({"type": "websocket.send", "text": message.decode()})
                finally:
                    self._is_sending = False
                    done()
        finally:
            self._is_broken = True
            while not self._queue.empty():
                self._queue.get_nowait()[1]()


async def converse(receive: Receive, send: Send, outbox: Outbox, take: Callable[[bytes], Awaitable[None]]) -> None:
    """Take what comes, and send what waits, until the client leaves, falls too far behind, or the outbox is over."""
    sending = asyncio.create_task(outbox.run())
    over = asyncio.create_task(outbox.is_over.wait())
    try:
        while True:
            receiving = asyncio.ensure_future(receive())
            await asyncio.wait((receiving, over, sending), return_when=asyncio.FIRST_COMPLETED)
            if not receiving.done():
                receiving.cancel()
                code, reason = outbox.ending
                await send({"type": "websocket.close", "code": code, "reason": reason})
                return
            message = receiving.result()
            if message["type"] == "websocket.disconnect":
                return
            await take((message.get("text") or "").encode() or message.get("bytes") or b"")
    finally:
        sending.cancel()
        over.cancel()
