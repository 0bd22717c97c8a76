"""A database that is away is told to each client, and to the log now and then."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from pathlib import Path

import psycopg
import pytest

from lockstep.core.edge.shares import client_address
from lockstep.procs.api.errors import DeclinedError
from lockstep.procs.api.history.rows import Read, Watermark
from lockstep.procs.api.history.tables import POOL_SIZE, WAIT_S, History
from lockstep.procs.api.read.past import QUIET_S, Past
from lockstep.procs.batcher.spool import Spool
from tests.api.test_archive import load
from tests.batcher.conftest import data, database, server  # noqa: F401
from tests.batcher.events import Stream


def test_the_log_has_one_line_in_ten_seconds_with_how_many_were_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    now_s = 0.0

    async def asked() -> None:
        nonlocal now_s
        past = Past(History("postgresql://127.0.0.1:1/none"), lambda: now_s)

        async def ask(client: int = 0) -> None:
            client_address.set(f"192.0.2.{client}")
            with pytest.raises(DeclinedError, match="history is away"):
                await past.ask(lambda history: history.trades("BTCUSDT"))

        await asyncio.gather(*map(ask, range(30)))
        now_s = QUIET_S - 0.1
        await ask()
        now_s = QUIET_S
        await asyncio.gather(*map(ask, range(5)))
        await past.close()

    asyncio.run(asked())
    written = capsys.readouterr()
    lines = [json.loads(line) for line in (written.out + written.err).splitlines() if "history_unavailable" in line]
    assert [line["left_out"] for line in lines] == [0, 30]


def test_one_address_leaves_connections_to_others() -> None:
    """It has half of them at most, an IPv6 network counts as one, and what waits too long is refused."""
    under_way: dict[str, int] = {}
    most: dict[str, int] = {}

    async def asked() -> None:
        past = Past(History("postgresql://127.0.0.1:1/none"))
        done = asyncio.Event()

        async def ask(address: str, party: str) -> None:
            client_address.set(address)

            async def answer(_: History) -> Read[None]:
                under_way[party] = under_way.get(party, 0) + 1
                most[party] = max(most.get(party, 0), under_way[party])
                await done.wait()
                under_way[party] -= 1
                return Read([], Watermark(0, (), 0))

            await past.ask(answer)

        many = [asyncio.create_task(ask(f"2001:db8::{number:x}", "greedy")) for number in range(1, 51)]
        few = [asyncio.create_task(ask("192.0.2.1", "other")) for _ in range(2)]
        async with asyncio.timeout(20):
            while under_way.get("other", 0) < 2:
                await asyncio.sleep(0)
        assert most == {"greedy": POOL_SIZE // 2, "other": 2}
        refused = await asyncio.gather(*many[POOL_SIZE // 2 :], return_exceptions=True)
        assert {str(error) for error in refused} == {str(refused[0])}
        assert "too many questions of this address" in str(refused[0])
        done.set()
        await asyncio.gather(*many[: POOL_SIZE // 2], *few)
        assert len(past._shares) == 0
        await past.close()

    began_s = time.monotonic()
    asyncio.run(asked())
    assert time.monotonic() - began_s >= WAIT_S


def test_a_database_that_hangs_is_given_up_and_asked_again(database: str, tmp_path: Path) -> None:  # noqa: F811
    """Its processes are stopped: connections stay, no statement ends by itself, and none can be cancelled."""
    load(database, Stream().define(), Spool(tmp_path))

    async def asked() -> None:
        history = History(database, size=2, statement_ms=500)
        past = Past(history)
        await past.ask(lambda history: history.watermark())
        backends = backends_of(database)
        assert backends
        for backend in backends:
            os.kill(backend, signal.SIGSTOP)
        try:
            for _ in range(2):
                began_s = time.monotonic()
                with pytest.raises(DeclinedError, match="history is away"):
                    await past.ask(lambda history: history.watermark())
                assert time.monotonic() - began_s < history.patience_s + 1
        finally:
            for backend in backends:
                os.kill(backend, signal.SIGCONT)
        await past.ask(lambda history: history.watermark())
        async with asyncio.timeout(10):
            while past._asked:
                await asyncio.sleep(0.01)
        await past.close()

    asyncio.run(asked())


def backends_of(url: str) -> list[int]:
    """The server's processes that answer history's questions to this database."""
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"
    with psycopg.connect(url, autocommit=True) as connection:
        return [pid for (pid,) in connection.execute(query, ["lockstep history"])]
