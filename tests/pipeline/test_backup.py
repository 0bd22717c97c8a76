"""The drill: a venue that trades is copied and killed, and goes on from the copy elsewhere, or from before."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from lockstep import config
from lockstep.cli.replay import digests_of
from lockstep.core.recovery import snapshot_catalog
from lockstep.core.recovery.replay import ReplayedCore
from lockstep.core.venue.snapshot_parts import Start
from tests.pipeline.client import FixClient
from tests.pipeline.conftest import FEW, RunningVenue
from tests.pipeline.stream import Stream, await_progress, finish, repeated
from tests.pipeline.test_database import await_database, save

ROUNDS = 3
KEPT = ("kept1", "kept2")


class Elsewhere(RunningVenue):
    """The venue that was restored from `folder`'s backups, on the ports of the one that is no more."""

    def __init__(self, of: RunningVenue, folder: Path) -> None:
        folder.mkdir()
        super().__init__(folder, hosts=FEW)
        self.fix_port, self.market_port = of.fix_port, of.market_port
        self.config = folder / "data" / "venue.toml"


class Drill:
    """A venue that was backed up while it traded, and once more at rest, and then killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.venue = RunningVenue(folder, hosts=FEW)
        self.data = folder / "data"
        self.points: list[dict[str, Any]] = []

    def trade(self) -> None:
        self.venue.start()
        self.trader, self.keeper = self.venue.client("TRADER1"), self.venue.client("TRADER2")
        stream = Stream(self.trader)
        stream.start()
        for _ in range(ROUNDS):
            await_progress(stream, time.monotonic())
            save(self.venue)
            await_progress(stream, time.monotonic())
            self.points.append(self.backup())
        finish(stream)
        self.keeper.connect()
        for name in KEPT:
            self.keeper.order(name, "buy", "1.00", "0.001")
            self.keeper.await_report(name, "0")
        self.points.append(self.backup())
        self.venue.kill_all()

    def backup(self) -> dict[str, Any]:
        """At the tests' own priority: the lowest one gets nothing where all of them run at once."""
        return lockstep("backup", self.folder / "backup", self.venue.config, "--rate", 0)

    def restore(self, name: str, *arguments: object) -> tuple[Elsewhere, dict[str, Any]]:
        found = Elsewhere(self.venue, self.folder / name)
        done = lockstep("restore", self.folder / "backup", "--to", found.folder / "data", *arguments)
        return found, done

    def core_at(self, data: Path, seq: int) -> ReplayedCore:
        loaded = config.load(self.venue.config)
        loaded = structs.replace(loaded, venue=structs.replace(loaded.venue, data=str(data)))
        made = ReplayedCore(loaded, data, Start.genesis(), seq, reader=False)
        made.run()
        return made


def lockstep(command: str, *arguments: object) -> dict[str, Any]:
    """Run it, and return its answer."""
    words = [sys.executable, "-m", "lockstep", command, *map(str, arguments), "--json"]
    answer = subprocess.run(words, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return json.loads(answer.stdout)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    made = Drill(tmp_path_factory.mktemp("drill"))
    try:
        made.trade()
        yield made
    finally:
        if made.venue.process is not None:
            made.venue.kill_all()


def test_what_is_new_is_copied_and_all_is_proven(drill: Drill) -> None:
    assert [point["seq"] for point in drill.points] == sorted({point["seq"] for point in drill.points})
    assert all(point["added_bytes"] <= point["size_bytes"] for point in drill.points)
    marks = {point["snapshot"] for point in drill.points}
    assert len(marks) == ROUNDS
    proof = lockstep("backup", drill.folder / "backup", "--verify", "--rate", 0)
    assert proof["problems"] == []
    assert [proof["replayed_from"], *proof["compared"]] == sorted(marks)
    assert proof["orders_resting"] == len(KEPT)


def test_a_venue_goes_on_elsewhere(drill: Drill) -> None:
    venue, done = drill.restore("elsewhere")
    assert (done["seq"], done["lost_seq"]) == (drill.points[-1]["seq"],) * 2
    (mark,) = (entry.seq for entry in snapshot_catalog.entries(venue.folder / "data"))
    here, there = (drill.core_at(data, mark) for data in (drill.data, venue.folder / "data"))
    assert digests_of(here) == digests_of(there)
    venue.start()
    try:
        goes_on(drill.keeper, done["leap"])
        trade_on(drill.trader)
        await_database(venue)
    finally:
        assert venue.stop() == 0
    venue.verify()


def goes_on(client: FixClient, leap: int) -> None:
    """A client that received everything finds its orders and gets no number twice."""
    number = client.next_in
    client.connect()
    for name in KEPT:
        client.cancel(f"x{name}", name, "buy")
        client.await_report(f"x{name}", "4")
    assert client.next_in > number + leap
    reports = [message for message in client.received if message[35] == "8"]
    assert not repeated(message[17] for message in reports)
    client.close()


def trade_on(client: FixClient) -> None:
    """Its session goes on, and orders of other names are taken."""
    client.connect()
    client.order("later", "buy", "1.00", "0.001")
    client.await_report("later", "0")
    assert not repeated(message[17] for message in client.received if message[35] == "8")
    client.close()


def test_a_venue_goes_back_to_when_it_traded(drill: Drill) -> None:
    seq = (drill.points[0]["seq"] + drill.points[1]["seq"]) // 2
    venue, done = drill.restore("before", "--at-seq", seq)
    assert seq - 2 <= done["seq"] <= seq
    assert done["lost_seq"] == drill.points[-1]["seq"]
    assert [entry.seq for entry in snapshot_catalog.entries(venue.folder / "data")] == [drill.points[0]["snapshot"]]
    here, there = (drill.core_at(data, done["seq"]) for data in (drill.data, venue.folder / "data"))
    assert {number: matcher.digest() for number, matcher in here.matchers.items()} == {
        number: matcher.digest() for number, matcher in there.matchers.items()
    }
    resting = sum(matcher.book.resting for matcher in there.matchers.values())
    venue.start()
    try:
        client = venue.client("TRADER1")
        client.connect(reset=True)
        client.send("q", (11, "all"), (530, 7), (60, time.strftime("%Y%m%d-%H:%M:%S.000", time.gmtime())))
        assert resting
        while sum(message.get(150) == "4" for message in client.received) < resting:
            client.receive()
        client.close()
        await_database(venue)
    finally:
        assert venue.stop() == 0
    venue.verify()
