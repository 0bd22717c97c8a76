"""A matcher goes on from what it saved as if nothing had happened, whatever it held."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lockstep.config.loader import load as load_config
from lockstep.core.schema.layout import pack, unpack_event
from lockstep.core.schema.records import (
    AccountLimits,
    Command,
    Event,
    ExtTerms,
    ListKind,
    OrderType,
    Phase,
    PhaseChange,
    Snapshot,
    Tick,
    TimeInForce,
    Traded,
)
from lockstep.core.venue.instrument_images import Kept as Images
from lockstep.core.venue.snapshot_parts import Kept, Start
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Venue
from lockstep.procs.matcher.__main__ import build
from lockstep.procs.matcher.matcher import Matcher
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import Ring
from tests.matcher.coverage_tally import Seen
from tests.matcher.pair import START_NS, buy, cancel, group, instrument, leg, limits, replace, sell, stamped
from tests.matcher.restarts import Restarting
from tests.matcher.traffic import Traffic
from tests.models.book import Book as Model
from tests.models.orders import Place
from tests.tables.parts import load, part_of

DEMO = Path(__file__).parents[2] / "lockstep" / "config" / "demo.toml"
STEPS = 5000
AUCTIONS = (Phase.OPENING_AUCTION, Phase.VOLATILITY_AUCTION, Phase.CLOSING_AUCTION)
KINDS = {
    *(place.name for place in Place if place not in (Place.INCOMING, Place.QUEUE)), *(phase.name for phase in AUCTIONS),
    *(time.name for time in TimeInForce if time not in (TimeInForce.IOC, TimeInForce.FOK)),
    *(kind.name for kind in ListKind), "trailing", "iceberg", "filled in part", "indicative price to come", "bands",
    "an auction that ends by itself", "a self-trade group",
}  # fmt: skip


def kinds(model: Model) -> set[str]:
    """What a matcher holds, by the names that `KINDS` has."""
    found = {"a self-trade group"} if any(model.groups.values()) else set()
    for listing in model.listings.values():
        found.add(Phase(listing.phase).name)
        found |= {"indicative price to come"} if listing.changed else set()
        found |= {"bands"} if listing.limits.static_band_bps or listing.limits.dynamic_band_bps else set()
        found |= {"an auction that ends by itself"} if listing.phase == Phase.VOLATILITY_AUCTION else set()
        for one in listing.orders.values():
            found |= {one.place.name, TimeInForce(one.time_in_force).name}
            found |= {ListKind(one.list_kind).name} if one.contingent else set()
            found |= {"trailing"} if one.place == Place.STOP and one.trail_ticks else set()
            found |= {"iceberg"} if one.display_lots else set()
            found |= {"filled in part"} if one.filled_lots else set()
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("seed", "slots"), [(1, 1024), (2, 16), (3, 4)])
def test_a_loaded_matcher_goes_on_byte_for_byte(seed: int, slots: int) -> None:
    draw = random.Random(seed)
    pair = Restarting(random.Random(seed), slots)
    traffic = Traffic(seed, pair, Seen())
    held: set[str] = set()
    try:
        for _ in range(STEPS):
            traffic.step()
            if draw.random() < 0.02:
                held |= kinds(pair.model)
                pair.restart()
        pair.settle()
    except Exception as error:
        error.add_note(f"seed {seed}, {slots} slots, step {traffic.count}, record {pair.seq}")
        raise
    assert pair.restarts > 50
    assert held >= KINDS, f"seed {seed}: {KINDS - held} was never saved"


def test_after_a_load_it_goes_on_for_thousands_of_steps() -> None:
    pair = Restarting(random.Random(1))
    traffic = Traffic(1, pair, Seen())
    for _ in range(4000):
        traffic.step()
    pair.restart()
    for _ in range(4000):
        traffic.step()
    pair.settle()


@dataclass
class Stage:
    """Matcher 1 on rings that go on behind `seq` and `number`."""

    seq: int = 0
    number: int = 0
    board: Board = field(default_factory=Board.private)
    snapshots: Kept = field(default_factory=Kept)

    def __post_init__(self) -> None:
        log = Ring.private(256, ["matcher.1"], first_seq=self.seq + 1)
        self.events = Ring.private(256, ["test"], first_seq=self.number + 1)
        self.producer, self.reader = log.producer(), self.events.consumer("test")
        self.matcher = Matcher(
            1, log.consumer("matcher.1"), self.events.producer(), self.board, snapshots=self.snapshots
        )

    def send(self, *commands: Command) -> list[Event]:
        for command in commands:
            self.producer.put(pack(stamped(command, self.producer.next, START_NS)))
        self.matcher.step(0)
        return [unpack_event(record) for record in self.reader.take()]

    def snapshot(self, number: int) -> Snapshot:
        return Snapshot(event_numbers=(number, *[0] * 7), router_number=0)


def saved(stage: Stage, seq: int) -> set[str]:
    return stage.snapshots.agents(seq)


def test_it_saves_at_the_snapshot_that_is_wanted_and_at_no_other() -> None:
    stage = Stage()
    stage.send(instrument(), buy(100, 5), stage.snapshot(1))
    assert saved(stage, 3) == set(), "a snapshot of a replay is passed over"
    stage.board.set(Word.SNAPSHOT_SEQ, 5)
    stage.send(sell(101, 1), stage.snapshot(2), buy(99, 1))
    assert saved(stage, 5) == {"matcher.1"}
    stage.snapshots.start = Start(seq=5)
    successor, part = Stage(5, 2), stage.snapshots.load("matcher.1")
    assert part is not None
    successor.matcher.load(part)
    part.finish()
    assert successor.board.get(Word.MATCHER_DONE) == 5
    assert successor.matcher.digest() != stage.matcher.digest()
    assert [event.number for event in successor.send(buy(99, 1), sell(100, 1))] == [3, 4, 5]
    stage.send(sell(100, 1))
    assert successor.matcher.digest() == stage.matcher.digest()


def test_a_venue_that_begins_with_a_snapshot_has_each_matcher_load_its_part(tmp_path: Path) -> None:
    config = load_config(DEMO)
    venue = Venue.private(derive(config), config, tmp_path)
    old = [build(venue, f"matcher.{number}") for number in venue.matchers]
    log = venue.producer("log")
    venue.board.set(Word.SNAPSHOT_SEQ, 4)
    mark = Snapshot(event_numbers=(0, 1, *[0] * 6), router_number=0)
    for command in (instrument(1, matcher=1), instrument(2, matcher=2), buy(100, 1, 2), mark):
        log.put(pack(stamped(command, log.next)))
    assert [matcher.step(0) for matcher in old] == [4, 5]
    later = Venue.private(derive(config), config, tmp_path, Start(seq=4, numbers=(0, 0, 1, *[0] * 6)))
    later.snapshots, venue.snapshots.start = venue.snapshots, later.start
    new = [build(later, f"matcher.{number}") for number in later.matchers]
    assert [matcher.digest() for matcher in new] == [matcher.digest() for matcher in old]
    later.producer("log").put(pack(stamped(sell(100, 1, 2), 5)))
    assert [matcher.step(0) for matcher in new] == [1, 3]


def test_a_snapshot_that_names_other_events_is_our_bug() -> None:
    stage = Stage()
    stage.board.set(Word.SNAPSHOT_SEQ, 3)
    with pytest.raises(RuntimeError, match="settled"):
        stage.send(instrument(), buy(100, 5), stage.snapshot(2))


def test_a_part_of_another_matcher_or_for_another_ring_is_not_taken() -> None:
    stage = Stage()
    stage.send(instrument(), buy(100, 5))
    part = part_of(stage.matcher)
    with pytest.raises(RuntimeError, match="event 2, and its ring with 1"):
        load(Stage(2, 0).matcher, part)
    log, events = Ring.private(64, ["matcher.2"]), Ring.private(64, [], first_seq=2)
    with pytest.raises(RuntimeError, match=r"what matcher\.1 saved"):
        load(Matcher(2, log.consumer("matcher.2"), events.producer(), Board.private()), part)


def test_an_instrument_that_moved_is_where_it_was_and_moves_on() -> None:
    images = Images()

    def matchers(seq: int, numbers: tuple[int, int]) -> tuple[Ring, list[Matcher], list[Ring]]:
        log = Ring.private(64, ["matcher.1", "matcher.2"], first_seq=seq + 1)
        events = [Ring.private(64, ["test"], first_seq=number + 1) for number in numbers]
        made = [
            Matcher(which, log.consumer(f"matcher.{which}"), ring.producer(), Board.private(), images)
            for which, ring in enumerate(events, 1)
        ]
        return log, made, events

    def send(log: Ring, made: list[Matcher], *commands: Command) -> None:
        producer = log.producer()
        for command in commands:
            producer.put(pack(stamped(command, producer.next)))
        for matcher in (*made, *made):
            matcher.step(0)

    log, old, _ = matchers(0, (0, 0))
    send(log, old, instrument(1), instrument(2, matcher=2), buy(100, 5), sell(200, 3, 2), instrument(1, matcher=2))
    after, new, events = matchers(5, (1, 1))
    for one, other in zip(new, old, strict=True):
        load(one, part_of(other))
    send(after, new, sell(100, 1), instrument(1, matcher=1), sell(100, 4), buy(200, 3, 2))
    traded = [[unpack_event(record) for record in ring.consumer("test").take()] for ring in events]
    assert [[event.number for event in ring if isinstance(event, Traded)] for ring in traded] == [[3], [3, 5]]
    assert [matcher.book.resting for matcher in new] == [0, 0]


def digest_of(*commands: Command) -> int:
    """Of a matcher that has carried out these commands."""
    stage = Stage()
    stage.send(instrument(), *commands)
    return stage.matcher.digest()


DIFFERENT: dict[str, list[Command]] = {
    "nothing": [],
    "price": [buy(99, 5)],
    "quantity": [buy(100, 6)],
    "side": [sell(100, 5)],
    "account": [buy(100, 5, account=8)],
    "stp": [buy(100, 5, stp=3)],
    "fee": [buy(100, 5, maker_fee_ppm=1)],
    "day": [buy(100, 5, time_in_force=TimeInForce.DAY)],
    "at the close": [buy(100, 5, time_in_force=TimeInForce.AT_THE_CLOSE)],
    "filled": [buy(100, 6), sell(100, 1)],
    "id": [Tick(), buy(100, 5)],
    "two": [buy(100, 5), buy(100, 5)],
    "order of two": [buy(100, 5), buy(100, 5), *group(replace(2, 100, 6))],
    "phase": [PhaseChange(cl_ord_id=b"", instrument=1, phase=Phase.HALT), buy(100, 5)],
    "limits": [buy(100, 5), limits(dynamic_band_bps=9)],
    "reference": [buy(100, 5), instrument(reference_price_ticks=77)],
    "elsewhere": [buy(100, 5), instrument(2, matcher=2)],
    "another": [buy(100, 5), instrument(2)],
    "group": [
        buy(100, 5),
        AccountLimits(
            cl_ord_id=b"", target=3, max_open_orders=0, max_orders=0, window_ms=0, self_trade_group=7, self_trade=0,
            fee_tier=0,
        ),
    ],
    "iceberg": group(buy(100, 5), ExtTerms(display_lots=2)),
    "larger iceberg": group(buy(100, 5), ExtTerms(display_lots=3)),
    "GTD": group(buy(100, 5, time_in_force=TimeInForce.GTD), ExtTerms(expire_ns=START_NS + 10**9)),
    "later GTD": group(buy(100, 5, time_in_force=TimeInForce.GTD), ExtTerms(expire_ns=START_NS + 10**10)),
    "stop": group(buy(100, 5, ord_type=OrderType.STOP), ExtTerms(stop_price_ticks=90)),
    "other stop": group(buy(100, 5, ord_type=OrderType.STOP), ExtTerms(stop_price_ticks=91)),
    "stop limit": group(buy(100, 5, ord_type=OrderType.STOP_LIMIT), ExtTerms(stop_price_ticks=90)),
    "trailing": group(buy(100, 5, ord_type=OrderType.TRAILING_STOP), ExtTerms(trail_ticks=3)),
    "other trailing": group(buy(100, 5, ord_type=OrderType.TRAILING_STOP), ExtTerms(trail_ticks=4)),
    "OTO": group(buy(100, 5), None, leg(sell(120, 5), ListKind.OTO)),
    "OCO": group(
        buy(100, 5), None, leg(buy(120, 5, ord_type=OrderType.STOP), ListKind.OCO), ExtTerms(stop_price_ticks=110)
    ),
}  # fmt: skip


def test_matchers_that_differ_have_different_digests() -> None:
    digests = {name: digest_of(*commands) for name, commands in DIFFERENT.items()}
    digests["one order"] = digest_of(buy(100, 5))
    assert len(set(digests.values())) == len(digests), sorted(digests.items(), key=lambda pair: pair[1])


def test_what_was_and_is_no_more_is_not_in_the_digest() -> None:
    plain = digest_of(*[Tick()] * 5)
    assert digest_of(buy(100, 5), *group(cancel(2)), buy(100, 1, time_in_force=TimeInForce.IOC), Tick()) == plain
