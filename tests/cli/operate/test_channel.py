"""The operators' channel finds the outcome of its commands: when rings run over, without an answer, when a run ends.

The test plays the venue's processes, on rings in its own memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from msgspec import structs

from lockstep import config
from lockstep.cli.operate.channel import BusyError, Channel, UnknownOutcomeError, opened
from lockstep.config.schema import RingsSection
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.schema.layout import pack, unpack_command
from lockstep.core.schema.records import Balance, Code, Deposit, Phase, PhaseChange, PhaseChanged, Tick
from lockstep.core.venue.topology import OPERATOR, OPERATOR_INGRESS, derive
from lockstep.core.venue.venue import Manifest, Venue
from lockstep.shm.board import Word
from lockstep.shm.segment import RoleLock
from tests.cli.conftest import SEGMENT_BYTES
from tests.models.journal import stamp

DEMO = Path(__file__).parents[3] / "lockstep" / "config" / "demo.toml"
SLOTS: Literal[64] = 64
HALT = PhaseChange(cl_ord_id=b"k", account=9, instrument=1, phase=Phase.HALT)


class Core:
    """Router, matchers and journaler seen from outside: what they put into rings, on the board and on disk."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.log = venue.producer("log")
        self.journal = JournalWriter(venue.data / "journal", "none", SEGMENT_BYTES)
        self.ingress = venue.consumer(f"ingress.{OPERATOR}", "router")
        self.events = {name: venue.producer(name) for name in ("events.router", "events.matcher.1")}
        self.incarnation = venue.ring(f"ingress.{OPERATOR}").incarnation
        self._asked = threading.Event()
        self._thread: threading.Thread | None = None

    def sequence(self, record: bytes) -> int:
        """Put a record into log and journal, and give everybody's slots back."""
        seq = self.log.put(record)
        for consumer in self.venue.topology.ring("log").consumers:
            self.venue.consumer("log", consumer).take()
        self.journal.append([record])
        self.venue.board.set(Word.DURABLE_SEQ, seq)
        self.done(seq)
        return seq

    def done(self, seq: int) -> None:
        for word in (Word.ROUTER_DONE, Word.LOG_END, *(Word.MATCHER_DONE + each - 1 for each in self.venue.matchers)):
            self.venue.board.set(word, seq)

    def tick(self) -> None:
        self.sequence(stamp(pack(Tick(seq=self.log.next, epoch=1))))

    def emit(self, ring: str, event: Balance | PhaseChanged) -> None:
        self.events[ring].put(pack(event))
        for consumer in self.venue.topology.ring(ring).consumers:
            self.venue.consumer(ring, consumer).take()

    def answer(self, verdict: Code = Code.OK, before: Callable[[int], None] | None = None) -> None:
        """Sequence the next operator's record, in a thread; `before` does what comes with it."""

        def run() -> None:
            while not (found := self.ingress.take(1)):
                self._asked.wait(0.001)
            seq = self.log.next
            if before is not None:
                before(seq)
            command = structs.replace(
                unpack_command(found[0]), seq=seq, epoch=1, ingress=OPERATOR_INGRESS,
                ingress_incarnation=self.incarnation, ingress_seq=self.ingress.next - 1, verdict=verdict,
            )  # type: ignore[call-arg,unused-ignore]  # fmt: skip
            self.sequence(stamp(pack(command)))

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def close(self) -> None:
        if self._thread is not None:
            self._thread.join()
        self.journal.close()


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    demo = config.load(DEMO)
    small = structs.replace(demo, rings=RingsSection(ingress=SLOTS, log=SLOTS, events=SLOTS))
    made = Venue.private(derive(small), small, tmp_path)
    (tmp_path / "run").mkdir()
    begin(made, made.boot_id)
    return made


def begin(venue: Venue, boot_id: str) -> None:
    """Let a run be the one that runs now."""
    manifest = Manifest(boot_id, "", str(venue.data), venue.config, venue.topology)
    (venue.data / "run" / "manifest.json").write_bytes(msgspec.json.encode(manifest))


@pytest.fixture
def core(venue: Venue) -> Iterator[Core]:
    made = Core(venue)
    for _ in range(5):
        made.tick()
    yield made
    made.close()


def changed(seq: int) -> PhaseChanged:
    return PhaseChanged(cause=seq, instrument=1, phase=Phase.HALT, old_phase=Phase.CONTINUOUS, reason=1, ends_ns=0,
                        auction_price_ticks=0, auction_lots=0, reference_price_ticks=0)  # fmt: skip


def test_an_outcome_has_its_place_verdict_and_events(venue: Venue, core: Core) -> None:
    def emit(seq: int) -> None:
        core.emit("events.matcher.1", changed(seq - 1))
        core.emit("events.matcher.1", changed(seq))

    core.answer(before=emit)
    with opened(venue) as channel:
        (outcome,) = channel.carry_out([HALT], 10)
    assert (outcome.seq, outcome.code, outcome.is_whole) == (6, Code.OK, True)
    assert [event.cause for event in outcome.events] == [6]


def test_a_refusal_is_one(venue: Venue, core: Core) -> None:
    core.answer(Code.NOT_AN_OPERATOR)
    with opened(venue) as channel:
        assert channel.carry_out([HALT], 10)[0].code == Code.NOT_AN_OPERATOR


def test_what_the_log_ring_has_lost_is_found_in_the_journal(venue: Venue, core: Core) -> None:
    channel = Channel(venue)
    for _ in range(3 * SLOTS):
        core.tick()
    core.answer()
    assert channel.carry_out([HALT], 10)[0].seq == 3 * SLOTS + 6


def test_lost_events_are_not_passed_over_in_silence(venue: Venue, core: Core) -> None:
    channel = Channel(venue)
    for _ in range(3 * SLOTS):
        core.emit("events.router", Balance(cause=1, account=1, asset=1, free=0, held=0))
    core.answer()
    assert channel.carry_out([HALT], 10)[0].is_whole is False


def test_other_gateways_records_are_not_taken_for_ours(venue: Venue, core: Core) -> None:
    other = Deposit(account=1, asset=1, amount=1, cl_ord_id=b"x", ingress=1, ingress_incarnation=1, ingress_seq=1)
    core.answer()
    core.sequence(stamp(pack(structs.replace(other, seq=core.log.next, epoch=1))))
    with opened(venue) as channel:
        (outcome,) = channel.carry_out([structs.replace(HALT, cl_ord_id=b"own")], 10)
    assert isinstance(outcome.command, PhaseChange)


def test_nobody_who_answers_is_an_unknown_outcome(venue: Venue, core: Core) -> None:
    with opened(venue) as channel, pytest.raises(UnknownOutcomeError, match="has not said in time"):
        channel.carry_out([HALT], 0.05)
    assert core.log.next == 6


@pytest.mark.parametrize("boot_id", ["1" * 32, None])
def test_a_run_that_ends_is_an_unknown_outcome(venue: Venue, core: Core, boot_id: str | None) -> None:
    if boot_id:
        begin(venue, boot_id)
    else:
        (venue.data / "run" / "manifest.json").unlink()
    with opened(venue) as channel, pytest.raises(UnknownOutcomeError, match="stopped or started again"):
        channel.carry_out([HALT], 10)
    assert core.log.next == 6


def test_a_ring_that_nobody_empties_takes_nothing_more(venue: Venue) -> None:
    channel = Channel(venue)
    with pytest.raises(BusyError, match="nothing was sent"):
        channel.carry_out([HALT] * (SLOTS + 1), 1)
    assert venue.ring(f"ingress.{OPERATOR}").published == 0


def test_a_second_command_waits_for_the_first_and_not_for_ever(venue: Venue) -> None:
    lock = RoleLock(venue.data / "run" / "locks" / OPERATOR)
    lock.acquire()
    with pytest.raises(BusyError, match="another operator's command is under way"), opened(venue, wait_s=0.05):
        pass
    threading.Timer(0.1, lock.release).start()
    with opened(venue, wait_s=10) as channel:
        assert isinstance(channel, Channel)
