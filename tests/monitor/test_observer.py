"""Whoever watches a venue follows it from run to run, and looks once for many who ask."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from lockstep.config.schema import AssetSection, Config, InstrumentSection, RingsSection
from lockstep.core.files import atomic_file
from lockstep.core.venue import venue as ground
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Manifest, Venue, manifest_of
from lockstep.procs.monitor.observer import FRESH_S, Observer
from lockstep.shm.board import Word

CONFIG = Config(
    rings=RingsSection(ingress=64, log=64, events=64),
    assets=[AssetSection(name="BTC", scale=8), AssetSection(name="USDT", scale=8)],
    instruments=[InstrumentSection(symbol="BTCUSDT", base="BTC", quote="USDT", tick="0.01", lot="0.0001")],
)

Begin = Callable[[], Manifest]


class Clock:
    """Monotonic seconds that a test sets."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Begins a run, as a supervisor does."""
    manifests: list[Manifest] = []

    def start() -> Manifest:
        manifests.append(ground.create(derive(CONFIG), CONFIG, tmp_path, uuid.uuid4().hex))
        tell(tmp_path, manifests[-1])
        return manifests[-1]

    (tmp_path / "run").mkdir()
    yield start
    for manifest in manifests:
        ground.destroy(manifest)


def tell(data: Path, manifest: Manifest) -> None:
    atomic_file.replace(manifest_of(data), msgspec.json.encode(manifest))


def test_it_follows_from_no_run_to_a_run_and_on_to_the_next(tmp_path: Path, begin: Begin) -> None:
    clock = Clock()
    observer = Observer(tmp_path, clock)

    def boot_id() -> str | None:
        clock.now_s += FRESH_S
        reading = observer.look()
        return None if reading is None else reading.boot_id

    assert boot_id() is None
    first = begin()
    assert boot_id() == first.boot_id
    assert observer.heartbeat_ms == 10_000
    ground.destroy(first)
    manifest_of(tmp_path).unlink()
    assert boot_id() is None
    second = begin()
    assert boot_id() == second.boot_id != first.boot_id
    ground.destroy(second)  # killed: its manifest is still there, and its memory is gone
    tell(tmp_path, second)
    assert boot_id() is None


def test_it_changes_to_the_rings_of_a_core_that_starts_again(tmp_path: Path, begin: Begin) -> None:
    clock = Clock()
    observer = Observer(tmp_path, clock)
    manifest = begin()
    venue = Venue.attach(manifest)
    venue.board.set(Word.LOG_END, 7)
    before = observer.look()
    assert before is not None
    assert (before.generation, before.log_end) == (1, 7)
    later = structs.replace(manifest, generation=2)
    ground.create_generation(later)
    tell(tmp_path, later)
    ground.remove_generation(manifest, 1)
    venue.board.set(Word.GENERATION, 2)
    venue.board.set(Word.LOG_END, 3)
    clock.now_s += FRESH_S
    after = observer.look()
    assert after is not None
    assert (after.generation, after.log_end, after.boot_id) == (2, 3, before.boot_id)


def test_one_look_answers_all_who_ask_at_once(tmp_path: Path, begin: Begin) -> None:
    clock = Clock()
    observer = Observer(tmp_path, clock)
    board = Venue.attach(begin()).board
    first = observer.look()
    board.set(Word.LOG_END, 9)
    clock.now_s += FRESH_S / 2
    assert observer.look() is first
    clock.now_s += FRESH_S
    second = observer.look()
    assert second is not None
    assert second.log_end == 9


def test_a_run_that_has_just_begun_is_told_as_one_that_does_not_run(tmp_path: Path, begin: Begin) -> None:
    begin()
    reading = Observer(tmp_path).look()
    assert reading is not None
    assert not reading.running
    assert reading.supervisor is None
    assert {agent.state for agent in reading.agents} == {"starting"}
    assert {host.pid for host in reading.hosts} == {0}
    assert [(each.is_open, each.sessions) for each in reading.gateways] == [(False, 0)]
