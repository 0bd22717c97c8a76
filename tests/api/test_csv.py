"""What is paged for slow readers is what an export of one moment has, line by line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from unittest.mock import patch

import pytest

from lockstep.procs.api import export
from lockstep.procs.api.history import csv, pages
from lockstep.procs.api.history.intervals import time_of
from lockstep.procs.api.history.rows import HistoryUnavailableError
from lockstep.procs.api.history.tables import History
from lockstep.procs.batcher.spool import Spool
from tests.api.test_history import SYMBOL, standing
from tests.batcher.conftest import data, database, server  # noqa: F401
from tests.batcher.events import Stream
from tests.batcher.test_spool import spool_all
from tests.batcher.test_writer import batch_after, session


@pytest.fixture
def stream() -> Stream:
    return Stream(seed=23, day_ns=600_000_000).define().steps(400)


def load(url: str, stream: Stream, folder: Path) -> None:
    spool = Spool(folder)
    spool_all(stream, spool)
    with session(url) as opened:
        opened.write(batch_after(opened, spool))


async def whole(chunks: AsyncIterator[bytes]) -> list[bytes]:
    return b"".join([chunk async for chunk in chunks]).splitlines()


def paged(url: str, question: Callable[[History], AsyncIterator[bytes]]) -> list[bytes]:
    async def asked() -> list[bytes]:
        history = History(url)
        await history.open()
        try:
            return await whole(question(history))
        finally:
            await history.close()

    return asyncio.run(asked())


@pytest.mark.parametrize("page", [1, 7, 1000])
def test_pages_are_the_lines_of_an_export(database: str, stream: Stream, tmp_path: Path, page: int) -> None:  # noqa: F811
    load(database, stream, tmp_path)
    times = [each.trade.time_ns // 1000 for each in standing(stream)]
    since, until = times[20], times[60]
    with patch.object(pages, "MOST_ROWS", page):
        everything = paged(database, lambda history: csv.trades(history, SYMBOL))
        some = paged(database, lambda history: csv.trades(history, SYMBOL, since, until))
        minutes = paged(database, lambda history: csv.candles(history, SYMBOL, "1m"))
        few = paged(database, lambda history: csv.candles(history, SYMBOL, "1s", since, until))
    assert len(everything) == len(times) + 1
    assert everything == asyncio.run(whole(export.trades(database, SYMBOL)))
    span = time_of(since), time_of(until + 1)
    assert some == asyncio.run(whole(export.trades(database, SYMBOL, *span)))
    assert minutes == asyncio.run(whole(export.candles(database, SYMBOL, "1m")))
    assert few == asyncio.run(whole(export.candles(database, SYMBOL, "1s", *span)))


def test_what_is_traded_while_somebody_reads_is_not_run_after(database: str, stream: Stream, tmp_path: Path) -> None:  # noqa: F811
    load(database, stream, tmp_path)
    count = len(standing(stream))

    async def asked() -> None:
        history = History(database)
        await history.open()
        found = []
        async for chunk in csv.trades(history, SYMBOL):
            found += chunk.splitlines()
            stream.steps(20)
            await asyncio.to_thread(load, database, stream, tmp_path)
            assert len(found) < count + 1 + 20
        await history.close()

    with patch.object(pages, "MOST_ROWS", 10):
        asyncio.run(asked())


def test_a_database_that_is_away_is_an_exception(database: str, stream: Stream, tmp_path: Path) -> None:  # noqa: F811
    load(database, stream, tmp_path)
    nowhere = database.replace("host=", "host=%2Fnowhere")
    with pytest.raises(HistoryUnavailableError):
        paged(nowhere, lambda history: csv.trades(history, SYMBOL))
    assert paged(database, lambda history: csv.trades(history, "NONE")) == csv.lines([csv.TRADE_COLUMNS]).splitlines()
    with pytest.raises(KeyError):
        paged(database, lambda history: csv.candles(history, SYMBOL, "2m"))
