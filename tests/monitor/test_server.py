"""The HTTP server of metrics and health, and the clients of a port: scrapers, balancers, browsers, and abuse."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from lockstep.config.schema import MetricsSection
from lockstep.core.edge.listening import AddressError
from lockstep.procs.monitor import server as module
from lockstep.procs.monitor.server import Answer, Server

PATIENCE_S = 60.0
BIG = b"x" * (64 << 20)  # more than both ends' buffers
FLOOD = 4_000


def broken() -> Answer:
    raise LookupError("no such thing")


PAGES = {
    "/metrics": lambda: Answer(200, b"lockstep_running 1\n", "text/plain; version=0.0.4"),
    "/health/ready": lambda: Answer(503, b"no gateway takes connections\n"),
    "/big": lambda: Answer(200, BIG),
    "/broken": broken,
}


@contextlib.asynccontextmanager
async def serving(*host_names: str) -> AsyncIterator[Server]:
    server = Server(MetricsSection(port=0, host_names=list(host_names)), PAGES)
    await server.open()
    try:
        yield server
    finally:
        server.close()
        assert server.failure is not None
        if server.failure.done():
            server.failure.exception()


async def exchange(server: Server, request: bytes) -> bytes:
    """All that is answered to `request` until the server closes."""
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
    return answer


def ask(*requests: bytes, host_names: tuple[str, ...] = ()) -> list[tuple[int, bytes]]:
    """Status and body of the answer to each request, each on a connection of its own."""

    async def scenario() -> list[tuple[int, bytes]]:
        found = []
        async with serving(*host_names) as server:
            for request in requests:
                head, _, body = (await exchange(server, request)).partition(b"\r\n\r\n")
                found.append((int(head.split()[1]), body))
        return found

    return asyncio.run(scenario())


def get(path: bytes = b"/metrics", host: bytes = b"127.0.0.1:9879", method: bytes = b"GET") -> bytes:
    return b"%s %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (method, path, host)


def test_a_page_is_served_with_its_type_and_length() -> None:
    async def scenario() -> bytes:
        async with serving() as server:
            return await exchange(server, get(b"/metrics?x=1"))

    head, _, body = asyncio.run(scenario()).partition(b"\r\n\r\n")
    assert body == b"lockstep_running 1\n"
    lines = [line.lower() for line in head.split(b"\r\n")]
    assert lines[0].startswith(b"http/1.1 200")
    assert {b"content-type: text/plain; version=0.0.4", b"content-length: 19", b"connection: close"} <= set(lines)


def test_head_answers_as_get_but_for_the_body() -> None:
    assert ask(get(method=b"HEAD"), get(b"/health/ready", method=b"HEAD")) == [(200, b""), (503, b"")]


def test_other_methods_and_paths_are_refused() -> None:
    post = b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc"
    paths = [b"/", b"/metrics/", b"/health", b"/../etc/passwd", b"*", b"http://evil.example/metrics"]
    found = ask(post, get(method=b"DELETE"), *(get(path) for path in paths))
    assert [status for status, _ in found] == [405, 405, *[404] * len(paths)]
    assert found[2][1].startswith(b"served are /metrics, /health/ready")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n" * 2, 400),  # TLS
        (b"8=FIX.4.4\x019=5\x0135=0\x01\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 20_000 + b"\r\n", 431),
        (b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ],
    ids=["tls", "fix", "no host", "two hosts", "too long", "not ascii"],
)
def test_what_is_no_request_is_told_so(request_: bytes, status: int) -> None:
    assert [found for found, _ in ask(request_)] == [status]


def test_a_request_that_comes_byte_by_byte_is_answered() -> None:
    async def scenario() -> bytes:
        async with serving() as server, asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            for byte in get():
                writer.write(bytes([byte]))
                await asyncio.sleep(0)
            return await reader.read()

    assert asyncio.run(scenario()).endswith(b"lockstep_running 1\n")


def test_only_addresses_and_known_names_are_hosts() -> None:
    """A page that makes a browser ask 127.0.0.1 by a name of its own gets nothing (DNS rebinding)."""
    good = [
        b"127.0.0.1",
        b"192.0.2.7:9879",
        b"[::1]:9879",
        b"[::1]",
        b"localhost:1",
        b"LocalHost",
        b"node.example:9879",
    ]
    bad = [
        b"evil.example",
        b"evil.example:9879",
        b"127.0.0.1.evil.example",
        b"localhost.evil.example",
        b"0x7f.1",
        b"[::1",
    ]
    found = ask(*(get(host=host) for host in [*good, *bad]), host_names=("node.example",))
    assert [status for status, _ in found] == [200] * len(good) + [421] * len(bad)
    assert ask(b"GET /metrics HTTP/1.0\r\n\r\n")[0][0] == 200  # as a balancer checks; a browser always sends its Host


def test_a_bug_of_a_page_is_answered_and_ends_the_process() -> None:
    async def scenario() -> tuple[bytes, BaseException | None]:
        async with serving() as server:
            answer = await exchange(server, get(b"/broken"))
            assert server.failure is not None
            return answer, server.failure.exception()

    answer, failure = asyncio.run(scenario())
    assert b" 500 " in answer.split(b"\r\n")[0]
    assert isinstance(failure, LookupError)


def test_whoever_sends_or_reads_too_slowly_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXCHANGE_S", 0.3)

    async def scenario() -> None:
        async with serving() as server, asyncio.timeout(PATIENCE_S):
            slow, _ = await asyncio.open_connection("127.0.0.1", server.port)
            begun, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(get()[:20])
            deaf = socket.create_connection(("127.0.0.1", server.port))
            deaf.sendall(get(b"/big"))
            assert [await slow.read(), await begun.read()] == [b"", b""]
            while len(server.admission):
                await asyncio.sleep(0.01)  # for the one that reads nothing: it is at the server's end that it shows
            deaf.close()

    asyncio.run(scenario())


@pytest.fixture
def many_files() -> Iterator[int]:
    """As many open files as this user may have; how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 2 * FLOOD + 1000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    yield wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_flood_of_silent_connections_keeps_nobody_from_an_answer(many_files: int) -> None:
    flood = min(FLOOD, many_files - 1000)

    async def scenario() -> None:
        async with serving() as server, asyncio.timeout(60):
            loop, silent = asyncio.get_running_loop(), []
            for number in range(flood):
                connection = socket.socket()
                connection.setblocking(False)
                silent.append(connection)
                await loop.sock_connect(connection, ("127.0.0.1", server.port))
                if number % 1000 == 999:
                    assert (await exchange(server, get())).endswith(b"lockstep_running 1\n")
            await exchange(server, get())
            async with asyncio.timeout(PATIENCE_S):
                while len(server.admission) != module.MAX_CONNECTIONS - 1:  # one has been answered, and left
                    await asyncio.sleep(0)
            for connection in silent:
                connection.close()

    asyncio.run(scenario())


def test_an_address_that_is_taken_is_named_with_its_keys() -> None:
    async def scenario() -> None:
        async with serving() as server:
            with pytest.raises(AddressError, match=rf"metrics.address 127.0.0.1, metrics.port {server.port}: address"):
                await Server(MetricsSection(port=server.port), PAGES).open()

    asyncio.run(scenario())
