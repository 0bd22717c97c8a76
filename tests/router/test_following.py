"""A router that follows another node's log ring: the same state at every marker, and how it comes to lead.

A feeder plays the replicator: it reads a real journal and publishes it into the follower's log ring.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from lockstep.core.journal.journal import JournalReader
from lockstep.core.schema.layout import pack, unpack_command
from lockstep.core.schema.records import CommandType, Epoch, NewOrder
from lockstep.core.venue.snapshot_parts import Kept
from lockstep.procs.router.router import ReplayError
from lockstep.shm.board import Word
from tests.models.journal import stamp
from tests.router.random_driver import Everything, write_journal
from tests.router.requests import order
from tests.router.rig import FREE, Rig, new_ingress, with_limits
from tests.router.test_snapshot import played, snapshots_of, start_at

SMALL: dict[str, Any] = {"log": 16, "events": 8, "closed_ids": 20}
LATER_NS = 3_600_000_000_000  # a follower's clock when it is promoted: behind all that the primary sequenced


class Noted:
    """A leading router that notes its state's digest whenever a poll ends with a marker."""

    def __init__(self, rig: Rig) -> None:
        self.router: Any = rig.router
        self.log = rig.log_ring.observer()
        self.hashes: dict[int, int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.router, name)

    def step(self, now: int) -> int:
        work: int = self.router.step(now)
        seq = self.router.core.last_seq
        record = self.log.read(seq) if seq else None
        if record is not None and record[4] == CommandType.MARKER and seq not in self.hashes:
            self.hashes[seq] = self.router.core.state_hash()
        return work


class Primary:
    """A core that did much of everything, its journal on disk, and its digests at markers."""

    def __init__(self, seed: int, folder: Path, steps: int = 500, **settings: Any) -> None:
        self.rig = Rig(seed=seed, **SMALL, **settings)
        noted = Noted(self.rig)
        self.rig.router = noted  # type: ignore[assignment]
        self.rig.lead()
        driver = Everything(self.rig, random.Random(seed))
        for _ in range(steps):
            driver.step()
            if driver.draw.random() < 0.02:
                self.rig.ask_snapshot()
                self.rig.run()
        self.rig.run()
        self.rig.tick()
        self.log = self.rig.log
        self.hashes = noted.hashes
        self.journal = folder / "journal"
        write_journal(self.rig, self.journal, segment_bytes=65536, batch=64)


@pytest.fixture(scope="module")
def primary(tmp_path_factory: pytest.TempPathFactory) -> Primary:
    return Primary(7, tmp_path_factory.mktemp("primary"))


@pytest.fixture(scope="module")
def paying(tmp_path_factory: pytest.TempPathFactory) -> Primary:
    """One with an api, whose clients want money paid out."""
    return Primary(7, tmp_path_factory.mktemp("paying"), api=True, changes=with_limits)


class Follower:
    """A following core that is fed from a journal, up to record `last`; each marker's state is compared as it passes.

    One that `pauses` is given nothing behind a marker before it has done that; else all that finds room.
    """

    def __init__(self, primary: Primary, seed: int, *, last: int | None = None, **settings: Any) -> None:
        self.primary = primary
        self.draw = random.Random(seed)
        self.last = len(primary.log) if last is None else last
        self.snapshots = settings.setdefault("snapshots", Kept())
        ingress = new_ingress(incarnation=2**31 + seed)  # of another host: nothing of the log came by these
        self.rig = Rig(follows=True, seed=seed, ingress=ingress, **SMALL, **settings)
        self.reader = JournalReader(primary.journal, self.rig.start.seq + 1, self.last)
        self.pauses = self.draw.random() < 0.5
        self.compared: set[int] = set()

    def feed(self) -> int:
        """What a replicator does: some of the next records, each mark wanted before it is there."""
        fed = 0
        for _ in range(self.draw.randint(1, 8)):
            next_seq = self.rig.feed.next
            waits = next_seq - 1 in self.primary.hashes and self.rig.core.last_seq < next_seq - 1
            if next_seq > self.last or not self.rig.feed.room() or (self.pauses and waits):
                break
            record = next(self.reader)
            if record[4] == CommandType.SNAPSHOT:
                self.rig.board.set(Word.SNAPSHOT_SEQ, next_seq)
            self.rig.feed.put(record)
            fed += 1
        return fed

    def step(self) -> int:
        work = self.feed() + self.rig.step()
        expected = self.primary.hashes.get(self.rig.core.last_seq)
        if expected is not None and self.rig.router.follows:
            assert self.rig.core.state_hash() == expected, f"other state at the marker {self.rig.core.last_seq}"
            self.compared.add(self.rig.core.last_seq)
        return work

    def follow(self) -> None:
        """To the end of what it is given."""
        idle = 0
        while idle < 60:
            idle = 0 if self.step() else idle + 1

    def promote(self) -> None:
        self.rig.now += LATER_NS
        self.rig.board.set(Word.PROMOTED, 1)

    def restarted(self, seed: int, **settings: Any) -> Follower:
        """The core died: behind its newest snapshot, in new rings. The replicator publishes from there on."""
        known = [mark for mark in snapshots_of(self.primary.rig) if "router" in self.snapshots.agents(mark.seq)]
        whole = [mark for mark in known if mark.seq <= len(self.rig.log) + self.rig.start.seq]
        start = {"start": start_at(whole[-1]), "played": played(self.primary.rig)} if whole else {}
        return Follower(
            self.primary, seed, last=self.last, snapshots=self.snapshots, board=self.rig.board, **start, **settings
        )


@pytest.mark.parametrize("seed", range(4))
def test_a_follower_has_the_primarys_state_at_every_marker(seed: int, paying: Primary) -> None:
    """LOG-9: however far ahead matchers are, what a marker says is settled, and nothing else."""
    primary = paying
    follower = Follower(primary, seed)
    follower.pauses = seed % 2 == 0
    follower.follow()
    assert follower.rig.log == primary.log
    assert follower.rig.events == primary.rig.events
    assert follower.rig.core.state_hash() == primary.rig.core.state_hash()
    if follower.pauses:
        assert follower.compared == set(primary.hashes)
    assert follower.compared
    assert follower.rig.core.digests() == primary.rig.core.digests()
    assert [matcher.digest() for matcher in follower.rig.matchers] == [
        matcher.digest() for matcher in primary.rig.matchers
    ]
    assert follower.rig.board.get(Word.EPOCH) == 0, "nobody leads here"
    follower.rig.core.ledger.check()


@pytest.mark.parametrize("seed", range(4))
def test_a_follower_may_die_at_any_step(seed: int, paying: Primary) -> None:
    """LOG-16: it comes back after its newest snapshot, and repeats the same events."""
    primary = paying
    draw = random.Random(seed)
    follower = Follower(primary, seed)
    deaths = 0
    idle = 0
    while idle < 60:
        idle = 0 if follower.step() else idle + 1
        if deaths < 6 and draw.random() < 0.006:
            follower = follower.restarted(draw.randrange(1000))
            deaths += 1
    assert deaths >= 2
    assert follower.rig.core.state_hash() == primary.rig.core.state_hash()
    start = follower.rig.start
    assert follower.rig.log == primary.log[start.seq :]
    assert all(follower.rig.events[ring] == primary.rig.events[ring][start.numbers[ring] :] for ring in (0, 1, 2))


@pytest.mark.parametrize("seed", range(6))
def test_a_promoted_follower_leads_as_a_start_does_that_finds_its_journal(seed: int, primary: Primary) -> None:
    """LOG-16: there is one way to lead. It is promoted at any record, also within a group, and with some not read."""
    draw = random.Random(seed)
    last = draw.randint(len(primary.log) // 2, len(primary.log))
    follower = Follower(primary, seed, last=last)
    while follower.rig.feed.next <= last:
        follower.step()
    follower.promote()
    follower.rig.run()
    rig = follower.rig
    assert rig.router.leads
    assert not rig.router.follows
    assert rig.log[:last] == primary.log[:last], "nothing is lost and nothing is changed"
    epochs = [record for record in rig.commands(last) if isinstance(record, Epoch)]
    assert [epoch.epoch for epoch in epochs] == [rig.core.epoch] == [rig.board.get(Word.EPOCH)]
    assert rig.core.epoch == primary.rig.core.epoch + 1
    again = Rig(primary.log[:last], **SMALL)
    again.now = rig.now
    again.run()
    kinds = [record.type for record in again.commands(last)]
    assert [record.type for record in rig.commands(last)] == kinds
    assert orders(again) == orders(rig)
    rig.core.ledger.check()
    again.core.ledger.check()


def orders(rig: Rig) -> tuple[list[int], list[tuple[int, int] | None]]:
    """Books, and all balances."""
    ledger = rig.core.ledger
    balances = [ledger.balance(account, asset) for account in range(5) for asset in range(1, 4)]
    return [matcher.digest() for matcher in rig.matchers], balances


def test_a_promoted_follower_takes_orders_and_its_own_journal_leads_to_its_state(primary: Primary) -> None:
    follower = Follower(primary, 1)
    follower.follow()
    follower.promote()
    follower.rig.run()
    rig = follower.rig
    driver = Everything(rig, random.Random(11))
    driver.count = 100_000  # ids that the primary's clients have not used
    before = len(rig.log)
    for _ in range(300):
        driver.step()
    rig.run()
    rig.tick()
    assert sum(isinstance(record, NewOrder) for record in rig.commands(before)) > 100
    rig.core.ledger.check()
    again = Rig(rig.log, **SMALL)
    while again.core.last_seq < len(rig.log):
        again.step()
    assert again.core.state_hash() == rig.core.state_hash()
    assert again.events[0] == rig.events[0][: len(again.events[0])]


@pytest.mark.parametrize("seed", range(4))
def test_a_death_while_it_is_promoted_loses_nothing(seed: int, primary: Primary) -> None:
    """LOG-16: whatever was published to the log ring is in the journal, and leads on from there."""
    draw = random.Random(seed)
    last = len(primary.log) - draw.randint(0, 40)
    follower = Follower(primary, seed, last=last)
    while follower.rig.feed.next <= last:
        follower.step()
    follower.promote()
    for _ in range(draw.randint(0, 30)):
        follower.rig.step()
    while follower.rig.collect():
        """The journaler reads the old ring to its end."""
    again = Rig(follower.rig.log, **SMALL).lead()
    assert again.log[:last] == primary.log[:last]
    assert again.core.epoch == follower.rig.core.epoch + 1
    again.core.ledger.check()


def fed(log: list[bytes]) -> Rig:
    """A follower that is given all of a log at once, so that matchers are ahead of its router."""
    rig = Rig(follows=True, log=64, closed_ids=20)
    for record in log:
        rig.feed.put(record)
    rig.run()
    return rig


def changed(record: bytes, matcher_1: int) -> bytes:
    """A marker or snapshot, with another number for matcher 1."""
    found = unpack_command(record)
    values = {name: getattr(found, name) for name in found.__struct_fields__}
    values["event_numbers"] = (matcher_1, *values["event_numbers"][1:])
    return stamp(pack(type(found)(**values)))


@pytest.mark.parametrize(
    ("kind", "events", "said"),
    [
        (CommandType.MARKER, 9, "settles matcher 1's events up to 9; here it has told"),
        (CommandType.SNAPSHOT, 9, "settles matcher 1's events up to 9; here it has told"),
        (CommandType.SNAPSHOT, 2, "is at event 2 of matcher 1, where all is settled"),
        (None, 0, "where all is settled; replay has .*, and a marker is missing"),
    ],
)
def test_a_log_that_the_matchers_here_do_not_come_to_ends_the_follower(
    kind: CommandType | None, events: int, said: str
) -> None:
    """LOG-9: what a marker says is settled; where that can't be, the two nodes' states differ."""
    first = Rig(log=64, closed_ids=20).lead()
    first.send(order(1, "S", side=2, price_ticks=90))
    first.send(order(2, "B"), gateway=1)
    first.run()
    first.ask_snapshot()
    first.run()
    first.send(order(3, "S", side=2, price_ticks=90))
    first.send(order(4, "B"), gateway=1)
    first.run()
    assert fed(first.log).core.state_hash() == first.core.state_hash()
    if kind is not None:
        at = next(i for i, record in enumerate(first.log) if record[4] == kind)
        log = [*first.log[:at], changed(first.log[at], events), *first.log[at + 1 :]]
    else:
        log = without_markers(first.log)
    with pytest.raises(ReplayError, match=said):
        fed(log)


def without_markers(log: list[bytes]) -> list[bytes]:
    kept = [record for record in log if record[4] != CommandType.MARKER]
    renumbered = []
    for seq, record in enumerate(kept, 1):
        renumbered.append(stamp(record[:8] + seq.to_bytes(8, "little") + record[16:]))
    return renumbered


def test_a_log_ring_that_somebody_still_fills_is_not_taken_over() -> None:
    rig = Rig(follows=True, **SMALL)
    rig.feed.put(Rig(**SMALL).lead().log[0])
    with pytest.raises(ReplayError, match="somebody still writes there"):
        rig.router.take_over()


def test_what_it_may_not_read_yet_is_not_there(primary: Primary) -> None:
    """It waits for its journal, as any router does, and shows no balance before it leads."""
    rig = Rig(follows=True, **SMALL)
    rig.board.set(Word.JOURNAL_READY, 0)
    rig.feed.put(primary.log[0])
    rig.run()
    assert rig.core.last_seq == 0
    rig.board.set(Word.JOURNAL_READY, 1)
    for record in primary.log[1:40]:
        rig.feed.put(record)
        rig.run()
    assert rig.core.last_seq == 40
    assert rig.core.ledger.balance(1, 1) == (FREE, 0)
    assert rig.board.balance(1, 1) is None
