"""What is damaged in backups is found, and nothing of it is carried out, restored or taken for whole."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from msgspec import structs

from lockstep import config
from lockstep.cli.backup import proving
from lockstep.cli.backup.pace import Pace
from lockstep.cli.backup.proving import Proof
from lockstep.cli.backup.repository import Point, RepositoryError, Sealed
from lockstep.core.journal.journal import JournalError, segment_path, segment_seqs
from lockstep.shm.segment import RoleLock
from tests.cli.backup.backups import Backups, command

Taken = tuple[Backups, Point]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    """A backup of which tests change nothing but its point."""
    backups = Backups(tmp_path_factory.mktemp("whole"))
    return backups, backups.take()[0]


@pytest.mark.parametrize("kind", ["journal/", "snapshots/", "gateway.1/"])
def test_a_flipped_bit_is_found_by_verify_and_by_restore(backups: Backups, kind: str) -> None:
    mark = backups.busy.marks[0]
    backups.busy.save(mark, backups.busy.core_at(mark))
    point, _ = backups.take()
    assert backups.prove().problems == []
    file = next(file for file in point.files if file.path.startswith(kind))
    path = backups.repository.object(file.sha256)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert [problem.partition(":")[0] for problem in backups.prove().problems] == [file.path]
    with pytest.raises(RepositoryError, match=f"{file.path} is damaged in the backup"):
        backups.restore()
    assert list(backups.restored.iterdir()) == []


@pytest.mark.parametrize("segment", [0, 1])
def test_a_damaged_journal_is_not_copied_as_if_it_were_whole(backups: Backups, segment: int) -> None:
    seqs = segment_seqs(backups.data / "journal")
    path = segment_path(backups.data / "journal", seqs[segment])
    content = bytearray(path.read_bytes())
    content[4096 + 200] ^= 1
    path.write_bytes(content)
    with pytest.raises(JournalError, match=path.name):
        backups.take()
    assert backups.repository.points() == []


def test_a_flipped_bit_in_a_point_and_a_lost_file_are_found(backups: Backups) -> None:
    point, _ = backups.take()
    backups.repository.object(point.files[0].sha256).unlink()
    assert point.files[0].path in backups.prove().problems[0]
    (path,) = backups.repository.folder.glob("points/*.json")
    path.write_bytes(path.read_bytes().replace(b'"first_seq":1,', b'"first_seq":2,'))
    with pytest.raises(RepositoryError, match="its checksum differs"):
        backups.repository.points()


def test_verify_finds_a_snapshot_that_the_journal_does_not_lead_to(backups: Backups) -> None:
    first, second = backups.busy.marks[:2]
    backups.busy.save(first, backups.busy.core_at(first))
    backups.take()
    other = backups.busy.core_at(second)
    listed = min(other.matchers[1].book.digests())
    other.matchers[1].book.give_away(int(listed.split()[1]))
    backups.busy.save(second, other)
    backups.take()
    found = backups.prove()
    assert (found.replayed_from, found.compared) == (first, [])
    assert found.problems == [f"snapshot {second:,}: matcher.1 ({listed}) has other state than the journal"]


def test_verify_goes_by_way_of_every_snapshot(backups: Backups) -> None:
    first, second = backups.busy.marks[:2]
    for mark in (first, second):
        backups.busy.save(mark, backups.busy.core_at(mark))
        backups.take()
    found = backups.prove()
    assert (found.problems, found.replayed_from, found.compared) == ([], first, [second])
    assert found.seq == len(backups.busy.rig.log)


@pytest.mark.parametrize("place", ["../../outside", "/outside", "journal/../../outside", "snapshots/1/.hidden",
                                   "venue.toml", "run/manifest.json", "journal/x", "gateway.1/numbers\n"])  # fmt: skip
def test_a_point_names_no_place_but_a_backups(whole: Taken, place: str) -> None:
    backups, point = whole
    elsewhere = structs.replace(point, files=[structs.replace(point.files[0], path=place), *point.files[1:]])
    with pytest.raises(RepositoryError, match="no backup was made"):
        backups.repository.publish(elsewhere)
    planted(backups, elsewhere)
    with pytest.raises(RepositoryError, match="is damaged"):
        backups.prove()
    with pytest.raises(RepositoryError, match="is damaged"):
        backups.restore()
    assert [*backups.restored.iterdir()] == []
    backups.restored.rmdir()


def test_the_commands_say_that_a_point_names_another_place(whole: Taken) -> None:
    backups, point = whole
    planted(backups, structs.replace(point, files=[structs.replace(point.files[0], path="../../outside")]))
    for arguments in (["restore", backups.repository.folder, "--to", backups.restored],
                      ["backup", backups.repository.folder, "--verify"]):  # fmt: skip
        answer = command(*arguments)
        assert answer.returncode == 1
        assert "Traceback" not in answer.stderr
        assert "is damaged" in answer.stdout + answer.stderr
        assert "points" in answer.stdout + answer.stderr
    assert not backups.restored.exists() or [*backups.restored.iterdir()] == []


def planted(backups: Backups, point: Point) -> None:
    """Have the backup's point be this one, with the checksum that it should have."""
    (path,) = backups.repository.folder.glob("points/*.json")
    content = msgspec.json.encode(point)
    path.write_bytes(msgspec.json.encode(Sealed(hashlib.sha256(content).hexdigest(), msgspec.Raw(content))))


def test_nothing_of_a_point_is_carried_out(backups: Backups) -> None:
    point, _ = backups.take()
    alerts = structs.replace(point.config.alerts, command="touch /tmp/planted")
    planted(backups, structs.replace(point, config=structs.replace(point.config, alerts=alerts)))
    assert config.load(backups.restore().config).alerts.command == ""


def test_a_content_that_is_copied_again_is_whole_again(backups: Backups) -> None:
    point, _ = backups.take()
    file = next(file for file in point.files if file.path.endswith(".fix"))
    path = backups.repository.object(file.sha256)
    path.write_bytes(bytes(file.size))
    (problem,) = backups.prove().problems
    assert f"{path} fails its checksum: remove that, and the next backup copies it again" in problem
    path.unlink()
    backups.take()
    assert backups.prove().problems == []
    path.write_bytes(bytes(file.size))
    backups.repository.add_content(file.path, iter([(backups.data / file.path).read_bytes()]))
    assert backups.prove().problems == []


def test_a_proof_removes_what_a_killed_one_has_left_and_no_other_s(backups: Backups) -> None:
    backups.take()
    left, others = (backups.repository.folder / f"proof-{name}" for name in ("left", "others"))
    left.mkdir()
    (left / "file").touch()
    lock = RoleLock(others / proving.LOCK)
    lock.acquire()
    assert backups.prove().problems == []
    assert [*backups.repository.folder.glob("proof-*")] == [others]
    lock.release()


def test_what_a_backup_removes_meanwhile_is_no_damage(backups: Backups) -> None:
    points = [backups.take()[0]]
    store = backups.data / "gateway.1" / f"{0:020}.fix"
    store.write_bytes(store.read_bytes() + b"more")
    backups.take(keep=1)
    found = Proof([])
    proving.check_files(backups.repository, points, found, Pace())
    assert found.problems == []
