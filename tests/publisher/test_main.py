"""The publisher as a host builds it: at its ends of the rings, and never keeping a bug or fault to itself."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
import uvloop

from lockstep.config.loader import load
from lockstep.config.schema import MarketDataSection
from lockstep.core.edge.listening import RETRY_NS
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Venue
from lockstep.procs.publisher.__main__ import Publisher, build
from lockstep.procs.publisher.feed import Feed
from lockstep.shm.bell import Reason
from lockstep.shm.board import Word
from tests.publisher.exchange import SELL, Exchange
from tests.publisher.harness import PATIENCE_S, POLL_S, Running, client, receive, run, serving, silent

DEMO = Path(__file__).parents[2] / "lockstep" / "config" / "demo.toml"


def test_is_built_from_a_venue_and_waits_for_it_to_lead(tmp_path: Path) -> None:
    config = load(DEMO)
    venue = Venue.private(derive(config), config, tmp_path)
    publisher = build(venue, "publisher")
    assert publisher.poll(0) == 0
    assert publisher.port == 0
    assert publisher.wants() == Reason.EVENTS
    venue.producer("events.matcher.1").put(bytes(120))  # no commit covers it yet: now only a commit is news
    assert publisher.wants() == Reason.COMMIT


def test_an_address_that_is_taken_is_tried_again() -> None:
    """Orders do not need it, and the api asks the publisher by a socket of their own."""

    async def scenario() -> None:
        said: list[str] = []
        exchange = Exchange()
        exchange.lead()
        router, matcher = exchange.consumers()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            config = MarketDataSection(port=port)
            feed = Feed({0: router, 1: matcher}, exchange.board)
            publisher = Publisher(feed, config, refused=said.append)
            async with asyncio.timeout(PATIENCE_S):
                while not said:
                    publisher.poll(0)
                    await asyncio.sleep(POLL_S)
        assert f"market_data.port {port}: address already in use" in said[0]
        async with asyncio.timeout(PATIENCE_S):
            while said[-1]:
                publisher.poll(RETRY_NS)
                await asyncio.sleep(POLL_S)
        assert publisher.port == port
        await publisher.stop()

    uvloop.run(scenario())


def test_events_that_contradict_each_other_end_the_process() -> None:
    async def scenario() -> None:
        exchange = Exchange()
        async with serving(exchange) as running:
            exchange.new(SELL, 1, 1, instrument=77)
            await polled(running)

    async def polled(running: Running) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                running.publisher.poll(0)
                await asyncio.sleep(POLL_S)

    with pytest.raises(RuntimeError, match="instrument 77"):
        uvloop.run(scenario())


def test_what_is_taken_without_the_lease_is_told_with_it() -> None:
    """LOG-13: a core that starts again repeats what is committed, and this node may lead no more."""

    async def scenario() -> None:
        exchange = Exchange()
        exchange.list_instrument()
        exchange.new(SELL, 102, 1)
        async with serving(exchange) as running, client(running, "/ws/btcusdt@bookTicker") as ticker:
            await receive(ticker)
            exchange.board.set(Word.LEASE_UNTIL, 1)
            exchange.board.set(Word.EPOCH, 0)
            exchange.new(SELL, 101, 1)
            assert await silent(ticker)
            exchange.board.set(Word.LEASE_UNTIL, 0)
            assert (await receive(ticker))["a"] == "1.01000000"

    run(scenario())
