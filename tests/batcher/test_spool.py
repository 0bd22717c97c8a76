"""The spool: what is released is kept once, in order, whatever is cut off its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockstep.core.schema.records import CancelReason, Corrected, ExtListNameEvent, InstrumentDefined
from lockstep.procs.batcher.extent import extent, note_loaded
from lockstep.procs.batcher.reader import Reader
from lockstep.procs.batcher.rows import Batch
from lockstep.procs.batcher.spool import Spool
from lockstep.procs.batcher.spool_writer import SpoolWriter
from lockstep.shm.board import Word
from tests.batcher.events import BTCUSDT, TERMS, Stream
from tests.batcher.feed import Feed
from tests.event_feed import cause_of

NOTHING = [0] * 9


def spool_all(stream: Stream, spool: Spool, slots: int = 256) -> Feed:
    feed = Feed(stream, slots)
    spooler = SpoolWriter(feed.board, feed.consumers, spool)
    while not feed.publish(stream.seq):
        # Causes do not decrease, so what is in the rings may be released although the rest is still to come.
        feed.release_published()
        spooler.poll(0)
    feed.commit(stream.seq)
    now_ns = 10**9
    while spooler.poll(now_ns):
        now_ns += 10**9
    return feed


def numbers_of(stream: Stream) -> list[int]:
    return [len(stream.rings[0]), len(stream.rings[1]), *[0] * 7]


def read(spool: Spool) -> Batch:
    batch = Batch(100_000)
    batch.begin(NOTHING, 0)
    Reader(spool).fill(batch)
    return batch


def test_everything_released_reaches_the_spool_and_the_reader(tmp_path: Path) -> None:
    stream = Stream().define().steps(300)
    spool = Spool(tmp_path)
    spool_all(stream, spool, slots=64)
    assert spool.numbers == numbers_of(stream)
    batch = read(spool)
    assert batch.numbers == numbers_of(stream)
    assert batch.complete_seq == stream.seq


def test_nothing_beyond_commit_is_spooled(tmp_path: Path) -> None:
    """LOG-13: nothing leaves before its cause is committed."""
    stream = Stream().define().steps(20)
    feed = Feed(stream, slots=512)
    spooler = SpoolWriter(feed.board, feed.consumers, Spool(tmp_path))
    feed.publish(stream.seq)
    assert spooler.poll(0) == 0
    for seq in range(1, stream.seq + 1):
        feed.commit(seq)
        while spooler.poll(0):
            pass
        expected = [sum(cause_of(record) <= seq for record in stream.rings[ring]) for ring in range(2)]
        assert spooler.spool.numbers[:2] == expected


def test_a_matcher_that_lags_holds_back_completeness_but_not_events(tmp_path: Path) -> None:
    stream = Stream(seed=2).define().steps(20)
    assert not any(isinstance(event, Corrected) for event in stream.events[0]), "a correction waits for its trade"
    feed = Feed(stream, slots=512)
    spool = Spool(tmp_path)
    spooler = SpoolWriter(feed.board, feed.consumers, spool)
    feed.publish(stream.seq)
    feed.commit(stream.seq)
    feed.board.set(Word.MATCHER_DONE, 10)
    while spooler.poll(0):
        pass
    assert spool.numbers == numbers_of(stream)
    assert spool.complete_seq == cause_of(stream.rings[1][-1]) - 1, "it may have more to say"
    feed.commit(stream.seq)
    spooler.poll(10**9)
    assert spool.complete_seq == stream.seq


def test_a_credential_and_its_account_stay_in_one_frame(tmp_path: Path) -> None:
    stream = Stream().define()
    feed = Feed(stream, slots=512)
    spooler = SpoolWriter(feed.board, feed.consumers, Spool(tmp_path))
    credential = next(i for i, event in enumerate(stream.events[0]) if type(event).__name__ == "ExtCredentialEvent")
    producer = feed.consumers[0].ring.producer()
    for record in stream.rings[0][: credential + 1]:
        producer.put(record)
    feed.commit(stream.seq)
    spooler.poll(0)
    assert spooler.spool.numbers[0] == credential
    producer.put(stream.rings[0][credential + 1])
    spooler.poll(0)
    assert spooler.spool.numbers[0] == credential + 2


def test_all_extensions_and_their_event_stay_in_one_frame(tmp_path: Path) -> None:
    stream = Stream().define()
    stream.emit(1, ExtListNameEvent, instrument=BTCUSDT, name=b"its name")
    stream.order(has_terms=True)
    kinds = [type(event).__name__ for event in stream.events[1]]
    feed = Feed(stream, slots=512)
    spooler = SpoolWriter(feed.board, feed.consumers, Spool(tmp_path))
    first, producer = (feed.consumers[ring].ring.producer() for ring in (0, 1))
    for record in stream.rings[0]:
        first.put(record)
    for number, record in enumerate(stream.rings[1]):
        producer.put(record)
        feed.commit(stream.seq)
        spooler.poll(0)
        assert spooler.spool.numbers[1] == (number + 1 if kinds[number] == "Accepted" else 0)


def test_a_restart_skips_what_the_spool_has(tmp_path: Path) -> None:
    """LOG-15: an edge restarts alone, and says nothing twice."""
    stream = Stream().define().steps(50)
    spool_all(stream, Spool(tmp_path))
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    stream.steps(0)
    again = Spool(tmp_path)
    spool_all(stream, again)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == size
    stream.steps(50)
    spool_all(stream, again)
    assert read(again).numbers == numbers_of(stream)


@pytest.mark.parametrize("damage", ["cut", "garble"])
def test_a_torn_tail_is_cut_and_filled_again(tmp_path: Path, damage: str) -> None:
    stream = Stream().define().steps(60)
    spool_all(stream, Spool(tmp_path), slots=64)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for at in range(1, len(whole), 997):
        torn = whole[:at] if damage == "cut" else whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :]
        path.write_bytes(torn)
        spool = Spool(tmp_path)
        assert all(have <= want for have, want in zip(spool.numbers, numbers_of(stream), strict=True))
        spool_all(stream, spool)
        batch = read(spool)
        assert batch.numbers == numbers_of(stream), f"{damage} at {at}"
        for leftover in tmp_path.iterdir():
            leftover.unlink()


def test_segments_are_rotated_and_deleted_once_passed(tmp_path: Path) -> None:
    stream = Stream().define().steps(400)
    spool = Spool(tmp_path, 16_384)
    spool_all(stream, spool, slots=64)
    assert len(spool.segments) > 4
    assert read(spool).numbers == numbers_of(stream)
    assert Spool(tmp_path, 16_384).numbers == numbers_of(stream)
    third = spool.segments[2][0]
    spool.discard(third)
    assert spool.start == third
    assert sorted(path.name for path in tmp_path.iterdir()) == [path.name for _, path in spool.segments]
    assert any(spool.first_numbers())
    spool.discard(spool.end)
    assert len(spool.segments) == 1
    assert Spool(tmp_path, 16_384).numbers == numbers_of(stream)


def test_a_segment_missing_in_the_middle_cuts_what_follows(tmp_path: Path) -> None:
    stream = Stream().define().steps(400)
    spool = Spool(tmp_path, 16_384)
    spool_all(stream, spool, slots=64)
    spool.segments[2][1].unlink()
    again = Spool(tmp_path, 16_384)
    assert len(again.segments) == 2
    spool_all(stream, again)
    assert read(again).numbers == numbers_of(stream)


def test_the_spool_of_another_journal_is_refused(tmp_path: Path) -> None:
    spool_all(Stream().define(), Spool(tmp_path))
    other = Stream()
    other.now_ns += 1
    with pytest.raises(ValueError, match="another journal"):
        spool_all(other.define(), Spool(tmp_path))


def test_a_gap_in_the_numbers_is_refused_by_a_batch(tmp_path: Path) -> None:
    stream = Stream().define().steps(400)
    spool = Spool(tmp_path, 16_384)
    spool_all(stream, spool, slots=64)
    spool.discard(spool.segments[2][0])
    with pytest.raises(ValueError, match="does not follow"):
        read(spool)


def test_what_an_instrument_did_before_it_moved_stands_before_what_it_does_after(tmp_path: Path) -> None:
    stream = Stream(rings={0: [], 1: [], 2: []}, events={0: [], 1: [], 2: []}).define()
    stream.resting.append(stream.order())
    before = stream.seq
    stream.command()
    stream.emit(0, InstrumentDefined, instrument=BTCUSDT, symbol=b"BTCUSDT", **{**TERMS, "matcher": 2})
    moved = stream.seq
    stream.command()
    stream.cancel(stream.resting[0], CancelReason.REQUESTED, ring=2)
    feed = Feed(stream)
    spool = Spool(tmp_path)
    spooler = SpoolWriter(feed.board, feed.consumers, spool)
    feed.publish(stream.seq)
    for word in (Word.ROUTER_DONE, Word.DURABLE_SEQ, Word.MATCHER_DONE + 1):
        feed.board.set(word, stream.seq)
    feed.board.set(Word.MATCHER_DONE, before - 1)
    while spooler.poll(0):
        pass
    assert spool.numbers[:3] == [len(stream.rings[0]) - 1, 1, 0], "matcher 1 may not be done with what came before"
    feed.board.set(Word.MATCHER_DONE, moved)
    while spooler.poll(0):
        pass
    assert spool.numbers[:3] == [len(stream.rings[0]), 1, 1]
    batch = read(spool)
    assert batch.numbers == spool.numbers


def test_what_a_spool_reaches_to_is_read_beside_its_writer(tmp_path: Path) -> None:
    assert extent(tmp_path) is None
    stream = Stream().define().steps(300)
    spool = Spool(tmp_path, 1)
    spool_all(stream, spool)
    known = extent(tmp_path)
    assert known is not None
    assert (known.first, known.complete) == ([0] * 9, stream.seq)
    assert known.loaded == 0
    note_loaded(tmp_path, spool.born_ns + 1, 5)
    assert extent(tmp_path) == known
    note_loaded(tmp_path, spool.born_ns, 5)
    spool.discard(spool.end)
    later = extent(tmp_path)
    assert later is not None
    assert (later.first, later.complete) == (spool.first_numbers(), stream.seq)
    assert (max(later.first) > 0, later.loaded) == (True, 5)
