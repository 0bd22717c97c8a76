"""What the store does not keep any more: whole segments, with all that a start and the sessions still need known."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lockstep.core.intake.refused_ids import RefusedIds
from lockstep.core.venue.snapshot_parts import Kept, Start
from lockstep.procs.gateway import background
from lockstep.procs.gateway.opening import Past, Room
from lockstep.procs.gateway.resend import Resend
from lockstep.procs.gateway.retention import Keep
from lockstep.procs.gateway.store import Store
from lockstep.procs.gateway.store_reader import StoreCorrupt
from tests.gateway.store_entries import add, add_report, next_out, reported, write_out
from tests.logged import captured

IN_ADMIN, IN_LOGGED, IN_ANSWERED, OUT_ADMIN, OUT_APP, RESET = range(1, 7)
REFUSED = 1
SEGMENT = 8192
DAY_NS = 86_400 * 10**9
QUIET, BUSY = 1, 2
ALL = Keep(days=365, total_bytes=1 << 40, session_bytes=1 << 40)


class AtOnce:
    """A thread that has done its work at once."""

    is_busy = False

    def begin(self, work: object) -> None:
        assert callable(work)
        work()

    def is_done(self) -> bool:
        return True

    def finish(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "Background", AtOnce)


def open_store(folder: Path, keep: Keep = ALL, refused: RefusedIds | None = None) -> Store:
    return Store(folder, refused or RefusedIds(), room=Room(SEGMENT, keep=keep))


def filled(folder: Path, keep: Keep = ALL, count: int = 400) -> Store:
    """A quiet session with messages at the beginning only, and a busy one over many segments."""
    store = open_store(folder, keep)
    add(store, IN_ADMIN, QUIET, 1, b"8=FIX.4.2\x01logon")
    add(store, IN_ANSWERED, QUIET, 2, b"8=FIX.4.2\x0135=D\x0111=poor\x01", REFUSED)
    add_report(store, QUIET, 1, 3, 41, 1, b"8=FIX.4.2\x01report")
    for number in range(1, count + 1):
        add(store, IN_LOGGED, BUSY, number, b"8=FIX.4.4\x01order")
        add_report(store, BUSY, number, 1, number, 2, b"8=FIX.4.4\x01" + b"report" * 10)
        write_out(store)
    return store


def segments(folder: Path) -> list[int]:
    return sorted(int(path.stem) for path in folder.glob("*.fix"))


def now_ns(folder: Path) -> int:
    return max(path.stat().st_mtime_ns for path in folder.glob("*.fix"))


def resent(store: Store, session: int) -> list[int]:
    resend = Resend(store, session, 1, 0xFFFFFFFF)
    found = []
    while (entry := resend.read()) is not None:
        found.append(entry[1])
    return found


def check_all_is_known(folder: Path) -> None:
    """A start without a snapshot knows what the removed segments came to."""
    refused = RefusedIds()
    store = open_store(folder, refused=refused)
    assert (next_out(store, QUIET), next_out(store, BUSY)) == (2, 401)
    assert (reported(store, 3), reported(store, 1)) == (2 * 41, 2 * 400 + 1)
    assert store.expected_in(QUIET, 0) == (3, set())
    assert store.expected_in(BUSY, 400) == (401, set())
    assert refused.knows(QUIET, b"poor")
    store.check()


def test_all_is_kept_as_long_as_nothing_is_too_old_or_too_much(tmp_path: Path) -> None:
    store = filled(tmp_path)
    before = segments(tmp_path)
    store.retain(now_ns(tmp_path) + 364 * DAY_NS)
    assert segments(tmp_path) == before
    assert len(before) > 6


@pytest.mark.parametrize("why", ["old", "too much"])
def test_what_goes_is_the_oldest_and_is_known_all_the_same(tmp_path: Path, why: str) -> None:
    keep = ALL if why == "old" else Keep(days=365, total_bytes=4 * SEGMENT, session_bytes=1 << 40)
    store = filled(tmp_path, keep)
    before = segments(tmp_path)
    now = now_ns(tmp_path)
    if why == "old":
        for base in before[:-4]:
            os.utime(tmp_path / f"{base:020}.fix", ns=(now - 366 * DAY_NS,) * 2)
    with captured() as logged:
        store.retain(now)
    assert [line["event"] for line in logged] == (["messages removed early"] if why == "too much" else [])
    assert segments(tmp_path) == before[-len(segments(tmp_path)) :]
    assert 2 <= len(segments(tmp_path)) <= 5
    assert len(list(tmp_path.glob("*.start"))) == len(segments(tmp_path))
    kept = resent(store, BUSY)
    assert 0 < len(kept) < 300
    assert kept == list(range(kept[0], 401))
    assert resent(store, QUIET) == []
    store.check()
    check_all_is_known(tmp_path)
    again = open_store(tmp_path)
    assert (resent(again, BUSY), resent(again, QUIET)) == (kept, [])
    add(again, OUT_APP, QUIET, 2, b"8=FIX.4.2\x01new")
    assert resent(again, QUIET) == [2]


def test_a_segment_stays_for_the_session_that_has_its_last_messages_there(tmp_path: Path) -> None:
    keep = Keep(days=365, total_bytes=1 << 40, session_bytes=8192)
    store = filled(tmp_path, keep)
    before = segments(tmp_path)
    later = now_ns(tmp_path) + DAY_NS
    store.retain(later)
    assert segments(tmp_path) == before
    add(store, RESET, QUIET, 0, b"")
    write_out(store)
    store.retain(later)
    assert len(segments(tmp_path)) < len(before)
    kept = resent(store, BUSY)
    assert 8192 <= sum(32 + 72 for _ in kept) < 8192 + 3 * SEGMENT


def test_a_segment_without_a_start_file_behind_it_stays(tmp_path: Path) -> None:
    store = filled(tmp_path, Keep(days=365, total_bytes=SEGMENT, session_bytes=1 << 40))
    before = segments(tmp_path)
    for path in tmp_path.glob("*.start"):
        path.unlink()
    store.retain(now_ns(tmp_path))
    assert segments(tmp_path) == before


def test_a_snapshot_from_before_what_is_kept_is_no_less_good(tmp_path: Path) -> None:
    kept = Kept(Start(seq=1))
    store = filled(tmp_path, Keep(days=365, total_bytes=SEGMENT, session_bytes=1 << 40), count=20)
    kept.save(1, "gateway.1", store.save)
    for number in range(21, 401):
        add(store, IN_LOGGED, BUSY, number, b"8=FIX.4.4\x01order")
        add_report(store, BUSY, number, 1, number, 2, b"8=FIX.4.4\x01" + b"report" * 10)
        write_out(store)
    store.retain(now_ns(tmp_path))
    assert segments(tmp_path)[0] > 0
    without = open_store(tmp_path)
    refused = RefusedIds()
    restarted = Store(tmp_path, refused, Past(kept.load("gateway.1")), Room(SEGMENT, keep=ALL))
    assert refused.knows(QUIET, b"poor")
    for session in (QUIET, BUSY):
        assert next_out(restarted, session) == next_out(without, session)
        assert resent(restarted, session) == resent(without, session)
    assert reported(restarted, 1) == 2 * 400 + 1


def test_a_snapshot_from_before_a_removal_leaves_no_mark_of_what_is_gone(tmp_path: Path) -> None:
    kept = Kept(Start(seq=1))
    store = filled(tmp_path, Keep(days=365, total_bytes=SEGMENT, session_bytes=1 << 40))
    kept.save(1, "gateway.1", store.save)
    store.retain(now_ns(tmp_path))
    restarted = Store(tmp_path, RefusedIds(), Past(kept.load("gateway.1")), Room(SEGMENT, keep=ALL))
    restarted.check()
    assert resent(restarted, BUSY) == resent(store, BUSY)


def test_a_store_whose_beginning_was_taken_away_is_refused(tmp_path: Path) -> None:
    store = filled(tmp_path, Keep(days=365, total_bytes=SEGMENT, session_bytes=1 << 40))
    store.retain(now_ns(tmp_path))
    first = segments(tmp_path)[0]
    shutil.copytree(tmp_path, tmp_path / "copy")
    start = tmp_path / "copy" / f"{first:020}.start"
    start.write_bytes(start.read_bytes()[:-1])
    with pytest.raises(StoreCorrupt, match="start is damaged"):
        open_store(tmp_path / "copy")
    start.unlink()
    with pytest.raises(StoreCorrupt, match="put its files back"):
        open_store(tmp_path / "copy")
    check_all_is_known(tmp_path)
