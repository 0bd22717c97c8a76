"""A copy as a stream: what is unpacked is what was sent, or an error says that it is not."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockstep.cli.backup.pace import Pace
from lockstep.cli.backup.repository import Point
from lockstep.cli.backup.sending import Sending
from lockstep.cli.backup.stream import StreamError, Writer, unpack
from lockstep.cli.backup.taking import Taking
from tests.cli.backup.backups import Backups

SEED = 20261123


@pytest.fixture
def sent(backups: Backups) -> tuple[Backups, bytes]:
    """A venue with a snapshot, and a copy of it as it is sent."""
    mark = backups.busy.marks[1]
    backups.busy.save(mark, backups.busy.core_at(mark))
    out = io.BytesIO()
    writer = Writer(out)
    writer.point(Taking(backups.busy.config, Sending(writer, backups.data), Pace()).take())
    return backups, out.getvalue()


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def unpacked(data: bytes, folder: Path, size: int = 100_000) -> Point:
    folder.mkdir()
    return unpack(pieces(data, size), folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_copy_has_what_a_backup_has(sent: tuple[Backups, bytes], tmp_path: Path) -> None:
    backups, data = sent
    point = unpacked(data, tmp_path / "there", 977)
    kept, _ = backups.take()
    assert {(file.path, file.size, file.sha256, file.known) for file in point.files} == {
        (file.path, file.size, file.sha256, file.known) for file in kept.files
    }
    assert (point.seq, point.chain, point.snapshot) == (kept.seq, kept.chain, kept.snapshot)
    assert contents(tmp_path / "there") == {
        file.path: backups.repository.object(file.sha256).read_bytes() for file in kept.files
    }


def test_a_copy_that_ends_too_soon_or_has_changed_is_none(sent: tuple[Backups, bytes], tmp_path: Path) -> None:
    draw = random.Random(SEED)
    print("seed", SEED)
    data = sent[1]
    for number in range(30):
        at = draw.randrange(len(data))
        with pytest.raises(StreamError):
            unpacked(data[:at], tmp_path / f"cut{number}")
        changed = bytearray(data)
        changed[at] ^= 1 << draw.randrange(8)
        with pytest.raises(StreamError):
            unpacked(bytes(changed), tmp_path / f"changed{number}")


def test_a_file_that_was_given_up_or_comes_again_counts_as_it_came_last(
    sent: tuple[Backups, bytes], tmp_path: Path
) -> None:
    """Retention removes a segment while it is copied; the journal's last one is full, and comes whole."""
    data = sent[1]
    point = unpacked(data, tmp_path / "there")
    last = point.below("journal")[-1].path
    out = io.BytesIO()
    writer = Writer(out)

    def gone() -> Iterator[bytes]:
        yield b"half"
        raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        writer.file(f"journal/{0:020}.journal", gone())
    writer.file(f"spool/{1:016x}.spool", iter([b"the backup is of later ones"]))
    writer.file(last, iter([b"as far as it was written"]))
    again = unpacked(out.getvalue() + data, tmp_path / "again")
    assert again == point
    assert contents(tmp_path / "again") == contents(tmp_path / "there")


@pytest.mark.parametrize("path", ["../venue.toml", "/etc/passwd", "journal/../x", "node/role.json", "journal/x"])
def test_a_copy_can_not_name_a_place_elsewhere(tmp_path: Path, path: str) -> None:
    out = io.BytesIO()
    Writer(out).file(path, iter([b"mine"]))
    with pytest.raises(StreamError, match="names what no copy has"):
        unpacked(out.getvalue(), tmp_path / "data")
    assert not any((tmp_path / "data").iterdir())
