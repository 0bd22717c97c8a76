"""What reaches clients over time: all of it, in order and never crossed; and bounds for who does not read."""

from __future__ import annotations

import asyncio
import random
import socket
from itertools import pairwise
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from lockstep.procs.publisher.subscribers import TOO_SLOW
from tests.publisher.exchange import BUY, SELL, Exchange
from tests.publisher.harness import POLL_S, Running, ask, client, receive, run, serving

QUEUE_BYTES = 65536


def listed() -> Exchange:
    exchange = Exchange()
    exchange.list_instrument()
    return exchange


def random_command(exchange: Exchange, rng: random.Random) -> int:
    """One command near 100 ticks, of any kind; returns its cause."""
    kind = rng.random()
    if exchange.orders and kind < 0.25:
        return exchange.cancel(rng.choice(exchange.orders))
    if exchange.orders and kind < 0.4:
        return exchange.replace(rng.choice(exchange.orders), rng.randint(90, 110), rng.randint(1, 9))
    if kind < 0.45:
        return exchange.cancel(10**6)
    return exchange.new(rng.choice([BUY, SELL]), rng.randint(90, 110), rng.randint(1, 9))


def ticks(side: list[list[str]]) -> list[tuple[int, int]]:
    return [(round(float(price) * 100), round(float(quantity) * 10_000)) for price, quantity in side]


def crossed(bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> bool:
    return bool(bids and asks and bids[0][0] >= asks[0][0])


def test_the_lossless_stream_has_every_command_in_order() -> None:
    async def scenario() -> None:
        exchange, rng = listed(), random.Random(1)
        async with serving(exchange) as running, client(running, "/ws/btcusdt@book10") as connection:
            assert await receive(connection) == [{"U": 0, "u": 0, "s": 0, "b": [], "a": []}]
            expected = []
            for i in range(1500):
                cause = random_command(exchange, rng)
                expected.append((cause, exchange.side(BUY)[:10], exchange.side(SELL)[:10]))
                if i % 100 == 0:
                    await asyncio.sleep(POLL_S)
            got: list[Any] = []
            while len(got) < len(expected):
                got += await receive(connection)
        assert [(state["s"], ticks(state["b"]), ticks(state["a"])) for state in got] == expected
        assert all(state["U"] <= state["u"] for state in got)
        assert all(before["u"] < after["U"] for before, after in pairwise(got))
        assert not any(crossed(ticks(state["b"]), ticks(state["a"])) for state in got)

    run(scenario())


class LocalBook:
    """A client's book as Binance's documentation has one kept: a whole book, then each difference that follows it."""

    def __init__(self, snapshot: Any) -> None:
        self.last = snapshot["lastUpdateId"]
        self.bids = dict(ticks(snapshot["bids"]))
        self.asks = dict(ticks(snapshot["asks"]))
        self.begun = False

    def apply(self, diff: Any) -> None:
        if diff["u"] <= self.last:
            return
        assert diff["U"] == self.last + 1 if self.begun else diff["U"] <= self.last + 1 <= diff["u"]
        for side, changes in ((self.bids, diff["b"]), (self.asks, diff["a"])):
            for (price, lots), (_, text) in zip(ticks(changes), changes, strict=True):
                side[price] = lots
                if text == "0.00000000":
                    del side[price]
        self.last, self.begun = diff["u"], True
        assert not crossed(*self.sides())

    def sides(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        return sorted(self.bids.items(), reverse=True), sorted(self.asks.items())


def test_differences_joined_to_a_whole_book_give_the_same_book() -> None:
    async def scenario() -> None:
        exchange, rng = listed(), random.Random(2)
        # At most 20 prices a side, so that a partial book of 20 is whole.
        for _ in range(200):
            random_command(exchange, rng)
        async with (
            serving(exchange) as running,
            client(running, "/ws/btcusdt@depth@100ms") as diffs,
            client(running, "/ws/btcusdt@depth20@100ms") as partial,
        ):
            for _ in range(300):
                random_command(exchange, rng)
            first = await receive(diffs)
            book = LocalBook(await receive(partial))
            book.apply(first)
            for _ in range(3):
                for _ in range(300):
                    random_command(exchange, rng)
                await asyncio.sleep(0.05)  # so that there are several differences
            while book.last < exchange.number - 2:
                book.apply(await receive(diffs))
        assert book.sides() == (exchange.side(BUY), exchange.side(SELL))

    run(scenario())


async def unread(running: Running, target: str) -> socket.socket:
    """A client that completes its handshake and never reads again, with little room in its socket."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, ("127.0.0.1", running.publisher.port))
    request = (
        f"GET {target} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await loop.sock_sendall(sock, request.encode())
    assert (await loop.sock_recv(sock, 12)).startswith(b"HTTP/1.1 101")
    return sock


async def drained(sock: socket.socket) -> bytes:
    """Everything that was on its way, up to the end of the connection."""
    loop = asyncio.get_running_loop()
    received = bytearray()
    async with asyncio.timeout(10):
        try:
            while data := await loop.sock_recv(sock, 65536):
                received += data
        except ConnectionResetError:
            pass
    return bytes(received)


def test_who_never_reads_is_bounded_told_why_and_cut_off_and_harms_nobody() -> None:
    async def scenario() -> None:
        exchange = listed()
        async with (
            serving(exchange, client_queue_bytes=QUEUE_BYTES) as running,
            client(running, "/ws/btcusdt@book20") as reader,
        ):
            await receive(reader)
            sock = await unread(running, "/ws/btcusdt@book20")
            largest, price = 0, 0

            async def sweep() -> None:
                """A batch of commands, read to its last state by the one who reads."""
                nonlocal largest, price
                for _ in range(300):
                    price += 1
                    exchange.new(BUY, price, 1)
                states: Any = [{"s": 0}]
                while states[-1]["s"] < exchange.cause:
                    states = await receive(reader)
                    largest = max(largest, *running.publisher.waiting())

            while largest <= QUEUE_BYTES:
                await sweep()
            for _ in range(3):
                await sweep()
            assert largest < QUEUE_BYTES + 300_000
            assert (await drained(sock)).endswith((1008).to_bytes(2) + TOO_SLOW.encode())
            sock.close()
            async with asyncio.timeout(10):
                while len(running.publisher.waiting()) > 1:
                    await sweep()

    run(scenario())


def test_a_client_that_vanishes_is_forgotten() -> None:
    async def scenario() -> None:
        exchange = listed()
        async with serving(exchange) as running:
            async with client(running, "/ws/btcusdt@book5") as gone:
                await receive(gone)
                gone.transport.abort()
            async with asyncio.timeout(5):
                while running.publisher.waiting():
                    exchange.new(BUY, 1, 1)
                    await asyncio.sleep(POLL_S)
            with pytest.raises(ConnectionClosed):
                await gone.recv()
            async with client(running, "/ws/btcusdt@book5") as next_one:
                await receive(next_one)

    run(scenario())


def test_who_ends_without_a_word_while_others_read_on_harms_nobody() -> None:
    async def scenario() -> None:
        exchange = listed()
        async with (
            serving(exchange) as running,
            client(running, "/ws/btcusdt@trade") as reader,
            client(running, "/ws/btcusdt@trade") as asking,
        ):
            socks = [await unread(running, "/ws/btcusdt@trade") for _ in range(3)]
            for number in range(1, 30):
                exchange.new(SELL, number, 1)
                exchange.new(BUY, number, 1)
                assert (await receive(reader))["p"] == (await receive(asking))["p"] == f"{number / 100:.8f}"
                if number == 10:
                    socks[0].shutdown(socket.SHUT_WR)
                    socks[1].close()
                    await asking.ping()  # whose answer goes another way
            assert await ask(asking, "UNSUBSCRIBE", "btcusdt@trade") == {"result": None, "id": 1}
            for number in (0, 2):
                socks[number].close()

    run(scenario())


def test_what_the_library_writes_is_not_passed_by_messages() -> None:
    async def scenario() -> None:
        exchange = listed()
        async with serving(exchange) as running, client(running, "/ws/btcusdt@trade") as reader:
            exchange.new(SELL, 1, 1)
            exchange.new(BUY, 1, 1)
            await receive(reader)
            (served,) = running.publisher._server._clients
            assert served.group is not None, "messages go to its socket directly"
            served.socket.protocol.send_ping(b"")
            served.socket.send_data()
            assert served.group is None, "until what waits in its transport is sent"
            assert not served.is_direct, "though uvloop does not count it before its next round"
            for number in (2, 3):
                exchange.new(SELL, number, 1)
                exchange.new(BUY, number, 1)
                assert (await receive(reader))["p"] == f"{number / 100:.8f}"
            assert served.group is not None

    run(scenario())
