"""A proxy before PostgreSQL that loses answers to COMMIT: the client can't know whether its transaction took place."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import quote

SOCKET = ".s.PGSQL.5432"
COMMITTED = b"C\0\0\0\x0bCOMMIT\0"


class LossyProxy:
    """Listens in `folder`; instead of each of the first `losses` answers to a COMMIT, both connections end."""

    def __init__(self, folder: Path, server_folder: Path, losses: int) -> None:
        self._folder = folder
        self._target = server_folder / SOCKET
        self.losses = losses

    def url(self, url: str) -> str:
        return f"{url.partition('?')[0]}?host={quote(str(self._folder), safe='')}"

    async def start(self) -> asyncio.Server:
        return await asyncio.start_unix_server(self._serve, self._folder / SOCKET)

    async def stop(self) -> None:
        """End what still serves a connection, in the loop that it serves in."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_unix_connection(self._target)
        to_server = asyncio.create_task(self._pass(reader, server_writer, lossy=False))
        try:
            await self._pass(server_reader, writer, lossy=True)
        finally:
            to_server.cancel()
            server_writer.close()
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, lossy: bool) -> None:
        while data := await reader.read(65536):
            if lossy and self.losses and COMMITTED in data:
                self.losses -= 1
                return
            writer.write(data)
            await writer.drain()
