"""What row `fanout` compares with: `websockets.broadcast` on uvloop, telling the same strings at the same pace.

    python -m bench.broadcast COMMANDS APART_MS

It says its port. For each line of its input it sends both strings to all connections COMMANDS times, APART_MS apart (0:
as fast as it goes), and says `done`. It ends with its input.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

STRINGS = (
    (
        '{"e":"trade","E":1700000000006,"s":"BENCH","t":1000006,"p":"100.00000000","q":"1.00000000",'
        '"T":1700000000006,"m":false,"M":true}'
    ),
    '{"u":1000006,"s":"BENCH","b":"0.00000000","B":"0.00000000","a":"100.00000000","A":"999000.00000000"}',
)


async def _stay(connection: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for _ in connection:
            pass


async def main() -> None:
    """Serve, and tell when told to."""
    commands, apart_s = int(sys.argv[1]), float(sys.argv[2]) / 1000
    loop = asyncio.get_running_loop()
    async with serve(_stay, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        while await loop.run_in_executor(None, sys.stdin.readline):
            due_s = loop.time()
            for _ in range(commands):
                due_s += apart_s
                await asyncio.sleep(max(0.0, due_s - loop.time()))
                for string in STRINGS:
                    broadcast(server.connections, string)
            await asyncio.sleep(0.1)
            print("done", flush=True)


if __name__ == "__main__":
    uvloop.run(main())
