"""The publisher answers what the API asks over its own socket, and serves the clients that the API hands over."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from lockstep.core.edge import market_queries as asked
from lockstep.core.edge.market_queries import MarketDataAwayError, MarketQueries, UnknownNameError
from lockstep.procs.publisher import answers
from lockstep.procs.publisher.feed import Feed
from tests.publisher.exchange import BUY, SELL, Exchange
from tests.publisher.harness import Running, ask, receive, run, serving
from tests.publisher.test_server import listed

LEVELS = 5000


@contextlib.asynccontextmanager
async def answering(exchange: Exchange, **config: Any) -> AsyncIterator[tuple[Running, MarketQueries, str]]:
    """A publisher that serves, and one who asks it; with the name of its socket."""
    name = f"lockstep-test-{os.urandom(8).hex()}"
    async with serving(exchange, name, **config) as running:
        queries = MarketQueries(name)
        try:
            yield running, queries, name
        finally:
            queries.close()


async def body(queries: MarketQueries, request: asked.Request) -> Any:
    return json.loads((await queries.ask(request)).body)


def test_every_question_has_its_answer_in_binances_form() -> None:
    async def scenario() -> None:
        async with answering(listed()) as (_, queries, _):
            depth = json.loads(await queries.depth("BTCUSDT", 100))
            assert depth == {
                "lastUpdateId": 4, "bids": [["1.00000000", "0.00040000"]], "asks": [["1.02000000", "0.00050000"]],
            }  # fmt: skip
            (trade,) = await body(queries, asked.Trades("BTCUSDT", 500))
            assert (trade["id"], trade["price"], trade["quoteQty"]) == (4, "1.00000000", "0.00010000")
            (aggregate,) = await body(queries, asked.Aggregates("BTCUSDT", 500))
            assert (aggregate["a"], aggregate["q"], aggregate["m"]) == (4, "0.00010000", True)
            (candle,) = await body(queries, asked.Klines("BTCUSDT", "1m", 500))
            assert (candle[4], candle[8]) == ("1.00000000", 1)
            day = json.loads(await queries.rows("day", ["BTCUSDT"], single=True))
            assert (day["symbol"], day["bidPrice"], day["count"]) == ("BTCUSDT", "1.00000000", 1)
            both = json.loads(await queries.rows("price"))
            assert [each["symbol"] for each in both] == ["BTCUSDT", "ETHUSDT"]
            (best,) = json.loads(await queries.rows("best", ["BTCUSDT"]))
            assert best == {
                "symbol": "BTCUSDT", "bidPrice": "1.00000000", "bidQty": "0.00040000", "askPrice": "1.02000000",
                "askQty": "0.00050000",
            }  # fmt: skip
            assert json.loads(await queries.average("BTCUSDT"))["price"] == "1.00000000"

    run(scenario())


def test_a_book_joins_the_differences_by_its_update_id() -> None:
    async def scenario() -> None:
        exchange = listed()
        async with answering(exchange) as (running, queries, _), connect(running.url + "/ws") as stream:
            await ask(stream, "SUBSCRIBE", "btcusdt@depth@100ms")
            book: dict[str, str] = {}
            last, begun = 0, False
            for price in range(50, 90):
                exchange.new(BUY, price, 1)
                if price == 60:
                    whole = json.loads(await queries.depth("BTCUSDT", LEVELS))
                    last = whole["lastUpdateId"]
                    book = dict(whole["bids"])
                await asyncio.sleep(0.01)
            end = exchange.number
            while last < end:
                difference = await receive(stream)
                if difference["u"] <= last:
                    continue
                assert difference["U"] <= last + 1 if not begun else difference["U"] == last + 1
                book |= difference["b"]
                last, begun = difference["u"], True
            assert book == dict(json.loads(await queries.depth("BTCUSDT", LEVELS))["bids"])

    run(scenario())


def test_questions_may_be_many_at_once_and_each_gets_its_own_answer() -> None:
    async def scenario() -> None:
        async with answering(listed()) as (_, queries, _):
            symbols = ["BTCUSDT", "ETHUSDT"] * 200
            found = await asyncio.gather(*(queries.rows("price", [symbol], single=True) for symbol in symbols))
            assert [json.loads(each)["symbol"] for each in found] == symbols

    run(scenario())


def test_what_there_is_not_is_said_and_the_connection_goes_on() -> None:
    async def scenario() -> None:
        async with answering(listed()) as (_, queries, _):
            for request in (
                asked.Depth("XYZ", 5), asked.Klines("BTCUSDT", "2m", 5), asked.Rows("nothing"),
                asked.Rows("day", ["BTCUSDT", "XYZ"]), asked.Average("XYZ"), asked.Trades("", 5),
            ):  # fmt: skip
                with pytest.raises(UnknownNameError):
                    await queries.ask(request)
            assert await queries.depth("ETHUSDT", 5)

    run(scenario())


def test_who_asks_while_the_publisher_is_away_is_told_so_and_asks_the_next_one() -> None:
    async def scenario() -> None:
        name = f"lockstep-test-{os.urandom(8).hex()}"
        queries = MarketQueries(name, 0.5)
        with pytest.raises(MarketDataAwayError):
            await queries.depth("BTCUSDT", 5)
        for _ in range(2):
            async with serving(listed(), name):
                assert await queries.depth("BTCUSDT", 5)
            with pytest.raises(MarketDataAwayError):
                await queries.depth("BTCUSDT", 5)
        queries.close()

    run(scenario())


def test_a_publisher_that_does_not_answer_is_away() -> None:
    async def scenario() -> None:
        name = f"lockstep-test-{os.urandom(8).hex()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
            listening.bind(f"\0{name}")
            listening.listen()
            queries = MarketQueries(name, 0.2)
            with pytest.raises(MarketDataAwayError, match=r"no answer in 0\.2 s"):
                await queries.depth("BTCUSDT", 5)
            queries.close()

    run(scenario())


@pytest.mark.parametrize(
    "sent",
    [
        struct.pack("<I", asked.MAX_REQUEST_BYTES + 1),
        struct.pack("<I", 3) + b"\xff\xff\xff",
        asked.framed(asked.HandOver(b"")),  # and no socket beside it
        asked.framed(asked.Rows("day", ["BTCUSDT", "ETHUSDT"], single=True)),
    ],
)
def test_what_is_no_request_ends_its_connection_and_no_other(sent: bytes) -> None:
    async def scenario() -> None:
        async with answering(listed()) as (_, queries, name):
            await queries.depth("BTCUSDT", 5)
            connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connected.connect(f"\0{name}")
            reader, writer = await asyncio.open_unix_connection(sock=connected)
            writer.write(sent)
            assert await asyncio.wait_for(reader.read(), 10) == b""
            writer.close()
            assert await queries.depth("BTCUSDT", 5)

    run(scenario())


def test_a_deep_book_is_written_in_less_than_ten_milliseconds() -> None:
    exchange = Exchange()
    exchange.list_instrument()
    for price in range(1, LEVELS + 500):
        exchange.new(BUY, price, 1)
        exchange.new(SELL, 20_000 + price, 1)
    exchange.lead()
    router, matcher = exchange.consumers()
    feed = Feed({0: router, 1: matcher}, exchange.board)
    while feed.poll():
        pass
    took = []
    for _ in range(20):
        began = time.thread_time()
        text = answers.depth(feed, 1, LEVELS)
        took.append(time.thread_time() - began)
    assert text is not None
    whole = json.loads(text)
    assert (len(whole["bids"]), len(whole["asks"])) == (LEVELS, LEVELS)
    assert sorted(took)[10] < 0.010


@contextlib.asynccontextmanager
async def front(queries: MarketQueries, read: int) -> AsyncIterator[str]:
    """A server that reads `read` bytes of each client and hands it over, as the API does."""
    loop = asyncio.get_running_loop()
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)

    async def accept() -> None:
        while True:
            client, _ = await loop.sock_accept(listening)
            head = await loop.sock_recv(client, read)
            with client, contextlib.suppress(MarketDataAwayError):
                await queries.hand_over(client, head)

    task = asyncio.create_task(accept())
    try:
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        listening.close()


@pytest.mark.parametrize("read", [1, 40, 65536])
def test_a_client_that_was_handed_over_is_served_as_one_that_connected(read: int) -> None:
    async def scenario() -> None:
        exchange = listed()
        async with answering(exchange) as (running, queries, _), front(queries, read) as url:
            async with connect(url + "/stream?streams=btcusdt@bookTicker") as client:
                assert (await receive(client))["data"]["b"] == "1.00000000"
                assert (await ask(client, "SUBSCRIBE", "btcusdt@trade"))["result"] is None
                exchange.new(BUY, 102, 1)
                while (await receive(client))["stream"] != "btcusdt@trade":
                    pass
                assert len(running.publisher.waiting()) == 1
                await client.close()
                assert client.close_code == 1000
            async with asyncio.timeout(10):
                while running.publisher.waiting():
                    await asyncio.sleep(0.01)

    run(scenario())


def test_a_raw_client_may_send_its_first_request_with_its_handshake() -> None:
    async def scenario() -> None:
        async with answering(listed()) as (_, queries, _), front(queries, 65536) as url:
            host, port = url.removeprefix("ws://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            request = b'{"method":"SUBSCRIBE","params":["btcusdt@depth5"],"id":1}'
            writer.write(
                b"GET /ws/0 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
                + bytes([0x81, 0x80 | len(request), 0, 0, 0, 0]) + request
            )  # fmt: skip
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
            assert b'{"result":null,"id":1}' in await reader.readuntil(b"}")
            assert b"lastUpdateId" in await reader.readuntil(b"}")
            writer.close()

    run(scenario())


def test_those_handed_over_count_against_the_bounds_and_are_said_goodbye() -> None:
    async def scenario() -> None:
        async with answering(listed(), max_clients=1) as (running, queries, _), front(queries, 65536) as url:
            first = await connect(url + "/ws/btcusdt@trade")
            with pytest.raises(Exception, match="503"):
                await connect(url + "/ws/btcusdt@trade")
            await running.publisher.stop()
            assert '"serverShutdown"' in str(await first.recv())
            with pytest.raises(ConnectionClosed) as closed:
                await first.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1001

    run(scenario())


def test_a_client_is_not_handed_over_to_nobody() -> None:
    async def scenario() -> None:
        queries = MarketQueries(f"lockstep-test-{os.urandom(8).hex()}")
        a, b = socket.socketpair()
        with a, b:
            with pytest.raises(MarketDataAwayError):
                await queries.hand_over(a, b"GET /ws HTTP/1.1\r\n")
            with pytest.raises(ValueError, match="handed over"):
                await queries.hand_over(a, b"x" * (asked.MAX_HEAD_BYTES + 1))

    run(scenario())
