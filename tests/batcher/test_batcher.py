"""Exactly once, whatever is killed: the batcher anywhere, PostgreSQL mid-batch; and the rings never wait for either."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg
import pytest

from procs.batcher.batcher import Batcher
from procs.batcher.compare import compare
from procs.batcher.database import Embedded, Remote
from procs.batcher.loader import SpoolGapError
from procs.batcher.spool import Spool
from shm.board import Word
from tests.batcher.events import Stream
from tests.batcher.feed import Feed
from tests.batcher.lossy import LossyProxy
from tests.batcher.test_spool import spool_all

STEPS = 3000
DEADLINE_S = 30.0
NOWHERE = Remote("postgresql://postgres@/lockstep?host=%2Fnonexistent")


def start(folder: Path, where: str, seed: int) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-m", "tests.batcher.crashing", str(folder), where, str(seed), str(STEPS)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    assert process.stdout.readline() == b"started\n"
    return process


def finish(folder: Path, where: str, seed: int) -> None:
    output, _ = start(folder, where, seed).communicate(timeout=DEADLINE_S)
    assert b"done" in output, output.decode()


def test_a_batcher_killed_anywhere_loses_and_doubles_nothing(database: str, tmp_path: Path) -> None:
    seed = 11
    moments = random.Random(seed)
    for _ in range(5):
        process = start(tmp_path, database, seed)
        time.sleep(moments.uniform(0.01, 0.8))  # a random moment of its work, not a wait for anything
        process.kill()
        process.communicate()
    finish(tmp_path, database, seed)
    report = compare(database, Stream(seed).define().steps(STEPS).rings.__getitem__)
    assert report.clean, report


def test_postgresql_killed_mid_batch_is_started_again_and_catches_up(data: Path) -> None:
    server = Embedded(data)
    moments = random.Random(3)
    process = start(data / "spool", f"embedded:{data}", 21)
    try:
        for _ in range(3):
            time.sleep(moments.uniform(0.3, 0.8))  # likewise
            pid_file = server.folder / "postmaster.pid"
            if pid_file.exists():
                os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGKILL)
        output, _ = process.communicate(timeout=DEADLINE_S)
        assert b"done" in output, output.decode()
        server.start()
        report = compare(server.url, Stream(21).define().steps(STEPS).rings.__getitem__)
        assert report.clean, report
    finally:
        process.kill()
        process.communicate()
        server.stop()


def test_a_terminated_connection_is_made_again(database: str, tmp_path: Path) -> None:
    process = start(tmp_path, database, 31)
    with psycopg.connect(database, autocommit=True) as connection:
        while process.poll() is None:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'lockstep batcher' AND datname = current_database()"
            )
            time.sleep(0.3)  # between faults: a session cut off faster than it opens loads nothing
    output, _ = process.communicate()
    assert b"done" in output, output.decode()
    assert compare(database, Stream(31).define().steps(STEPS).rings.__getitem__).clean


def drive(batcher: Batcher, feed: Feed, until: int) -> None:
    """Poll until everything is in the rings, and then until the database has everything up to `until`."""

    async def run() -> None:
        await batcher.start()
        deadline = time.monotonic() + DEADLINE_S
        try:
            whole = False
            while not whole or feed.board.get(Word.DATABASE_SEQ) < until:
                assert time.monotonic() < deadline
                whole = feed.publish(feed.stream.seq)
                feed.commit(feed.stream.seq)
                batcher.poll(time.monotonic_ns())
                await asyncio.sleep(0.001)
        finally:
            await batcher.stop()

    asyncio.run(run())


def test_an_unknown_outcome_of_a_commit_is_found_out(server: Embedded, database: str, data: Path) -> None:
    stream = Stream(41).define().steps(500)
    feed = Feed(stream)
    losing = asyncio.new_event_loop()
    proxy = LossyProxy(data, server.folder, losses=4)
    losing.run_until_complete(proxy.start())
    thread = threading.Thread(target=losing.run_forever, daemon=True)
    thread.start()
    try:
        batcher = Batcher(feed.board, feed.consumers, data / "spool", Remote(proxy.url(database)), 100)
        drive(batcher, feed, until=stream.seq)
    finally:
        losing.call_soon_threadsafe(losing.stop)
        thread.join()
        losing.run_until_complete(proxy.stop())
        losing.close()
    assert proxy.losses == 0
    assert compare(database, stream.rings.__getitem__).clean


def test_rings_drain_while_the_database_is_away(database: str, tmp_path: Path) -> None:
    stream = Stream().define().steps(1000)
    feed = Feed(stream, slots=64)
    away = Batcher(feed.board, feed.consumers, tmp_path, NOWHERE, 1000)
    drive(away, feed, until=0)
    assert feed.board.get(Word.SPOOLED) > 0
    assert sum(away.spool.numbers) == sum(map(len, stream.rings.values()))
    del away

    feed = Feed(stream, slots=64)
    drive(Batcher(feed.board, feed.consumers, tmp_path, Remote(database), 1000), feed, until=stream.seq)
    assert feed.board.get(Word.SPOOLED) == 0
    assert compare(database, stream.rings.__getitem__).clean


def test_a_lost_database_is_filled_anew_after_a_restart(database: str, tmp_path: Path) -> None:
    stream = Stream().define().steps(400)
    spool = Spool(tmp_path, 16_384)
    spool_all(stream, spool)
    spool.discard(spool.segments[2][0])
    del spool

    feed = Feed(stream)
    with pytest.raises(SpoolGapError):
        drive(Batcher(feed.board, feed.consumers, tmp_path, Remote(database), 1000), feed, until=stream.seq)

    feed = Feed(stream)
    drive(Batcher(feed.board, feed.consumers, tmp_path, Remote(database), 1000), feed, until=stream.seq)
    assert compare(database, stream.rings.__getitem__).clean
