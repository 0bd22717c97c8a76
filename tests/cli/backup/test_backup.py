"""Backups hold a whole venue, copy nothing twice, and are whole or not there; a restored venue is the same."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from lockstep import config
from lockstep.cli import copies
from lockstep.cli.backup import restoring
from lockstep.cli.backup.repository import Repository, RepositoryError
from lockstep.core.journal.end import chain_at
from lockstep.core.journal.journal import segment_seqs, verify
from lockstep.core.journal.retain import retain
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.recovery import snapshot_catalog
from lockstep.core.venue import venue_key
from lockstep.procs.gateway import restored, seq_num_file
from lockstep.procs.gateway.restored import ROW
from lockstep.procs.gateway.segments import BOOT
from tests.cli.backup.backups import GENERATION, RESERVED, SESSION, Backups, command, extend, shorten
from tests.cli.test_verify import SEGMENT_BYTES
from tests.passwords import PASSWORD
from tests.small_disk import SmallDisk, small_disk

__all__ = ["small_disk"]


def test_what_is_restored_is_what_was(backups: Backups) -> None:
    last = len(backups.busy.rig.log)
    mark = backups.busy.marks[1]
    backups.busy.save(mark, backups.busy.core_at(mark))
    point, _ = backups.take()
    assert (point.seq, point.first_seq, point.snapshot, point.database_seq) == (last, 1, mark, None)
    done = backups.restore()
    assert (done.seq, done.lost_seq, done.sessions) == (last, last, 1)
    report = verify(backups.restored / "journal")
    assert (report.corruption, report.last_seq, report.chain) == (None, last, point.chain)
    assert report.chain == chain_at(backups.data / "journal", last)
    for path in backups.data.glob("snapshots/*/*"):
        assert (backups.restored / path.relative_to(backups.data)).read_bytes() == path.read_bytes()
    store, there = ((data / "gateway.1" / f"{0:020}.fix").read_bytes() for data in (backups.data, backups.restored))
    assert there[BOOT] == restored.OTHER_BOOT.ljust(36, b"\0"), "no entry gets the place of one that is lost"
    assert (there[: BOOT.start], there[BOOT.stop :]) == (store[: BOOT.start], store[BOOT.stop :])
    agents = ["router", *(f"matcher.{number}" for number in backups.busy.core_at(mark).matchers)]
    assert snapshot_catalog.choose(backups.restored, agents).start.seq == mark
    assert backups.state(backups.restored, last) == backups.state(backups.data, last)


def test_a_backup_has_the_venues_key_for_its_owner_alone(backups: Backups) -> None:
    venue_key.make(backups.data)
    backups.take()
    backups.restore()
    restored = backups.restored / venue_key.FILE
    assert restored.read_bytes() == (backups.data / venue_key.FILE).read_bytes()
    assert restored.stat().st_mode & 0o777 == 0o600


def test_the_restored_configuration_is_the_venues_without_its_secrets(backups: Backups) -> None:
    secret = "https://chat.example/hooks/secret"
    alerts = structs.replace(backups.busy.config.alerts, webhook=secret)
    first, *others = backups.busy.config.accounts
    accounts = [structs.replace(first, password=PASSWORD, password_hash=None), *others]
    backups.busy.config = structs.replace(backups.busy.config, alerts=alerts, accounts=accounts)
    backups.take()
    done = backups.restore()
    text = Path(done.config).read_text()
    assert "password =" not in text
    for path in [path for path in backups.repository.folder.rglob("*") if path.is_file()]:
        assert secret.encode() not in path.read_bytes()
    loaded = config.load(done.config)
    assert loaded.venue.data == str(backups.restored)
    plain = structs.replace(backups.busy.config, venue=loaded.venue, alerts=loaded.alerts)
    assert structs.replace(loaded, accounts=[]) == structs.replace(plain, accounts=[])
    assert [account.name for account in loaded.accounts] == [account.name for account in plain.accounts]
    assert all(account.password_hash for account in loaded.accounts)


def test_sessions_go_on_behind_all_that_they_may_have_been_sent(backups: Backups) -> None:
    backups.take()
    done = backups.restore()
    boot, rows = seq_num_file.read(backups.restored / "gateway.1")
    assert boot not in (b"boot", Path("/proc/sys/kernel/random/boot_id").read_bytes().strip())
    session, generation, _, reserved, version = ROW.unpack(rows)
    assert (session, generation, version) == (SESSION, GENERATION, 44)
    assert reserved == RESERVED + done.leap
    assert done.leap >= restoring.LEAP


def test_what_is_there_is_neither_read_nor_copied_again(backups: Backups) -> None:
    rest = shorten(backups, len(backups.busy.rig.log) // 2)
    first, read = backups.take()
    assert read > first.size / 2
    again, read_again = backups.take()
    assert backups.repository.added == 0
    assert read_again <= SEGMENT_BYTES + 1000, "only the segment in use, and the message store"
    extend(backups, rest)
    later, read_later = backups.take()
    full = [file for file in first.below("journal") if file.known]
    assert len(full) > 1
    assert full == [file for file in later.below("journal") if file in full]
    assert later.size - sum(file.size for file in full) + SEGMENT_BYTES >= read_later
    assert (again.seq, later.seq) == (first.seq, len(backups.busy.rig.log))
    assert backups.prove().problems == []


def test_a_changed_file_of_the_same_size_and_time_is_copied(backups: Backups) -> None:
    store = backups.data / "gateway.1" / f"{0:020}.fix"
    backups.take()
    status = store.stat()
    store.write_bytes(store.read_bytes().replace(b"m", b"M"))
    os.utime(store, ns=(status.st_atime_ns, status.st_mtime_ns))
    backups.take()
    backups.restore()
    assert (backups.restored / "gateway.1" / store.name).read_bytes()[BOOT.stop :] == store.read_bytes()[BOOT.stop :]


@pytest.mark.parametrize("back", [1, 7, 60, 200])
def test_a_venue_goes_back_to_a_record(backups: Backups, back: int) -> None:
    mark, last = backups.busy.marks[0], len(backups.busy.rig.log)
    seq = last - back
    rest = shorten(backups, seq - 20)
    backups.busy.save(mark, backups.busy.core_at(mark))
    backups.take()
    extend(backups, rest)
    second = backups.busy.marks[1]
    if second > seq:
        backups.busy.save(second, backups.busy.core_at(second))
    backups.take()
    done = backups.restore(seq)
    assert seq - 4 <= done.seq <= seq, "a group is not cut"
    assert done.lost_seq == last
    report = verify(backups.restored / "journal")
    assert (report.corruption, report.last_seq, report.torn_bytes) == (None, done.seq, 0)
    assert report.chain == chain_at(backups.data / "journal", done.seq)
    assert [entry.seq for entry in snapshot_catalog.entries(backups.restored)] == [mark]
    settled = max(each for each in backups.busy.marks if each <= done.seq)  # elsewhere the router is on its way
    assert backups.state(backups.restored, settled) == backups.state(backups.data, settled)
    with JournalWriter(backups.restored / "journal", "none", SEGMENT_BYTES) as writer:
        assert writer.last_seq == done.seq
        writer.append(rest[done.seq - (seq - 20) :][:5])  # it goes on from there


def test_before_the_first_backup_there_is_the_journal_alone(backups: Backups) -> None:
    mark = backups.busy.marks[1]
    backups.busy.save(mark, backups.busy.core_at(mark))
    backups.take()
    done = backups.restore(backups.busy.marks[0])
    assert sorted(path.name for path in backups.restored.iterdir()) == ["gateway.1", "journal", "venue.toml"]
    assert [path.name for path in (backups.restored / "gateway.1").glob("*.fix")] == []
    assert seq_num_file.read(backups.restored / "gateway.1")[1], "no number is given twice"
    assert backups.state(backups.restored, done.seq) == backups.state(backups.data, done.seq)


def test_what_no_backup_leads_to_is_refused(backups: Backups) -> None:
    backups.take()
    for seq in (0, len(backups.busy.rig.log) + 1):
        with pytest.raises(RepositoryError, match="there is no record"):
            restoring.plan(backups.repository.points(), seq)


def test_what_retention_removes_stays_in_the_backups(backups: Backups) -> None:
    first, second = backups.busy.marks[:2]
    for mark in (first, second):
        backups.busy.save(mark, backups.busy.core_at(mark))
    backups.take()
    before = backups.state(backups.data, len(backups.busy.rig.log))
    assert retain(backups.data / "journal", second + 1)
    assert segment_seqs(backups.data / "journal")[0] > 1
    point, _ = backups.take()
    assert (point.first_seq, point.database_seq) == (1, None)
    done = backups.restore()
    assert segment_seqs(backups.restored / "journal")[0] == 1
    assert backups.state(backups.restored, done.seq) == before


def test_a_pinned_snapshot_is_kept_and_counts_as_kept(backups: Backups) -> None:
    marks = backups.busy.marks
    for mark in marks:
        backups.busy.save(mark, backups.busy.core_at(mark))
    with snapshot_catalog.pinned(backups.data, marks[0]) as is_there:
        assert is_there
        assert [entry.seq for entry in snapshot_catalog.prune(backups.data, 1)] == [marks[0], marks[-1]]
    assert [entry.seq for entry in snapshot_catalog.prune(backups.data, 1)] == [marks[-1]]
    with snapshot_catalog.pinned(backups.data, marks[0]) as is_there:
        assert not is_there


def test_only_so_many_backups_are_kept(backups: Backups) -> None:
    rest = shorten(backups, len(backups.busy.rig.log) - 200)
    for at in range(0, 200, 50):
        backups.take(keep=2)
        extend(backups, rest[at : at + 50])
    points = backups.repository.points()
    assert len(points) == 2
    wanted = {file.sha256 for point in points for file in point.files}
    assert {path.name for path in backups.repository.folder.glob("objects/??/*")} == wanted
    assert backups.prove().problems == []


def test_the_newest_backups_are_kept_also_of_a_venue_at_rest(backups: Backups) -> None:
    """Whose log stays where it is, while its sessions' messages go on."""
    store = backups.data / "gateway.1" / f"{0:020}.fix"
    for round in range(6):
        store.write_bytes(store.read_bytes() + b"%d" % round)
        taken, _ = backups.take(keep=2)
        points = backups.repository.points()
        assert points[-1] == taken
        assert len(points) == min(round + 1, 2)
    newest = backups.repository._paths()[-1]
    newest.rename(newest.with_name(f"{taken.seq:020}-999.json"))  # beyond what the name has digits for
    last = backups.repository.publish(taken)
    assert last.stem.endswith("-1000")
    assert backups.repository._paths()[-1] == last


def test_contents_of_no_backup_are_removed_before_the_disk_is_asked_for_more(backups: Backups) -> None:
    backups.take()
    for path in backups.repository.folder.glob("points/*.json"):
        path.unlink()  # by whoever makes room
    backups.repository.lock().release()
    assert list(backups.repository.folder.glob("objects/??/*")) == []


def test_what_is_no_part_of_a_venue_is_in_no_backup(backups: Backups) -> None:
    """A user's copy of a store, and files beside the segments."""
    point, _ = backups.take()
    store = backups.data / "gateway.1"
    shutil.copytree(store, backups.data / "gateway.1.bak")
    (backups.data / "gateway.tar").touch()
    for name in (f"{0:020} (copy).fix", "copy.fix"):
        shutil.copy(store / f"{0:020}.fix", store / name)
    again, _ = backups.take()
    assert [file.path for file in again.files] == [file.path for file in point.files]
    assert backups.prove().problems == []
    assert copies.look(backups.data, 1).stores.keys() == {"gateway.1"}
    answer = command("fix-log", "--config", backups.busy.file)
    assert "Traceback" not in answer.stderr


def test_root_restores_into_a_folder_of_its_owner(backups: Backups) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    backups.take()
    owner = pwd.getpwnam("nobody")
    backups.restored.mkdir()
    os.chown(backups.restored, owner.pw_uid, owner.pw_gid)
    answer = command("restore", backups.repository.folder, "--to", backups.restored)
    assert answer.returncode == 0, answer.stderr
    found = [*backups.restored.rglob("*")]
    assert len(found) > 3
    assert {(path.stat().st_uid, path.stat().st_gid) for path in found} == {(owner.pw_uid, owner.pw_gid)}


def test_root_leaves_nothing_of_its_own_in_another_s_backups(backups: Backups) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root acts for others")
    backups.take()
    owner = pwd.getpwnam("nobody").pw_uid
    for path in [backups.repository.folder, *backups.repository.folder.rglob("*")]:
        os.chown(path, owner, -1)
    # Whether its owner can reach the folder here or not.
    assert "Traceback" not in command("backup", backups.repository.folder, "--verify").stderr
    assert {path.stat().st_uid for path in backups.repository.folder.rglob("*")} == {owner}


@pytest.mark.parametrize("rate", ["-1", "nan", "inf"])
def test_a_rate_that_is_none_is_refused(backups: Backups, rate: str) -> None:
    for arguments in (["backup", backups.repository.folder, backups.busy.file],
                      ["restore", backups.repository.folder, "--to", backups.restored]):  # fmt: skip
        answer = command(*arguments, f"--rate={rate}")
        assert (answer.returncode, "--rate is 0 or more" in answer.stderr) == (2, True), answer.stderr


def test_what_an_interrupted_restore_has_left_is_named(backups: Backups) -> None:
    backups.take()
    (backups.restored / restoring.STAGE).mkdir(parents=True)
    answer = command("restore", backups.repository.folder, "--to", backups.restored)
    assert (answer.returncode, "an interrupted restore has left" in answer.stderr) == (2, True)


def test_another_venue_and_another_history_are_refused(backups: Backups, tmp_path: Path) -> None:
    backups.take()
    (tmp_path / "other").mkdir()
    other = Backups(tmp_path / "other")
    other.repository = backups.repository
    with pytest.raises(RepositoryError, match="backups of another venue"):
        other.take()
    shorten(backups, len(backups.busy.rig.log) - 100)
    with pytest.raises(RepositoryError, match="has another history"):
        backups.take()


def test_two_at_once_take_turns(backups: Backups) -> None:
    lock = backups.repository.lock()
    answer = command("backup", backups.repository.folder, backups.busy.file)
    lock.release()
    assert answer.returncode == 2
    assert "another backup is being made" in answer.stderr


def test_a_backup_that_is_killed_leaves_those_before_and_what_it_has_copied(backups: Backups) -> None:
    rest = shorten(backups, 300)
    first, _ = backups.take()
    extend(backups, rest)
    words = [sys.executable, "-m", "lockstep", "backup", backups.repository.folder, backups.busy.file, "--rate", "0.02"]
    process = subprocess.Popen([*map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    before = len([*backups.repository.folder.glob("objects/??/*")])
    deadline = time.monotonic() + 60
    while len([*backups.repository.folder.glob("objects/??/*")]) < before + 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)  # it is another process's
    assert os.getpriority(os.PRIO_PROCESS, process.pid) == 19
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert backups.repository.points() == [first]
    assert backups.prove().problems == []
    point, _ = backups.take()
    assert [*backups.repository.folder.glob("objects/new"), *backups.repository.folder.glob("points/unfin*")] == []
    assert point.seq == len(backups.busy.rig.log)
    assert backups.prove().problems == []


def test_a_full_disk_costs_only_the_backup_that_is_made(
    backups: Backups, small_disk: Callable[[int], SmallDisk]
) -> None:
    disk = small_disk(8 << 20)
    backups.repository = Repository(disk.folder / "backup")
    rest = shorten(backups, 300)
    first, _ = backups.take()
    extend(backups, rest)
    disk.fill(leave=2 * SEGMENT_BYTES)
    answer = command("backup", backups.repository.folder, backups.busy.file)
    assert answer.returncode == 1
    assert "no backup was made" in answer.stderr
    assert "No space left" in answer.stderr
    assert backups.repository.points() == [first]
    disk.empty()
    assert backups.prove().problems == []
    assert command("backup", backups.repository.folder, backups.busy.file).returncode == 0
    assert backups.prove().problems == []


def test_the_commands_say_what_came_of_them(backups: Backups) -> None:
    answer = command("backup", backups.repository.folder, backups.busy.file, "--json")
    assert answer.returncode == 0, answer.stderr
    assert msgspec.json.decode(answer.stdout)["seq"] == len(backups.busy.rig.log)
    answer = command("backup", backups.repository.folder, "--verify")
    assert (answer.returncode, answer.stdout.splitlines()[-1]) == (0, "verified: all is well")
    answer = command("restore", backups.repository.folder, "--to", backups.restored, "--at-seq", 300)
    assert answer.returncode == 0, answer.stderr
    assert "are lost, although clients may have seen them" in answer.stdout
    answer = command("restore", backups.repository.folder, "--to", backups.restored)
    assert (answer.returncode, "is not empty" in answer.stderr) == (2, True)
    for wrong in (backups.data / "backup", backups.data.parent):
        assert command("backup", wrong, backups.busy.file).returncode == 2
