"""A part of a snapshot is read as it was written, bit for bit, or refused."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest

from lockstep.core.tables.saved import STAGES, DamagedPart, Loader, Saver, layout_hash
from tests.tables.parts import load, part_of
from tests.tables.probe import Table

LARGE = 3 << 18  # bytes: beyond the saver's buffer


class Note(msgspec.Struct, frozen=True):
    text: str
    number: int


@pytest.fixture
def part() -> Iterator[int]:
    """A file that is nowhere."""
    fd = os.memfd_create("part")
    yield fd
    os.close(fd)


def used_table(draw: Random, size: int = 20_000) -> Table:
    """A table with holes: its spare items will be handed out in an order that only its past tells."""
    table = Table()
    for key in range(size):
        table.put(key)
        table.push(key * key)
    for key in draw.sample(range(size), size // 3):
        table.remove(key)
    return table


def test_bytes_and_values_come_back(part: int, tmp_path: Path) -> None:
    large = Random(1).randbytes(LARGE)
    saver = Saver(part)
    saver.write(b"")
    saver.write(large)
    saver.object({"of": [1, -2]})
    saver.object(Note("a", 7))
    saver.finish()
    (tmp_path / "some.part").write_bytes(os.pread(part, 2 * LARGE, 0))
    for source in (part, tmp_path / "some.part", str(tmp_path / "some.part")):
        loader = Loader(source)
        assert (loader.read(), loader.read(), loader.object(), loader.object(Note)) == (
            b"", large, {"of": [1, -2]}, Note("a", 7),
        )  # fmt: skip
        loader.finish()


def test_a_loaded_table_goes_on_as_the_original_does() -> None:
    draw = Random(2)
    table, loaded = used_table(draw), Table()
    data = part_of(table)
    assert data == part_of(table), "saving changed it"
    load(loaded, data)
    assert part_of(loaded) == data
    assert (loaded.tags(), loaded.values) == (table.tags(), table.values)
    loaded.check()
    for key in range(50_000, 90_000):
        assert loaded.put(key) == table.put(key)
        loaded.push(key)
        table.push(key)
        if draw.random() < 0.4:
            assert loaded.remove(key) == table.remove(key)
    loaded.check()
    assert part_of(loaded) == part_of(table)


def test_a_table_that_has_grown_takes_a_smaller_one() -> None:
    small, large = used_table(Random(3), 100), used_table(Random(4))
    load(large, part_of(small))
    large.check()
    assert [large.find(key) for key in range(200)] == [small.find(key) for key in range(200)]
    assert large.values == small.values


def test_a_part_that_is_not_what_was_written_is_refused() -> None:
    draw, data = Random(5), part_of(used_table(Random(5), 300))
    places = [*range(40), *(draw.randrange(len(data)) for _ in range(400)), *range(len(data) - 20, len(data))]
    for place in places:
        flipped = bytearray(data)
        flipped[place] ^= 1 << draw.randrange(8)
        for damaged in (bytes(flipped), data[:place], data[:place] + data[place + 1 :]):
            with pytest.raises(DamagedPart):
                load(Table(), damaged)
    for grown in (data + b"\0", data + data, b"\0" + data, data + data[-16:]):
        with pytest.raises(DamagedPart):
            load(Table(), grown)


def test_a_part_that_holds_more_or_less_than_is_read_is_refused(part: int) -> None:
    saver = Saver(part)
    saver.write(b"four")
    saver.finish()
    with pytest.raises(DamagedPart, match="12 bytes of a part were not read"):
        Loader(part).finish()
    loader = Loader(part)
    loader.read()
    with pytest.raises(DamagedPart):
        loader.read()
    with pytest.raises(DamagedPart):
        Table().load(Loader(part))


def test_what_is_finished_takes_no_more(part: int) -> None:
    saver = Saver(part)
    saver.finish()
    with pytest.raises(RuntimeError):
        saver.write(b"more")
    Loader(part).finish()


def test_a_file_that_takes_no_more_is_an_error() -> None:
    fd = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(OSError, match="not written") as raised:
            Saver(fd).write(bytes(LARGE))
        assert raised.value.errno == errno.ENOSPC
    finally:
        os.close(fd)


def test_the_layout_is_the_same_whenever_it_is_asked() -> None:
    before = layout_hash()
    layout_hash.cache_clear()  # type: ignore[attr-defined]
    assert 0 < layout_hash() == before < 2**63


def test_every_room_that_saves_a_table_counts_for_the_layout() -> None:
    root = Path(__file__).parents[2] / "lockstep"
    saving = {"/".join(path.relative_to(root).parts[:2]) for path in root.rglob("*.pxd") if "Saver" in path.read_text()}
    assert "procs/api" in saving
    assert saving <= set(STAGES)
