"""Downloads over a real socket: few at once, none that ends early looks whole, and who does not read is cut off."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvicorn
from litestar import Litestar, Request, Response, get

from lockstep.procs.api.history.rows import HistoryUnavailableError
from lockstep.procs.api.limits import WeightLimit
from lockstep.procs.api.v1.downloads import MOST, MOST_OF_ADDRESS, WEIGHT, Downloads
from lockstep.procs.api.v1.problems import answer
from tests.ports import free_port

PATIENCE_S = 20.0
PAGE = b"x" * 65536


class Venue:
    """An application that answers with what `chunks` makes, and its downloads."""

    def __init__(
        self, chunks: Callable[[], AsyncIterator[bytes]], longest_s: float = 60.0, weight: int = 10**6
    ) -> None:
        self.port = free_port()
        self.clock = 0.0
        self.downloads = Downloads(WeightLimit(weight), lambda: self.clock, longest_s)

        @get("/file")
        async def file(request: Request[Any, Any, Any]) -> Response[Any]:
            return await self.downloads.begin(request.headers.get("x-address", "one"), chunks(), "file.csv")

        app = Litestar([file], exception_handlers={Exception: answer}, openapi_config=None, logging_config=None)
        self._server = uvicorn.Server(uvicorn.Config(app, port=self.port, log_config=None, lifespan="off"))

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Venue]:
        task = asyncio.ensure_future(self._server.serve())
        async with asyncio.timeout(PATIENCE_S):
            while not self._server.started:
                await asyncio.sleep(0.01)  # uvicorn tells nobody
        try:
            yield self
        finally:
            self._server.should_exit = self._server.force_exit = True
            await task

    async def ask(self, address: str = "one") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1024)
        writer.write(f"GET /file HTTP/1.1\r\nhost: a\r\nx-address: {address}\r\n\r\n".encode())
        return reader, writer

    async def whole(self, address: str = "one") -> bytes:
        """All that is answered until the connection ends, or the answer does."""
        reader, writer = await self.ask(address)
        found = bytearray()
        async with asyncio.timeout(PATIENCE_S):
            while not found.endswith(b"\r\n0\r\n\r\n") and (data := await reader.read(65536)):
                found += data
                if b"content-length" in found and found.endswith(b"}"):
                    break
        writer.close()
        return bytes(found)

    async def emptied(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.downloads):
                await asyncio.sleep(0.01)  # a download that ends tells its own client alone


def run(venue: Venue, question: Callable[[Venue], Any]) -> None:
    async def asked() -> None:
        async with venue.serving():
            await question(venue)

    asyncio.run(asked())


async def few() -> AsyncIterator[bytes]:
    for part in (b"a,b\n", b"1,2\n", b"3,4\n"):
        yield part


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield PAGE


def test_a_file_comes_whole_and_gives_its_place_back() -> None:
    async def question(venue: Venue) -> None:
        found = await venue.whole()
        assert found.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b'content-disposition: attachment; filename="file.csv"' in found
        assert found.endswith(b"4\r\na,b\n\r\n4\r\n1,2\n\r\n4\r\n3,4\n\r\n0\r\n\r\n")
        await venue.emptied()

    run(Venue(few), question)


@pytest.mark.parametrize(("good", "status"), [(0, b"503"), (1, b"503"), (2, b"200"), (5, b"200")])
def test_what_ends_early_does_not_look_whole(good: int, status: bytes) -> None:
    """What goes wrong before the answer has begun is a problem; later the connection ends in the middle of it."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(good):
            yield b"1,2\n"
        raise HistoryUnavailableError("away")

    async def question(venue: Venue) -> None:
        found = await venue.whole()
        assert found.startswith(b"HTTP/1.1 " + status)
        assert not found.endswith(b"0\r\n\r\n")
        assert (b'"code":"AWAY"' in found) == (status == b"503")
        await venue.emptied()

    run(Venue(chunks), question)


def test_an_address_has_few_at_once_and_all_have_not_many() -> None:
    async def question(venue: Venue) -> None:
        held = [await venue.ask() for _ in range(MOST_OF_ADDRESS)]
        for reader, _ in held:
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        assert (await venue.whole()).startswith(b"HTTP/1.1 429")
        others = [await venue.ask(f"address {n}") for n in range(MOST - MOST_OF_ADDRESS)]
        for reader, _ in others:
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        assert b'"code":"BUSY"' in await venue.whole("another")
        assert len(venue.downloads) == MOST
        for _, writer in (*held, *others):
            writer.transport.abort()
        await venue.emptied()
        reader, writer = await venue.ask()
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.transport.abort()

    run(Venue(endless), question)


def test_who_reads_too_slowly_is_cut_off() -> None:
    async def question(venue: Venue) -> None:
        reader, writer = await venue.ask()
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        await venue.emptied()
        writer.transport.abort()

    run(Venue(endless, longest_s=0.3), question)


def test_a_download_has_its_weight() -> None:
    async def question(venue: Venue) -> None:
        for _ in range(2):
            assert (await venue.whole()).startswith(b"HTTP/1.1 200")
        assert (await venue.whole()).startswith(b"HTTP/1.1 429")
        venue.clock = 61.0
        assert (await venue.whole()).startswith(b"HTTP/1.1 200")

    run(Venue(few, weight=2 * WEIGHT), question)
