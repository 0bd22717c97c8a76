"""The message store: what it holds comes back, whatever part of its last batch a crash left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lockstep.core.intake.refused_ids import RefusedIds
from lockstep.procs.gateway.opening import Room
from lockstep.procs.gateway.resend import Resend
from lockstep.procs.gateway.store import Store
from lockstep.procs.gateway.store_reader import Scan, StoreCorrupt
from tests.gateway.store_entries import add, add_report, generation, next_out, reported, write_out

IN_ADMIN, IN_LOGGED, IN_ANSWERED, OUT_ADMIN, OUT_APP, RESET = range(1, 7)
BUY, SELL = 1, 2
REFUSED = 1


def open_store(folder: Path, segment_size: int = 1 << 20) -> Store:
    return Store(folder, RefusedIds(), room=Room(segment_size))


def last_segment(folder: Path) -> Path:
    return max(folder.glob("*.fix"))


def everything(folder: Path) -> list[tuple[int, int, int, bytes]]:
    segments = sorted(folder.glob("*.fix"))
    end = int(segments[-1].stem) + segments[-1].stat().st_size
    scan = Scan(folder, [int(path.stem) for path in segments], 0, end)
    found = []
    while (entry := scan.read()) is not None:
        found.append(entry)
    return found


def resent(store: Store, session: int, begin: int, end: int) -> list[tuple[int, int, bytes]]:
    resend = Resend(store, session, begin, end)
    found = []
    while (entry := resend.read()) is not None:
        found.append(entry)
    return found


def test_a_new_store_begins_every_session_at_one(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    assert next_out(store, 1) == 1
    assert store.expected_in(1, 0) == (1, set())
    assert reported(store, 0) == 0


def test_numbers_and_watermarks_survive_a_restart(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    add(store, IN_LOGGED, 7, 1, b"order")
    add(store, OUT_ADMIN, 7, 1, b"logon")
    add_report(store, 7, 2, 3, 41, BUY, b"fill of the buyer")
    add_report(store, 8, 1, 3, 41, SELL, b"fill of the seller")
    write_out(store)
    store = open_store(tmp_path)
    assert (next_out(store, 7), next_out(store, 8)) == (3, 2)
    assert reported(store, 3) == 2 * 41 + 1
    assert store.expected_in(7, 1) == (2, set())
    store.check()


def test_what_was_not_written_is_not_there(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    add(store, OUT_APP, 1, 1, b"written")
    write_out(store)
    add(store, OUT_APP, 1, 2, b"lost")
    assert next_out(open_store(tmp_path), 1) == 2


def test_a_batch_is_one_write(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for number in range(1, 1001):
        add(store, OUT_APP, 1, number, b"x" * 200)
    assert store.segment.writes == 0
    write_out(store)
    assert store.segment.writes == 1


def test_an_entry_torn_at_any_byte_is_cut_and_kept_aside(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    store = open_store(whole)
    add_report(store, 1, 1, 1, 5, BUY, b"first report")
    write_out(store)
    kept = last_segment(whole).stat().st_size
    add_report(store, 2, 1, 1, 5, SELL, b"the last report")
    write_out(store)
    data = last_segment(whole).read_bytes()
    for size in range(kept, len(data)):
        folder = tmp_path / str(size)
        folder.mkdir()
        (folder / last_segment(whole).name).write_bytes(data[:size])
        store = open_store(folder)
        assert (next_out(store, 1), next_out(store, 2), reported(store, 1)) == (2, 1, 2 * 5)
        assert last_segment(folder).stat().st_size == kept
        assert len(list(folder.glob("*.torn"))) == (size > kept)
        add_report(store, 2, 1, 1, 5, SELL, b"the last report")
        write_out(store)
        assert last_segment(folder).read_bytes() == data


@pytest.mark.parametrize("offset", range(64, 64 + 32 + 16))
def test_a_flipped_bit_in_the_last_entry_cuts_it(tmp_path: Path, offset: int) -> None:
    store = open_store(tmp_path)
    add(store, OUT_APP, 1, 1, b"sixteen bytes...")
    write_out(store)
    data = bytearray(last_segment(tmp_path).read_bytes())
    data[offset] ^= 4
    last_segment(tmp_path).write_bytes(data)
    assert next_out(open_store(tmp_path), 1) == 1


def test_damage_in_an_earlier_segment_is_refused_with_file_and_offset(tmp_path: Path) -> None:
    store = open_store(tmp_path, segment_size=256)
    for number in range(1, 20):
        add(store, OUT_APP, 1, number, b"x" * 100)
        write_out(store)
    first = min(tmp_path.glob("*.fix"))
    data = bytearray(first.read_bytes())
    data[100] ^= 1
    first.write_bytes(data)
    with pytest.raises(StoreCorrupt, match=rf"{first.name} is damaged at offset 64"):
        open_store(tmp_path, segment_size=256)


def test_a_missing_segment_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path, segment_size=256)
    for number in range(1, 20):
        add(store, OUT_APP, 1, number, b"x" * 100)
        write_out(store)
    sorted(tmp_path.glob("*.fix"))[1].unlink()
    with pytest.raises(StoreCorrupt, match="a file is missing"):
        open_store(tmp_path, segment_size=256)


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    """Here of the next one: its segments say so, and are left as they are."""
    store = open_store(tmp_path)
    add(store, OUT_APP, 1, 1, b"of a version to come")
    write_out(store)
    later = last_segment(tmp_path).read_bytes().replace(b"LSFIXST1", b"LSFIXST2")
    last_segment(tmp_path).write_bytes(later)
    with pytest.raises(StoreCorrupt, match="of another version of the message store: start the version that wrote it"):
        open_store(tmp_path)
    assert last_segment(tmp_path).read_bytes() == later


def test_a_segment_without_its_header_is_begun_again(tmp_path: Path) -> None:
    store = open_store(tmp_path, segment_size=256)
    for number in range(1, 3):
        add(store, OUT_APP, 1, number, b"x" * 100)
        write_out(store)
    last = last_segment(tmp_path)
    assert last.stat().st_size == 64
    last.write_bytes(b"LSF")
    assert next_out(open_store(tmp_path, segment_size=256), 1) == 3


def test_a_resend_returns_exactly_the_range_over_segments_and_sessions(tmp_path: Path) -> None:
    store = open_store(tmp_path, segment_size=4096)
    for number in range(1, 501):
        add(store, OUT_ADMIN if number % 10 == 0 else OUT_APP, 1, number, b"mine %d" % number)
        add(store, OUT_APP, 2, number, b"another's")
        add(store, IN_LOGGED, 1, number, b"in")
        if number % 7 == 0:
            write_out(store)
    assert len(list(tmp_path.glob("*.fix"))) > 3
    for begin, end in ((1, 500), (1, 1), (63, 66), (127, 300), (500, 500), (499, 0xFFFFFFFF)):
        want = [(OUT_ADMIN if n % 10 == 0 else OUT_APP, n, b"mine %d" % n) for n in range(begin, min(end, 500) + 1)]
        assert resent(store, 1, begin, end) == want
    write_out(store)
    assert len(resent(open_store(tmp_path, segment_size=4096), 1, 1, 500)) == 500


@pytest.mark.parametrize("entry", [2, 5])
@pytest.mark.parametrize("byte", [12, 40], ids=["its session", "its message"])
def test_damage_since_the_start_is_found_by_a_resend(tmp_path: Path, entry: int, byte: int) -> None:
    store = open_store(tmp_path)
    for number in range(1, 10):
        add(store, OUT_APP, 1, number, b"x" * 96)
    write_out(store)
    file = last_segment(tmp_path)
    data = bytearray(file.read_bytes())
    offset = 64 + (entry - 1) * 128
    data[offset + byte] ^= 1
    file.write_bytes(data)
    with pytest.raises(StoreCorrupt, match=rf"{file.name} is damaged at offset {offset}$"):
        resent(store, 1, 1, 9)


def test_a_resend_of_nothing_is_empty(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    assert resent(store, 1, 1, 10) == []
    add(store, OUT_APP, 1, 1, b"one")
    assert resent(store, 1, 2, 10) == []


def test_a_reset_begins_a_new_generation(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for number in range(1, 200):
        add(store, OUT_APP, 1, number, b"old")
    add(store, RESET, 1, 0, b"")
    assert (next_out(store, 1), store.expected_in(1, 0), generation(store, 1)) == (1, (1, set()), 1)
    add(store, OUT_APP, 1, 1, b"new")
    write_out(store)
    for again in (store, open_store(tmp_path)):
        assert resent(again, 1, 1, 0xFFFFFFFF) == [(OUT_APP, 1, b"new")]
        assert generation(again, 1) == 1


def test_a_reset_ends_a_running_resend(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    add(store, OUT_APP, 1, 1, b"old")
    add(store, OUT_APP, 1, 2, b"old")
    resend = Resend(store, 1, 1, 2)
    assert resend.read() is not None
    add(store, RESET, 1, 0, b"")
    assert resend.read() is None


@pytest.mark.parametrize(
    ("sequenced", "expected", "answered"),
    [
        (0, 2, {4, 7}),
        (1, 2, {4, 7}),
        (2, 3, {4, 7}),
        (3, 6, {7}),
        (5, 6, {7}),
        (6, 8, set()),
        (7, 8, set()),
        (9, 10, set()),
    ],
    ids=lambda value: str(value),
)
def test_the_client_is_asked_for_what_the_log_lacks(
    tmp_path: Path, sequenced: int, expected: int, answered: set[int]
) -> None:
    store = open_store(tmp_path)
    add(store, IN_ADMIN, 1, 1, b"logon")
    add(store, IN_LOGGED, 1, 2, b"order")
    add(store, IN_LOGGED, 1, 3, b"order")
    add(store, IN_LOGGED, 9, 4, b"another session's")
    add(store, IN_ANSWERED, 1, 4, b"refused here")
    add(store, IN_ADMIN, 1, 5, b"heartbeat")
    add(store, IN_LOGGED, 1, 6, b"order")
    add(store, IN_ANSWERED, 1, 7, b"refused here")
    write_out(store)
    assert store.expected_in(1, sequenced) == (expected, answered)
    assert open_store(tmp_path).expected_in(1, sequenced) == (expected, answered)


def test_refused_ids_come_back(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    add(store, IN_ANSWERED, 4, 1, b"8=FIX.4.4\x0135=D\x0111=poor\x0155=X\x01", REFUSED)
    add(store, IN_ANSWERED, 4, 2, b"8=FIX.4.4\x0135=D\x0111=off tick\x0155=X\x01")
    write_out(store)
    refused = RefusedIds()
    Store(tmp_path, refused)
    assert refused.knows(4, b"poor")
    assert not refused.knows(5, b"poor")
    assert not refused.knows(4, b"off tick")


def test_marks_stay_bounded(tmp_path: Path) -> None:
    store = open_store(tmp_path, segment_size=1 << 30)
    count = 64 * 16384 + 1000
    for number in range(1, count):
        add(store, OUT_APP, 1, number, b"")
    store.check()
    assert [number for _, number, _ in resent(store, 1, 700_000, 700_002)] == [700_000, 700_001, 700_002]


def test_a_scan_reads_all_in_order(tmp_path: Path) -> None:
    store = open_store(tmp_path, segment_size=512)
    for number in range(1, 50):
        add(store, OUT_APP, number, 1, b"m" * number)
        write_out(store)
    assert everything(tmp_path) == [(OUT_APP, number, 1, b"m" * number) for number in range(1, 50)]


def test_a_reset_that_the_log_lost_is_not_undone_by_the_number_that_the_log_has(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for number in range(1, 51):
        add(store, IN_LOGGED, 1, number, b"an order")
    add(store, RESET, 1, 0, b"")
    add(store, IN_ADMIN, 1, 1, b"a logon")
    add(store, IN_LOGGED, 1, 2, b"an order")
    write_out(store)
    assert open_store(tmp_path).expected_in(1, 50) == (2, set())


def test_opening_shows_again_and_again_that_it_goes_on(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for number in range(1, 40_001):
        add(store, OUT_APP, 1, number, b"")
    write_out(store)
    beats: list[None] = []
    Store(tmp_path, RefusedIds(), beat=lambda: beats.append(None))
    assert len(beats) >= 4


def test_a_sync_that_failed_aside_fails_the_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_fd: int) -> None:
        raise OSError(5, "the disk fails")

    store = open_store(tmp_path, 1 << 30)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        for number in range(1, 2**12):
            add(store, OUT_APP, 1, number, bytes(1100))  # more than 4 MiB: one sync aside is begun
        write_out(store)
    with pytest.raises(OSError, match="the disk fails"):  # though a sync that is tried now would report nothing
        store.sync()
