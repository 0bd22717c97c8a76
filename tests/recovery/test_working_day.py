"""Every stage comes back from a journal that has every type of command and event: cold, and from each snapshot."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec import structs

from lockstep import config
from lockstep.config.schema import Config, FixSection, JournalSection, ProcessesSection, RingsSection, VenueSection
from lockstep.core.venue.snapshot_parts import Start
from lockstep.core.venue.topology import DOWNSTREAM_ROLES, role_of
from tests.recovery.whole_venue import EDGES, Ending, Past, Run, caught_up, copied, snapshots_in
from tests.recovery.working_day import gateway_of, working_day
from tests.router.random_driver import write_journal
from tests.router.rig import ACCOUNTS

STEPS = 600
SEGMENT_BYTES = 1 << 20
GENESIS = Start.genesis()


def small() -> Config:
    """The demo's configuration, with two gateways, and rings that are full again and again."""
    demo = config.load(Path(__file__).parents[2] / "lockstep" / "config" / "demo.toml")
    return structs.replace(
        demo,
        venue=VenueSection(durability="none"),
        fix=FixSection(port=0, gateways=2),
        rings=RingsSection(ingress=256, log=256, events=512),
        journal=JournalSection(segment_bytes=SEGMENT_BYTES, reserve_bytes=65_536),
        processes=ProcessesSection(profile="spread"),
    )


class Day(NamedTuple):
    """A past, what a node that followed all day has come to, its folder, and where starts may begin."""

    past: Past
    ending: Ending
    folder: Path
    starts: list[Start]


def lived(seed: int, folder: Path) -> Day:
    """A day of the core, and a node that follows it and saves its part of each snapshot."""
    rig = working_day(seed, STEPS)
    data = folder / "data"
    write_journal(rig, data / "journal", segment_bytes=SEGMENT_BYTES)
    homes = {f"T{account}": gateway_of(account) for account in range(1, ACCOUNTS + 1)}
    past = Past(small(), rig, homes, data)
    followed = copied(data, folder / "followed")
    run = Run(past, followed, GENESIS, random.Random(seed), follows=True, saves=True)
    ending = run.run()
    run.close()
    return Day(past, ending, followed, snapshots_in(rig, run.parts, folder / "snapshots"))


def begun(day: Day) -> list[tuple[Start, Path]]:
    """All starts of a day: cold in a folder with the journal alone, cold and from each snapshot where it was lived."""
    return [(GENESIS, day.past.data), *((start, day.folder) for start in (GENESIS, *day.starts[:-1]))]


def check_all(day: Day, folder: Path, draw: random.Random) -> None:
    """All stages start together, as a node that leads and as one that follows; each edge starts again alone."""
    for number, (start, of) in enumerate(begun(day)):
        for follows in (False, True):
            run = Run(day.past, copied(of, folder / f"{number} {follows}"), start, draw, follows=follows)
            ended(day, run, start)
        if of == day.past.data:
            continue  # whoever starts again alone has a predecessor
        for name in EDGES:
            ways = (False, True) if role_of(name) in DOWNSTREAM_ROLES else (False,)
            for left in ways:
                data = copied(of, folder / f"{number} {name} {left}")
                same(name, caught_up(day.past, data, name, start, draw, left=left), day.ending, start)


def check_core(day: Day, folder: Path, draw: random.Random) -> None:
    """The core starts again next to edges that have read some of the way, and everything before the snapshot."""
    for follows in (False, True):
        run = Run(day.past, copied(day.past.data, folder / f"core {follows}"), GENESIS, draw, follows=follows)
        run.run(draw.randint(1, 60))
        start = draw.choice([start for start in (GENESIS, *day.starts) if run.has_handled(start)])
        run.restart_core(start)
        ended(day, run, start)


def ended(day: Day, run: Run, start: Start) -> None:
    """The run comes to the same events, from `start` on, and to the same states."""
    found = run.run()
    run.close()
    for ring, events in found.events.items():
        assert events == day.past.rig.events[ring][start.numbers[ring] :], f"ring {ring} from {start.seq} on"
    for name, state in found.states.items():
        same(name, state, day.ending, start)


def same(name: str, state: dict[str, Any], ending: Ending, start: Start) -> None:
    expected = ending.states[name]
    differs = [part for part in expected if state[part] != expected[part]]
    assert not differs, f"{name}, from {start.seq} on, has other {differs}"


def test_each_stage_comes_back_from_a_day_of_everything(tmp_path: Path) -> None:
    seed = int(os.environ.get("LOCKSTEP_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
    print(f"seed {seed}")
    day = lived(seed, tmp_path)
    check_all(day, tmp_path / "again", random.Random(seed))
    check_core(day, tmp_path / "again", random.Random(seed))


@pytest.mark.soak
def test_each_stage_comes_back_from_many_days(tmp_path: Path) -> None:
    until = time.monotonic() + float(os.environ.get("SOAK_S", "60"))
    for seed in itertools.count(random.SystemRandom().randrange(1, 2**32)):
        print(f"seed {seed}")
        folder = tmp_path / str(seed)
        day = lived(seed, folder)
        check_all(day, folder / "again", random.Random(seed))
        check_core(day, folder / "again", random.Random(seed))
        shutil.rmtree(folder)
        if time.monotonic() > until:
            return
