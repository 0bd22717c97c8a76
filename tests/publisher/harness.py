"""A publisher that really serves, on an ephemeral port, over rings in private memory; and a stock client for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import uvloop
from websockets.asyncio.client import ClientConnection, connect

from lockstep.config.schema import MarketDataSection
from lockstep.procs.publisher.__main__ import Publisher
from lockstep.procs.publisher.feed import Feed
from tests.publisher.exchange import Exchange

PATIENCE_S = 60.0
POLL_S = 0.001


class Running:
    """A publisher being polled by a task. `url` is where it serves."""

    def __init__(self, exchange: Exchange, config: MarketDataSection, queries: str = "") -> None:
        router, matcher = exchange.consumers()
        self.publisher = Publisher(Feed({0: router, 1: matcher}, exchange.board), config, queries=queries)
        self.url = ""

    async def pump(self) -> None:
        while True:
            self.publisher.poll(time.time_ns())
            await asyncio.sleep(POLL_S)

    async def ready(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not self.publisher.port:
                await asyncio.sleep(POLL_S)
        self.url = f"ws://127.0.0.1:{self.publisher.port}"


@contextlib.asynccontextmanager
async def serving(exchange: Exchange, queries: str = "", **config: Any) -> AsyncIterator[Running]:
    """Let the venue lead, and serve it until the block ends. A failure of the publisher ends the test."""
    exchange.lead()
    running = Running(exchange, MarketDataSection(port=0, **config), queries)
    pump = asyncio.create_task(running.pump())
    try:
        await running.publisher.start()
        await running.ready()
        yield running
        if pump.done():
            pump.result()
    finally:
        pump.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pump
        await running.publisher.stop()


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine on the loop that the venue uses."""
    uvloop.run(asyncio.wait_for(test, 60))


@contextlib.asynccontextmanager
async def client(running: Running, target: str, **options: Any) -> AsyncIterator[ClientConnection]:
    async with connect(running.url + target, **options) as connection:
        yield connection


async def receive(connection: ClientConnection) -> Any:
    """The next message."""
    async with asyncio.timeout(PATIENCE_S):
        return json.loads(await connection.recv())


async def ask(connection: ClientConnection, method: str, *params: str, request_id: Any = 1) -> Any:
    """Send a request and return the next message."""
    await connection.send(json.dumps({"method": method, "params": list(params), "id": request_id}))
    return await receive(connection)


async def silent(connection: ClientConnection, seconds: float = 0.25) -> bool:
    """Whether nothing comes for a while: longer than the pace of the 100 ms streams."""
    try:
        async with asyncio.timeout(seconds):
            await connection.recv()
    except TimeoutError:
        return True
    return False
