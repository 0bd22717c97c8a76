"""Commands that an operator took out: they are reported, not carried out, and all else goes on."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from lockstep.core.schema.layout import pack, unpack_event
from lockstep.core.schema.records import (
    Accepted,
    Activate,
    Cancelled,
    CancelReason,
    Code,
    Command,
    Event,
    ExtClientIdEvent,
    ExtListNameEvent,
    ExtTerms,
    ListKind,
    MassCancel,
    OrderState,
    OrderType,
    Phase,
    PhaseChange,
    Rejected,
    Tick,
    TimeInForce,
    Traded,
)
from lockstep.core.schema.records import ExtTermsEvent as Terms
from lockstep.procs.matcher.matcher import Matcher
from lockstep.shm.board import Board
from lockstep.shm.ring import Ring
from tests.matcher.coverage_tally import Seen
from tests.matcher.pair import (
    BTC,
    START_NS,
    Pair,
    buy,
    cancel,
    compare_books,
    group,
    instrument,
    leg,
    replace,
    sell,
    stamped,
)
from tests.matcher.traffic import Traffic

STEPS = 6000


@pytest.mark.parametrize("slots", [1024, 4])
def test_book_and_model_agree_where_any_commands_were_voided(slots: int) -> None:
    seed = random.SystemRandom().randrange(2**32)
    voided = random.Random(seed).sample(range(10, 4 * STEPS), STEPS // 3)
    pair, seen = Pair(slots, 20, voided), Seen()
    traffic = Traffic(seed, pair, seen)
    try:
        for _ in range(STEPS):
            traffic.step()
            if traffic.count % 100 == 0:
                compare_books(pair)
    except Exception as error:
        error.add_note(f"seed {seed}, {slots} slots, step {traffic.count}, record {pair.seq}")
        raise
    for name in ("cancel VOIDED", "code VOIDED"):
        assert seen.counts[name] > 20, f"seed {seed}: {name}"


def names(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_a_voided_order_is_accepted_and_cancelled_whole() -> None:
    pair = Pair(voided=[3])
    pair.send(sell(100, 5))
    accepted, cancelled = pair.send(buy(100, 5, session=4, msg_seq_num=9))
    assert isinstance(accepted, Accepted)
    assert isinstance(cancelled, Cancelled)
    assert (cancelled.order_id, cancelled.leaves_lots, cancelled.rested) == (3, 5, 0)
    assert (cancelled.reason, cancelled.session, cancelled.msg_seq_num) == (CancelReason.VOIDED, 4, 9)
    assert names(pair.send(buy(100, 5))) == ["Accepted", "Traded"]


def test_a_voided_list_ends_both_its_orders() -> None:
    pair = Pair(voided=[4])
    events = pair.send(
        buy(100, 5), None, leg(buy(120, 5, ord_type=OrderType.STOP), ListKind.OCO), ExtTerms(stop_price_ticks=110)
    )
    assert names(events) == ["ExtTermsEvent", "Accepted", "ExtTermsEvent", "Accepted", "Cancelled", "Cancelled"]
    assert [event.mate_order_id for event in events if isinstance(event, Terms)] == [3, 4]
    states = [OrderState(event.state) for event in events if isinstance(event, Accepted)]
    assert states == [OrderState.PLAIN, OrderState.WAITING]


def test_a_voided_list_has_its_name_in_the_events_of_both_orders() -> None:
    pair = Pair(voided=[2, 4])
    events = pair.send(buy(100, 5), None, leg(sell(120, 5), ListKind.OTO), None, b"its name")
    told = ["ExtListNameEvent", "ExtTermsEvent", "Accepted"]
    assert names(events) == [*told, *told, "Cancelled", "Cancelled"]
    assert [event.name for event in events if isinstance(event, ExtListNameEvent)] == [b"its name"] * 2


def test_voided_cancels_and_replaces_are_refused_by_the_id_that_they_meant() -> None:
    pair = Pair(voided=[3, 5])
    pair.send(sell(100, 5))
    for asked in (cancel(2), replace(2, 101, 4, cl_ord_id=b"r" * 19)):  # the second one has an extension
        extension, rejected = pair.send(asked)
        assert isinstance(extension, ExtClientIdEvent)
        assert isinstance(rejected, Rejected)
        assert (extension.orig_cl_ord_id, rejected.cl_ord_id) == (b"id of 2", asked.cl_ord_id)
        assert rejected.code == Code.VOIDED
    assert pair.book.depth(BTC, 2) == [(100, 5, 1)]


def test_other_voided_commands_are_passed_over() -> None:
    pair = Pair(voided=[3, 4, 5])
    pair.send(sell(100, 5, time_in_force=TimeInForce.DAY))
    pair.now_ns += 24 * 3600 * 10**9
    phase = PhaseChange(cl_ord_id=b"", instrument=BTC, phase=Phase.HALT)
    for command in (Tick(), MassCancel(cl_ord_id=b"", instrument=0, target=0, side=0), phase):
        assert pair.send(command) == []
    assert pair.book.resting == 1
    assert names(pair.send(Tick())) == ["Cancelled"]


def test_what_waited_for_a_voided_activation_is_cancelled() -> None:
    pair = Pair(voided=[5])
    pair.send(buy(100, 5), None, leg(sell(120, 5), ListKind.OTO))
    pair.send(sell(100, 5))
    (cancelled,) = pair.send(Activate(order_id=2, instrument=BTC))
    assert isinstance(cancelled, Cancelled)
    assert (cancelled.order_id, cancelled.reason) == (2, CancelReason.VOIDED)


def events_of(commands: list[Command], slots: int, voided: dict[int, int]) -> list[Event]:
    """What a matcher says of these commands, record by record of the log; it is checked after each of them."""
    log, ring = Ring.private(1024, ["matcher.1"]), Ring.private(slots, ["test"])
    producer, reader = log.producer(), ring.consumer("test")
    matcher = Matcher(1, log.consumer("matcher.1"), ring.producer(), Board.private(), voided=voided)
    taken: list[Event] = []
    for command in commands:
        producer.put(pack(stamped(command, producer.next, START_NS + producer.next * 10**9)))
        while matcher.step(0):
            taken += [unpack_event(record) for record in reader.take()]
        matcher.book.check()
    return taken


SWEEPS: dict[str, list[Command]] = {
    "order": [instrument(), *(sell(100 + i % 7, 2) for i in range(30)), buy(110, 100), sell(90, 500)],
    "lists": [
        instrument(),
        *(record for i in range(5) for record in group(sell(100 + i, 2), None, leg(buy(90, 1), ListKind.OTO))),
        *group(sell(107, 50), ExtTerms(display_lots=2)), buy(110, 100), buy(80, 1),
    ],
    "stops": [
        instrument(), *(sell(100 + i % 7, 2) for i in range(30)),
        *(
            record for i in range(9)
            for record in group(buy(120, 3, ord_type=OrderType.STOP_LIMIT), ExtTerms(stop_price_ticks=101 + i % 3))
        ),
        buy(103, 10), buy(80, 1), sell(80, 20),
    ],
    "expiry": [
        instrument(), *(sell(100, 1, time_in_force=TimeInForce.DAY) for _ in range(9)),
        *(
            record for i in range(9)
            for record in group(sell(101, 1, time_in_force=TimeInForce.GTD), ExtTerms(expire_ns=START_NS + 7 + i))
        ),
        Tick(), buy(80, 1), Tick(),
    ],
    "auction": [
        instrument(), PhaseChange(cl_ord_id=b"", instrument=BTC, phase=Phase.OPENING_AUCTION),
        *(sell(100, 2) for _ in range(15)), *(buy(100, 2) for _ in range(15)),
        PhaseChange(cl_ord_id=b"", instrument=BTC, phase=Phase.CONTINUOUS), buy(80, 1), Tick(),
    ],
}  # fmt: skip


@pytest.mark.parametrize("slots", [256, 4])
@pytest.mark.parametrize("name", list(SWEEPS))
def test_events_that_were_shown_of_a_voided_command_stand(name: str, slots: int) -> None:
    """LOG-22: later commands are carried out, and nothing contradicts what was shown."""
    commands = SWEEPS[name]
    plain = events_of(commands, slots, {})
    count = Counter(event.cause for event in plain)
    seq = max(count, key=lambda cause: (count[cause], cause))
    first = next(event.number for event in plain if event.cause == seq)
    assert count[seq] > 5
    for shown in range(1, count[seq]):
        events = events_of(commands, slots, {seq: shown})
        stands = plain[: first - 1 + shown]
        assert events[: len(stands)] == stands
        rest = [event for event in events[len(stands) :] if event.cause == seq]
        assert all(not isinstance(event, Traded) for event in rest[1:]), "it went on"
        ended = [event for event in rest if isinstance(event, Cancelled) and event.reason == CancelReason.VOIDED]
        assert len(ended) <= 1
        if name == "order":
            assert [event.order_id for event in ended] == [seq]
        assert max(event.cause for event in events) > seq, "the commands after it have events"
