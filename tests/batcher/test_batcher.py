"""Exactly once, whatever is killed: the batcher anywhere, PostgreSQL mid-batch; and the rings never wait for either."""

from __future__ import annotations

import asyncio
import contextlib
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

from lockstep.core.schema.records import SnapshotTaken
from lockstep.core.venue.snapshot_parts import Kept, Start
from lockstep.procs.batcher.batcher import Batcher, Place
from lockstep.procs.batcher.compare import compare
from lockstep.procs.batcher.database import Embedded, Remote
from lockstep.procs.batcher.loader import Loading
from lockstep.procs.batcher.spool import Spool
from lockstep.shm.board import Word
from tests.batcher.events import BORN_NS, Stream
from tests.batcher.feed import Feed, no_journal
from tests.batcher.lossy import LossyProxy
from tests.batcher.test_spool import numbers_of, spool_all
from tests.batcher.test_writer import batch_after, session
from tests.prepared_database import prepare

STEPS = 2000
DEADLINE_S = 120.0
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


def kill(server: Embedded, batcher: subprocess.Popen[bytes]) -> None:
    """Kill PostgreSQL, once it runs: one that was killed before is being started again."""
    while batcher.poll() is None:
        with contextlib.suppress(FileNotFoundError, IndexError, ProcessLookupError):
            os.kill(int((server.folder / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
            return
        time.sleep(0.05)  # another program starts it


def test_a_batcher_killed_anywhere_loses_and_doubles_nothing(database: str, tmp_path: Path) -> None:
    seed = 11
    moments = random.Random(seed)
    for _ in range(4):
        process = start(tmp_path, database, seed)
        time.sleep(moments.uniform(0.01, 0.8))  # a random moment of its work, not a wait for anything
        process.kill()
        process.communicate()
    finish(tmp_path, database, seed)
    stream = Stream(seed).define().steps(STEPS)
    report = compare(database, stream.rings.__getitem__, stream.commands)
    assert report.clean, report


def test_postgresql_killed_mid_batch_is_started_again_and_catches_up(data: Path) -> None:
    prepare(data)
    server = Embedded(data)
    moments = random.Random(3)
    process = start(data / "spool", f"embedded:{data}", 21)
    try:
        for _ in range(3):
            time.sleep(moments.uniform(0.3, 0.8))  # likewise
            kill(server, process)
        output, _ = process.communicate(timeout=DEADLINE_S)
        assert b"done" in output, output.decode()
        server.start()
        stream = Stream(21).define().steps(STEPS)
        report = compare(server.url, stream.rings.__getitem__, stream.commands)
        assert report.clean, report
    finally:
        process.kill()
        process.communicate()
        server.stop()


def test_a_terminated_connection_is_made_again(database: str, tmp_path: Path) -> None:
    process = start(tmp_path, database, 31)
    moments = random.Random(4)
    had = 0
    with psycopg.connect(database, autocommit=True) as connection:
        while process.poll() is None:
            row = connection.execute("SELECT complete_seq FROM writer").fetchone()
            if row is None or row[0] == had:
                time.sleep(0.01)  # a session that is cut off faster than it opens loads nothing
                continue
            had = row[0]
            time.sleep(moments.uniform(0, 0.2))  # somewhere in what follows
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'lockstep batcher' AND datname = current_database()"
            )
    output, _ = process.communicate()
    assert had, "no session was cut off"
    assert b"done" in output, output.decode()
    stream = Stream(31).define().steps(STEPS)
    assert compare(database, stream.rings.__getitem__, stream.commands).clean


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
        batcher = Batcher(
            feed.board, feed.consumers, data / "spool", Loading(Remote(proxy.url(database)), 100, no_journal)
        )
        drive(batcher, feed, until=stream.seq)
    finally:
        losing.call_soon_threadsafe(losing.stop)
        thread.join()
        losing.run_until_complete(proxy.stop())
        losing.close()
    assert proxy.losses == 0
    assert compare(database, stream.rings.__getitem__, stream.commands).clean


def test_rings_drain_while_the_database_is_away(database: str, tmp_path: Path) -> None:
    stream = Stream().define().steps(1000)
    feed = Feed(stream, slots=64)
    away = Batcher(feed.board, feed.consumers, tmp_path, Loading(NOWHERE, 1000, no_journal))
    drive(away, feed, until=0)
    assert feed.board.get(Word.SPOOLED) > 0
    assert sum(away.spool.numbers) == sum(map(len, stream.rings.values()))
    del away

    feed = Feed(stream, slots=64)
    drive(
        Batcher(feed.board, feed.consumers, tmp_path, Loading(Remote(database), 1000, no_journal)),
        feed,
        until=stream.seq,
    )
    assert feed.board.get(Word.SPOOLED) == 0
    assert compare(database, stream.rings.__getitem__, stream.commands).clean


def test_rows_wait_for_the_lease(database: str, tmp_path: Path) -> None:
    """LOG-13: another node may lead, and what this one has committed alone may come to nothing."""
    stream = Stream().define().steps(200)
    feed = Feed(stream)
    drive(Batcher(feed.board, feed.consumers, tmp_path, Loading(NOWHERE, 1000, no_journal)), feed, until=0)
    feed = Feed(stream)
    feed.board.set(Word.LEASE_UNTIL, 1)
    batcher = Batcher(feed.board, feed.consumers, tmp_path, Loading(Remote(database), 1000, no_journal))
    loader, may_write, looks = batcher._loader, batcher._loader.may_write, []
    loader.may_write = lambda: looks.append(may_write()) or looks[-1]  # type: ignore[func-returns-value]

    async def scenario() -> None:
        await batcher.start()
        with psycopg.connect(database, autocommit=True) as connection:
            while len(looks) < 3 and not loader.rows:
                await asyncio.sleep(0.001)
            assert not any(looks)
            assert connection.execute("SELECT complete_seq FROM writer").fetchone() == (0,)
            feed.board.set(Word.LEASE_UNTIL, 0)
            while connection.execute("SELECT complete_seq FROM writer").fetchone() != (stream.seq,):
                await asyncio.sleep(0.001)
        await batcher.stop()

    asyncio.run(asyncio.wait_for(scenario(), DEADLINE_S))


def cut_spool(stream: Stream, folder: Path) -> None:
    """A spool whose first two segments are gone."""
    spool = Spool(folder, 16_384)
    spool_all(stream, spool)
    spool.discard(spool.segments[2][0])


def test_what_an_emptied_database_misses_before_the_spool_is_filled_from_elsewhere(
    database: str, tmp_path: Path
) -> None:
    stream = Stream().define().steps(400)
    cut_spool(stream, tmp_path / "spool")
    asked: list[int] = []

    def fill(epoch: int, _born_ns: int, _stopping: threading.Event) -> None:
        asked.append(epoch)
        whole = Spool(tmp_path / "whole")
        spool_all(stream, whole)
        with session(database, epoch, whole.born_ns) as opened:
            opened.write(batch_after(opened, whole))

    feed = Feed(stream)
    drive(
        Batcher(feed.board, feed.consumers, tmp_path / "spool", Loading(Remote(database), 1000, fill)),
        feed,
        until=stream.seq,
    )
    assert asked == [1]
    assert compare(database, stream.rings.__getitem__, stream.commands).clean


def test_a_gap_that_nothing_fills_costs_lag_only_and_is_closed_by_a_restored_database(
    database: str, tmp_path: Path
) -> None:
    stream = Stream().define().steps(400)
    cut_spool(stream, tmp_path / "spool")
    refusals = threading.Semaphore(0)

    def fill(epoch: int, born_ns: int, stopping: threading.Event) -> None:
        refusals.release()
        no_journal(epoch, born_ns, stopping)

    feed = Feed(stream, slots=64)
    batcher = Batcher(feed.board, feed.consumers, tmp_path / "spool", Loading(Remote(database), 1000, fill))
    drive(batcher, feed, until=0)
    assert refusals.acquire(timeout=DEADLINE_S)
    assert batcher.spool.complete_seq == stream.seq
    whole = Spool(tmp_path / "whole")
    spool_all(stream, whole)
    with session(database, 1, whole.born_ns) as opened:
        opened.write(batch_after(opened, whole))
    feed = Feed(stream)
    again = Batcher(feed.board, feed.consumers, tmp_path / "spool", Loading(Remote(database), 1000, no_journal))
    drive(again, feed, until=stream.seq)
    assert compare(database, stream.rings.__getitem__, stream.commands).clean


def test_a_spool_that_does_not_reach_to_a_mark_begins_anew_there(database: str, tmp_path: Path) -> None:
    stream = Stream().define().steps(200)
    whole = Spool(tmp_path / "whole")
    spool_all(stream, whole)
    numbers = [*map(len, stream.rings.values()), *[0] * 7]
    parts = Kept(Start(seq=stream.seq))
    parts.save(stream.seq, "batcher", lambda out: out.object(whole.born_ns))
    with session(database, 1, whole.born_ns) as opened:
        opened.write(batch_after(opened, whole))
    short = Spool(tmp_path / "spool")
    spool_all(Stream().define().steps(30), short)
    del short
    stream.steps(50)
    feed = Feed(stream, numbers=numbers)
    batcher = Batcher(feed.board, feed.consumers, tmp_path / "spool", Loading(Remote(database), 1000, no_journal))
    part = parts.load("batcher")
    assert part is not None
    batcher.load(part)
    drive(batcher, feed, until=stream.seq)
    assert batcher.spool.first_numbers() == numbers
    assert compare(database, stream.rings.__getitem__, stream.commands).clean


def test_the_part_of_another_journal_is_refused(tmp_path: Path) -> None:
    spool_all(Stream().define(), Spool(tmp_path))
    feed = Feed(Stream().define())
    parts = Kept()
    parts.save(0, "batcher", lambda out: out.object(BORN_NS))
    part = parts.load("batcher")
    assert part is not None
    with pytest.raises(ValueError, match="another journal"):
        Batcher(feed.board, feed.consumers, tmp_path, Loading(NOWHERE, 1000, no_journal)).load(part)


def test_a_part_is_saved_when_all_before_the_mark_is_in_the_spool(tmp_path: Path) -> None:
    stream = Stream().define().steps(100)
    mark = stream.command()
    count = len(stream.rings[1])
    stream.emit(0, SnapshotTaken, event_numbers=(count, *[0] * 7))
    stream.steps(20)
    feed = Feed(stream, slots=64)
    feed.board.set(Word.SNAPSHOT_SEQ, mark)
    parts = Kept(Start(seq=mark))
    batcher = Batcher(feed.board, feed.consumers, tmp_path, Loading(NOWHERE, 1000, no_journal), Place(snapshots=parts))
    work = 1
    while work:
        work = 0 if feed.publish(stream.seq) else 1
        feed.release_published()
        work += batcher.poll(10**9)
        assert parts.agents(mark) == set() or batcher.spool.numbers[1] >= count
    assert parts.agents(mark) == {"batcher"}
    assert batcher.spool.complete_seq == stream.seq


def test_rings_of_another_generation_are_skipped_as_far_as_the_spool_has_them(tmp_path: Path) -> None:
    stream = Stream().define().steps(50)
    behind = [*map(len, stream.rings.values()), *[0] * 7]
    stream.steps(50)
    feed = Feed(stream, slots=1024)
    batcher = Batcher(feed.board, feed.consumers, tmp_path, Loading(NOWHERE, 1000, no_journal))
    feed.publish(stream.seq)
    feed.commit(stream.seq)
    while batcher.poll(10**9):
        pass
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    again = Feed(stream, slots=1024, numbers=behind)
    batcher.attach(again.consumers, again.board)
    again.publish(stream.seq)
    again.commit(stream.seq)
    assert sum(iter(lambda: batcher.poll(2 * 10**9), 0)) == sum(map(len, stream.rings.values())) - sum(behind)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == size
    assert batcher.spool.numbers == numbers_of(stream)
