"""MsgSeqNums after the loss of the host: none is given twice, however much the store has lost; a kill skips none."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lockstep.core.files import atomic_file
from lockstep.core.intake.refused_ids import RefusedIds
from lockstep.core.venue.snapshot_parts import NotSyncedError
from lockstep.procs.gateway import background, segments, seq_num_file, starts
from lockstep.procs.gateway.resend import Resend
from lockstep.procs.gateway.store import Store
from lockstep.procs.gateway.store_reader import StoreCorrupt
from tests.gateway.harness import Trader, venue
from tests.gateway.store_entries import add, generation, next_out, write_out

IN_ADMIN, IN_LOGGED, IN_ANSWERED, OUT_ADMIN, OUT_APP, RESET = range(1, 7)
HEADER = 64
BLOCK = 16


class Slow:
    """A thread that does nothing until it is waited for, and nothing for a store that is dead."""

    waits = 0

    def __init__(self) -> None:
        self._work: list[Callable[[], None]] = []

    @property
    def is_busy(self) -> bool:
        return bool(self._work)

    def begin(self, work: Callable[[], None]) -> None:
        assert not self._work
        self._work = [work]

    def is_done(self) -> bool:
        return not self._work

    def finish(self) -> None:
        Slow.waits += bool(self._work)
        while self._work:
            self._work.pop()()


def fail(*_: object) -> None:
    raise OSError(5, "the disk fails")


class Host:
    """A host that can be lost, with the gateway's store on its disk."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._boot = folder / "boot_id"
        self._boots = 0
        patch.setattr(seq_num_file, "BLOCK", BLOCK)
        patch.setattr(background, "Background", Slow)
        patch.setattr(segments, "BOOT_ID", self._boot)
        self.boot()

    def boot(self) -> None:
        self._boots += 1
        self._boot.write_text(f"{self._boots:036d}\n")

    def lose(self, keep: int = 0) -> None:
        """Lose power: of what the last segment has, `keep` bytes are there afterwards."""
        last = max((self.folder / "gateway.1").glob("*.fix"))
        os.truncate(last, min(HEADER + keep, last.stat().st_size))
        self.boot()

    def remove_messages(self) -> None:
        """Of the store, the reserved numbers alone are left; the host goes on."""
        for path in (self.folder / "gateway.1").glob("*"):
            if path.name != seq_num_file.NAME:
                path.unlink()

    def store(self) -> Store:
        return Store(self.folder / "gateway.1", RefusedIds())


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def send(store: Store, session: int, count: int) -> int:
    """Send that many reports; the last one's number."""
    first = next_out(store, session)
    for number in range(first, first + count):
        add(store, OUT_APP, session, number, b"8=FIX.4.4\x01 report")
        write_out(store)
    return first + count - 1


def resent(store: Store, session: int) -> list[int]:
    resend = Resend(store, session, 1, 0xFFFFFFFF)
    found = []
    while (entry := resend.read()) is not None:
        found.append(entry[1])
    return found


@pytest.mark.parametrize("count", [1, 2, BLOCK // 2, BLOCK, BLOCK + 1, 3 * BLOCK, 1000])
def test_no_number_is_given_twice_when_the_whole_tail_is_lost(host: Host, count: int) -> None:
    last = send(host.store(), 1, count)
    host.lose()
    store = host.store()
    assert last < next_out(store, 1) <= last + 1 + 2 * BLOCK
    assert next_out(store, 2) == 1  # a session that never was begins as ever
    assert resent(store, 1) == []


def test_no_number_is_given_twice_over_many_losses(host: Host) -> None:
    last = 0
    for count in (5, 1, 0, 40, 0, 0, 3):
        store = host.store()
        assert next_out(store, 1) > last
        store.recovered()  # it opens: what it gives from here on is sent
        last = max(last, send(store, 1, count))
        host.lose()


def test_a_part_of_the_tail_that_is_there_still_is_sent_again(host: Host) -> None:
    last = send(host.store(), 1, 3)
    host.lose(keep=2 * (32 + 24))
    store = host.store()
    assert next_out(store, 1) > last
    assert resent(store, 1) == [1, 2]
    first = next_out(store, 1)
    send(store, 1, 2)
    assert resent(store, 1) == [1, 2, first, first + 1]


def test_the_death_of_the_process_alone_skips_no_number(host: Host) -> None:
    for first in range(1, 60, 3):
        store = host.store()
        assert next_out(store, 1) == first
        assert not store.other_boot
        send(store, 1, 3)


@pytest.mark.parametrize("count", [1, BLOCK, 3 * BLOCK + 1])
def test_numbers_go_on_behind_all_that_are_reserved_where_the_messages_are_gone(host: Host, count: int) -> None:
    last = send(host.store(), 1, count)
    place = sum(path.stat().st_size for path in (host.folder / "gateway.1").glob("*.fix"))
    host.remove_messages()
    store = host.store()
    assert store.other_boot
    assert last < next_out(store, 1) <= last + 1 + 2 * BLOCK
    assert next_out(store, 2) == 1  # a session that never was begins as ever
    assert store.expected_in(1, 7) == (8, set())  # behind what the log has
    assert min(segments.bases(host.folder / "gateway.1")) > place  # which ExecIDs of the gateway's own name
    again = host.store()  # killed before it opened: its store is not all there was
    assert again.other_boot
    again.recovered()
    first = send(again, 1, 1)
    assert first > last
    following = host.store()
    assert not following.other_boot
    assert next_out(following, 1) == first + 1


def test_a_reset_is_known_where_the_messages_are_gone(host: Host) -> None:
    store = host.store()
    send(store, 1, 30)
    add(store, RESET, 1, 0, b"")
    last = send(store, 1, 2)
    host.remove_messages()
    store = host.store()
    assert (generation(store, 1), resent(store, 1)) == (1, [])
    assert last < next_out(store, 1) <= last + 1 + 2 * BLOCK
    assert store.expected_in(1, 49, 3) == (1, set())  # the log's 49 is from before the reset: the client is at 3


def test_an_orderly_stop_before_the_host_goes_down_skips_no_number(host: Host) -> None:
    store = host.store()
    send(store, 1, 5)
    store.sync()
    host.boot()
    assert next_out(host.store(), 1) == 6


def test_a_start_after_a_loss_that_is_killed_before_it_opens_is_still_one_after_a_loss(host: Host) -> None:
    send(host.store(), 1, 5)
    host.lose()
    first = host.store()
    assert first.other_boot
    second = host.store()
    assert second.other_boot
    assert next_out(second, 1) >= next_out(first, 1)
    second.recovered()
    third = host.store()
    assert not third.other_boot
    assert next_out(third, 1) == next_out(second, 1)


@pytest.mark.parametrize("loss", [Host.lose, Host.remove_messages], ids=["the host", "the messages"])
def test_starts_that_fail_one_after_another_use_up_no_numbers(host: Host, loss: Callable[[Host], None]) -> None:
    """A full disk may end one a second, for days: 65,536 numbers for each would be all that there are."""
    last = send(host.store(), 1, 30)
    loss(host)
    first = next_out(host.store(), 1)
    assert last < first <= last + 1 + 2 * BLOCK
    for _ in range(50):
        assert next_out(host.store(), 1) == first
    host.boot()
    store = host.store()
    assert (next_out(store, 1), store.other_boot) == (first, True)
    store.recovered()
    last = send(store, 1, 5)
    host.lose()
    assert next_out(host.store(), 1) > last


def test_what_such_a_start_stored_counts_as_long_as_it_is_there(host: Host) -> None:
    send(host.store(), 1, 30)
    host.lose()
    last = send(host.store(), 1, 3 * BLOCK)  # reports that are made again; killed before it opened
    store = host.store()
    assert next_out(store, 1) == last + 1
    store.recovered()
    last = send(store, 1, 1)
    host.lose()
    assert next_out(host.store(), 1) > last


def test_start_files_of_messages_that_are_gone_are_no_obstacle(host: Host) -> None:
    last = send(host.store(), 1, 5)
    host.remove_messages()
    folder = host.folder / "gateway.1"
    starts.write(folder, 0, starts.Started(bytes(starts.WATERMARKS_SIZE), b"", b""))
    host.store()  # killed before it has a start file of its own
    assert next_out(host.store(), 1) > last


@pytest.mark.parametrize("step", [2, 3], ids=["the numbers", "the new segment"])
def test_a_start_may_be_killed_where_it_writes(host: Host, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    last = send(host.store(), 1, 30)
    host.lose()
    synced = atomic_file.sync
    calls = []

    def killed(folder: Path) -> None:
        calls.append(folder)
        if len(calls) == step:  # the first is for the name of the store's folder
            raise KeyboardInterrupt
        synced(folder)

    with monkeypatch.context() as patch:
        patch.setattr(atomic_file, "sync", killed)
        with pytest.raises(KeyboardInterrupt):
            host.store()
    store = host.store()
    assert next_out(store, 1) > last
    assert store.other_boot


def test_a_reset_that_the_store_has_lost_is_known(host: Host) -> None:
    store = host.store()
    send(store, 1, 30)
    for number in range(2, 50):
        add(store, IN_LOGGED, 1, number, b"order")
    write_out(store)
    kept = max((host.folder / "gateway.1").glob("*.fix")).stat().st_size - HEADER
    add(store, RESET, 1, 0, b"")
    add(store, IN_ADMIN, 1, 1, b"logon")
    last = send(store, 1, 2)
    host.lose(kept)
    store = host.store()
    assert generation(store, 1) == 1
    assert next_out(store, 1) > last
    assert resent(store, 1) == []  # what was before the reset is no answer for a client that has reset
    assert store.expected_in(1, 49, 3) == (1, set())  # the log's 49 is from before the reset: the client is at 3
    assert store.expected_in(1, 2, 3) == (3, set())
    first = next_out(store, 1)
    store.recovered()
    again = host.store()
    assert (generation(again, 1), next_out(again, 1)) == (1, first)


def test_a_reset_whose_number_the_disk_never_had_was_told_to_nobody(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = host.store()
    send(store, 1, 30)

    with monkeypatch.context() as patch:
        patch.setattr(seq_num_file, "write", fail)
        add(store, RESET, 1, 0, b"")
        with pytest.raises(OSError, match="the disk fails"):
            write_out(store)
    store = host.store()
    assert (generation(store, 1), next_out(store, 1)) == (1, 1)
    host.boot()
    assert generation(host.store(), 1) == 1


def test_a_failed_sync_is_final(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    store = host.store()
    send(store, 1, 1)

    monkeypatch.setattr(seq_num_file, "write", fail)
    with pytest.raises(OSError, match="the disk fails"):
        send(store, 1, BLOCK + 1)


def test_a_failed_sync_of_the_messages_ends_the_stage(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    store = host.store()
    send(store, 1, 1)
    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(NotSyncedError, match="the disk fails"):
        store.sync()


def test_a_number_waits_for_its_reservation_only_where_the_block_is_used_up(host: Host) -> None:
    store = host.store()
    waits = []
    for _ in range(4 * BLOCK):
        before = Slow.waits
        last = send(store, 1, 1)
        waits.append(Slow.waits > before)
        reserved = int.from_bytes(seq_num_file.read(host.folder / "gateway.1")[1][12:16], "little")
        assert last < reserved
    assert waits[0]
    assert sum(waits) <= 2 + 4 * BLOCK // (BLOCK // 2)


def test_numbers_that_are_damaged_are_refused(host: Host) -> None:
    send(host.store(), 1, 5)
    path = host.folder / "gateway.1" / "numbers"
    whole = path.read_bytes()
    for at in (0, 8, 50, 61, len(whole) - 1):
        data = bytearray(whole)
        data[at] ^= 1
        path.write_bytes(data)
        with pytest.raises(StoreCorrupt, match="numbers is damaged"):
            host.store()
    path.write_bytes(whole[:-1])
    with pytest.raises(StoreCorrupt):
        host.store()


def test_a_store_of_a_version_without_numbers_goes_on_where_it_was(host: Host) -> None:
    send(host.store(), 1, 5)
    (host.folder / "gateway.1" / "numbers").unlink()
    assert next_out(host.store(), 1) == 6


def test_after_the_loss_of_the_host_no_number_and_no_exec_id_comes_twice(host: Host) -> None:
    """A whole venue: the store's tail is gone, the journal is there."""

    async def scenario() -> None:
        trader = Trader()
        async with venue(host.folder) as harness:
            await trader.logon(harness)
            for name in ("bad 1", "bad 2"):
                trader.order(name, t44="1.005")
                await trader.receive()
            trader.order("good")
            report = await trader.receive()
            known = {int(message[34]): message for message in trader.got}
        host.lose()
        async with venue(host.folder) as harness:
            answer = await trader.logon(harness)
            assert int(answer[34]) > max(known)
            trader.send("2", {7: str(max(known) + 1), 16: "0"})
            trader.order("bad 3", t44="1.005")
            while trader.got[-1].get(11) != "bad 3":
                await trader.receive()
            later = [message for message in trader.got if int(message[34]) > max(known)]
            again = next(message for message in later if message.get(11) == "good")
            assert (again[17], again[97]) == (report[17], "Y")
            local = [message[17] for message in trader.got if message.get(11, "").startswith("bad")]
            assert len(local) == len(set(local)) == 3

    asyncio.run(scenario())


def test_reports_that_are_made_again_are_of_the_version_that_the_session_spoke(host: Host) -> None:
    async def scenario() -> None:
        trader = Trader(version="FIX.4.2")
        async with venue(host.folder) as harness:
            await trader.logon(harness)
            trader.order("good")
            await trader.receive()
        host.lose()
        async with venue(host.folder) as harness:
            again = Resend(harness.gateway.engine.store, 1, 1, 0xFFFFFFFF).read()
            assert again is not None
            assert again[2].startswith(b"8=FIX.4.2\x01")

    asyncio.run(scenario())
