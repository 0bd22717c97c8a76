"""Clients that ask and do not read, that come and go, that send too much: they cost little, and nobody else's place."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import time
from typing import Any

import pytest

from lockstep.procs.api import server, unread, upgrade
from lockstep.procs.api.binance.caller import Call
from tests.api.test_http import PATIENCE_S, PING, UPGRADE, Api, Client, head, pinged, run, serving

LONG = 40_000  # bytes of an answer
FEW = 4096  # bytes that the kernel takes for a client that does not read
HOG_S = 0.05  # many times what a turn takes, and less than all at once do
INFO = PING.replace(b"ping", b"exchangeInfo")


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds that pass with each poll or so."""
    monkeypatch.setattr(server, "SECOND_NS", 0)
    monkeypatch.setattr(unread, "STALLED_S", 200)
    monkeypatch.setattr(unread, "CLOSING_S", 20)


def frame(opcode: int, payload: bytes) -> bytes:
    """A client's, masked with zeros."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xff" + struct.pack(">Q", size)
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


def request(number: int, method: str) -> bytes:
    return frame(1, json.dumps({"id": number, "method": method}).encode())


async def websocket(opens: Api, unread_bytes: int = 0) -> Client:
    client = await opens(unread_bytes)
    client.send(head(b"Host: localhost", *UPGRADE, target=b"/ws-api/v3"))
    async with asyncio.timeout(PATIENCE_S):
        assert (await client.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    return client


async def text(client: Client) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        _, size = await client.reader.readexactly(2)
        if size == 126:
            (size,) = struct.unpack(">H", await client.reader.readexactly(2))
        return json.loads(await client.reader.readexactly(size))


def test_a_place_is_given_back_by_whatever_had_it() -> None:
    """As many as have a place come and go, again and again: over HTTP, and as WebSockets."""

    async def scenario() -> None:
        async with serving(max_connections_per_address=3) as opens:
            for _ in range(4):
                clients = [await websocket(opens) for _ in range(3)]
                await opens.until(3)
                refused = await opens()
                assert await refused.is_over()
                for client in clients:
                    client.writer.close()
                await opens.until(0)
                client = await opens()
                client.send(PING)
                assert await client.answer() == (200, {})
                client.writer.close()
                await opens.until(0)

    run(scenario())


@pytest.mark.usefixtures("fast")
def test_a_client_that_asks_and_never_reads_loses_its_place() -> None:
    async def scenario() -> None:
        async with serving(request_weight_per_minute=0) as opens:
            client = await opens(FEW)
            await opens.until(1)
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(2):
                    while opens.desk.connections:
                        client.send(INFO * 100)
                        await client.writer.drain()
                        await asyncio.sleep(0)
            await opens.until(0)
            assert await pinged(opens)

    run(scenario())


@pytest.mark.usefixtures("fast")
def test_pings_that_nobody_reads_the_answers_of_end_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it has stalled for long."""
    monkeypatch.setattr(unread, "STALLED_S", 10**9)

    async def scenario() -> None:
        async with serving() as opens:
            client = await websocket(opens, FEW)
            await opens.until(1)
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            ping = frame(9, b"x" * 100) * 1000
            with contextlib.suppress(ConnectionError):
                while opens.desk.connections:
                    client.send(ping)
                    await client.writer.drain()
                    await asyncio.sleep(0)
            assert await pinged(opens)

    run(scenario())


@pytest.mark.parametrize("kind", ["pings", "pongs", "parts"])
def test_frames_that_bring_no_message_end_the_connection(kind: str) -> None:
    """Each takes as long as a request, and no weight."""
    sent = {"pings": frame(9, b""), "pongs": frame(10, b""), "parts": b"\x00" + frame(0, b"")[1:]}[kind]

    async def scenario() -> None:
        async with serving() as opens:
            client = await websocket(opens)
            client.send(b"\x01" + frame(1, b"")[1:] + sent * (upgrade.MOST_SILENT - 1))
            await asyncio.sleep(0.01)  # or they are read later, with the others, and this proves less
            assert await pinged(opens)
            assert opens.desk.connections, "few are taken"
            client.send(sent * 10_000)
            await opens.until(0)

    run(scenario())


@pytest.mark.parametrize("kind", ["messages", "pings", "parts"])
def test_nobody_has_the_loop_for_long(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """However much comes at once, others have their turn."""
    monkeypatch.setattr(upgrade, "MOST_SILENT", 10**9)
    sent = {"messages": frame(1, b"{}"), "pings": frame(9, b""), "parts": b"\x00" + frame(0, b"")[1:]}[kind]

    async def scenario() -> None:
        async with serving() as opens:
            client = await websocket(opens)
            client.send((b"\x01" + frame(1, b"")[1:] if kind == "parts" else b"") + sent * 40_000)
            longest_s = 0.0
            before_s = time.thread_time()
            until_s = before_s + 0.5
            while before_s < until_s:
                await asyncio.sleep(0)  # a turn of the loop
                longest_s, before_s = max(longest_s, time.thread_time() - before_s), time.thread_time()
            client.writer.transport.abort()
            await opens.until(0)
            assert longest_s < HOG_S

    run(scenario())


def test_who_reads_nothing_has_few_long_answers_waiting() -> None:
    """All the same it is answered in full once it reads."""
    made = 0

    async def scenario() -> None:
        nonlocal made
        async with serving(request_weight_per_minute=0) as opens:
            answer = opens.dialect.handlers["exchange_info"]

            async def counted(call: Call) -> bytes:
                nonlocal made
                made += 1
                return (await answer(call))[:-1] + b',"padding":"%s"}' % (b"x" * LONG)

            opens.dialect.handlers["exchange_info"] = counted
            client = await websocket(opens, FEW)
            for number in range(1000):
                client.send(request(number, "exchangeInfo"))
            await client.writer.drain()
            before = -1
            while not made or before != made:  # until nothing more is made
                before = made
                await asyncio.sleep(0.3)
            assert made < 500, "as many as the kernel takes, and few more"
            found = [(await text(client))["id"] for _ in range(1000)]
            assert sorted(found) == list(range(1000))

    run(scenario())


@pytest.mark.parametrize("opcode", [1, 2])
def test_a_message_that_is_too_large_ends_the_connection(opcode: int) -> None:
    async def scenario() -> None:
        async with serving() as opens:
            client = await websocket(opens)
            client.send(frame(opcode, b"x" * 65536))
            assert (await text(client))["error"]["code"] == -1135
            client.send(frame(opcode, b"x" * 65537))
            async with asyncio.timeout(PATIENCE_S):
                assert (await client.reader.readexactly(4))[2:] == struct.pack(">H", 1009)
            client.writer.close()
            assert await pinged(opens)

    run(scenario())
