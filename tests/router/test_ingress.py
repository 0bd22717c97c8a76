"""LOG-5: whatever router dies between any two of its steps, its successor takes each request, and takes it once."""

from __future__ import annotations

import mmap
import os
import random
import signal
from collections.abc import Iterator

import pytest

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import Command, ExtClientId, MassCancel
from lockstep.procs.router.ingress import IngressError
from lockstep.shm import board as board_module
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import NO_BELL, Ring
from tests.router.random_driver import Everything
from tests.router.requests import cancel, order
from tests.router.rig import NOW, OPERATORS, OPERATORS_RING, Rig, by_operator, new_ingress

RINGS = (1, 2, OPERATORS_RING)
INCARNATION = 77
CAPACITY = 4096
LOG = 1 << 12


class Shared:
    """What outlives a core: ingress rings and the board, in memory that can be copied, or shared with a child."""

    def __init__(self) -> None:
        self.memory = {number: mmap.mmap(-1, Ring.size_for(CAPACITY)) for number in RINGS}
        for memory in self.memory.values():
            Ring.format(memory, CAPACITY, [("router", NO_BELL)], incarnation=INCARNATION)
        self.board_memory = mmap.mmap(-1, board_module.SIZE)
        Board.format(self.board_memory)
        self.attach()

    def attach(self) -> None:
        self.rings = {number: Ring(memory) for number, memory in self.memory.items()}
        self.board = Board(self.board_memory)

    def copy(self, freed: tuple[int, ...] = RINGS, later: Shared | None = None) -> Shared:
        """The same memory, apart; the rings in `freed` and the board as they are `later`."""
        copied = Shared()
        for number in RINGS:
            source = later if later is not None and number in freed else self
            copied.memory[number][:] = source.memory[number][:]
        copied.board_memory[:] = (later or self).board_memory[:]
        copied.attach()
        return copied


def positions(log: list[bytes]) -> dict[int, list[int]]:
    """The ingress sequences of the log's records, by ring."""
    found: dict[int, list[int]] = {number: [] for number in RINGS}
    for record in log:
        number, seq = int.from_bytes(record[6:8], "little"), int.from_bytes(record[24:32], "little")
        if number:
            assert int.from_bytes(record[20:24], "little") == INCARNATION
            found[number].append(seq)
    return found


def check_each_once(log: list[bytes], rings: dict[int, Ring]) -> None:
    assert positions(log) == {number: list(range(1, ring.published + 1)) for number, ring in rings.items()}


class Asked(Rig):
    """A venue that keeps what it is asked, each with its gateway."""

    asked: list[tuple[int, tuple[Command, ...]]]

    def send(self, *records: Command, gateway: int = 0) -> None:
        self.asked.append((gateway, records))
        super().send(*records, gateway=gateway)


def requests(seed: int, count: int) -> Iterator[tuple[int, tuple[Command, ...]]]:
    """What may be asked of another venue too."""
    rig = Asked()
    driver = Everything(rig.lead(), random.Random(seed))
    for _ in range(count):
        rig.asked = []
        driver.step()
        yield from rig.asked


def deaths(before: Shared, after: Shared, log: int, published: int) -> Iterator[tuple[str, int, Shared]]:
    """What a death leaves, step by step of a poll: how much of the log, and the memory that outlives it."""
    yield "before the poll", log, before.copy()
    yield "before the log is published", log, before.copy((), after)
    yield "after the log is published", published, before.copy()
    yield "before slots are freed", published, before.copy((), after)
    yield "after one ring's are freed", published, before.copy((1,), after)
    yield "after the poll", published, after.copy()


def test_a_router_that_dies_between_any_two_steps_loses_nothing_and_repeats_nothing() -> None:
    """I3: everything counts once."""
    shared = Shared()
    rig = Rig(ingress=shared.rings, board=shared.board).lead()
    seen: set[str] = set()
    for number, (gateway, request) in enumerate(requests(3, 120)):
        rig.send(*request, gateway=gateway)
        if number % 6:
            continue
        rig.collect()
        before, count = shared.copy(), len(rig.log)
        rig.router.step(rig.now)
        rig.collect()
        for step, length, left in deaths(before, shared, count, len(rig.log)):
            successor = Rig(rig.log[:length], ingress=left.rings, board=left.board).lead()
            successor.run()
            assert successor.log[:length] == rig.log[:length]
            check_each_once(successor.log, left.rings)
            assert all(left.rings[ring].cursors()["router"] == left.rings[ring].published for ring in RINGS)
            successor.core.ledger.check()
            seen.add(step)
        for _ in range(3):
            rig.step()
    assert len(seen) == 6


def serve(journal: list[bytes], shared: Shared, log_memory: mmap.mmap) -> None:
    """A child: lead, and go on until killed."""
    parent = os.getppid()
    rig = Rig(journal, ingress=shared.rings, board=shared.board, log_memory=log_memory)
    while os.getppid() == parent:
        rig.now += 1000
        rig.router.step(rig.now)
        for matcher in rig.matchers:
            matcher.step(rig.now)
        for ring in rig.outward.values():
            ring.take()


def life(
    journal: list[bytes], shared: Shared, stream: Iterator[tuple[int, tuple[Command, ...]]], records: int
) -> list[bytes]:
    """The log that a router leaves which is killed once it has so many more records."""
    producers = {number: ring.producer() for number, ring in shared.rings.items()}
    log_memory = mmap.mmap(-1, Ring.size_for(LOG))
    Ring.format(log_memory, LOG, [(name, NO_BELL) for name in ("matcher.1", "matcher.2", "journaler")])
    log = Ring(log_memory).consumer("journaler")
    child = os.fork()
    if child == 0:
        try:
            serve(journal, shared, log_memory)
        finally:
            os._exit(1)
    try:
        while log.pending() < len(journal) + records:
            assert os.waitpid(child, os.WNOHANG) == (0, 0), "the router ended by itself"
            gateway, request = next(stream)
            producer = producers[OPERATORS_RING if by_operator(*request) else gateway + 1]
            while producer.room() < CAPACITY - 8 and log.pending() < len(journal) + records:
                os.sched_yield()
            for record in request:
                producer.put(pack(record))
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return log.take()


def test_routers_killed_at_any_instruction_lose_nothing_and_repeat_nothing() -> None:
    shared = Shared()
    draw = random.Random(5)
    stream = requests(5, 5000)
    journal: list[bytes] = []
    for _ in range(4):
        published = life(journal, shared, stream, draw.randint(60, 200))
        assert published[: len(journal)] == journal
        journal = published
        check_order(journal)
    last = Rig(journal, ingress=shared.rings, board=shared.board).lead()
    last.run()
    check_each_once(last.log, shared.rings)
    last.core.ledger.check()


def check_order(log: list[bytes]) -> None:
    for number, seqs in positions(log).items():
        assert seqs == list(range(1, len(seqs) + 1)), f"ring {number}"


def test_a_new_ring_with_an_old_number_is_taken_from_its_beginning() -> None:
    first = Rig().lead()
    first.send(order(1, "B1"))
    first.run()
    again = Rig(first.log, ingress=Shared().rings).lead()
    again.send(order(1, "B2"))
    again.run()
    assert again.core.ledger.ids.knows(1, b"B2")


def test_slots_that_were_freed_without_being_in_the_log_are_found_out() -> None:
    shared = Shared()
    rig = Rig(ingress=shared.rings, board=shared.board).lead()
    count = len(rig.log)
    rig.send(order(1, "B"))
    rig.run()
    with pytest.raises(IngressError, match="has freed its records up to 1, and the log ends at 0"):
        Rig(rig.log[:count], ingress=shared.rings, board=shared.board).run()


def test_a_log_with_more_than_the_ring_ever_had_is_found_out() -> None:
    first = Rig().lead()
    first.send(order(1, "B"))
    first.run()
    with pytest.raises(IngressError, match="which has none beyond 0"):
        Rig(first.log, ingress=new_ingress(incarnation=1)).run()


def test_a_request_with_a_voided_record_is_passed_over_whole() -> None:
    """LOG-22: what kills a router before it is sequenced is taken out by its position."""
    shared = Shared()
    producer = shared.rings[1].producer()
    name = "C" * 19  # too long to be in one record with another
    for record in (order(1, "O"), *cancel(1, name, "O"), order(1, "P")):
        producer.put(pack(record))
    voided = {(1, INCARNATION, 3), (2, INCARNATION, 1), (1, INCARNATION + 1, 4)}
    rig = Rig(ingress=shared.rings, board=shared.board, passed_over=voided).lead()
    rig.run()
    assert positions(rig.log)[1] == [1, 4]
    assert rig.core.ledger.orders.count == 2
    assert not rig.core.ledger.ids.knows(1, name.encode())
    assert shared.rings[1].cursors()["router"] == 4


def test_a_void_at_the_end_of_a_ring_is_known_to_a_successor() -> None:
    shared = Shared()
    producer = shared.rings[1].producer()
    producer.put(pack(order(1, "O")))
    voided = {(1, INCARNATION, 1)}
    rig = Rig(ingress=shared.rings, board=shared.board, passed_over=voided).lead()
    rig.run()
    assert positions(rig.log)[1] == []
    again = Rig(rig.log, ingress=shared.rings, board=shared.board, passed_over=voided).lead()
    producer.put(pack(order(1, "P")))
    again.run()
    assert positions(again.log)[1] == [2]


def test_more_extensions_than_a_request_can_have_are_taken_all_the_same() -> None:
    shared = Shared()
    producer = shared.rings[2].producer()
    for number in range(18):
        producer.put(pack(ExtClientId(account=1, time_ns=1, orig_cl_ord_id=b"%d" % number)))
    producer.put(pack(order(1, "O")))
    rig = Rig(ingress=shared.rings, board=shared.board).lead()
    rig.run()
    check_each_once(rig.log, shared.rings)
    assert rig.board.get(Word.LOG_END) == len(rig.log)


def test_a_group_of_sixteen_records_is_taken_whole() -> None:
    shared = Shared()
    producer = shared.rings[2].producer()
    rig = Rig(ingress=shared.rings, board=shared.board).lead()
    for number in range(15):
        producer.put(pack(ExtClientId(account=1, time_ns=1, orig_cl_ord_id=b"%d" % number)))
    rig.run()
    assert positions(rig.log)[2] == []  # what they belong to is on the way
    producer.put(pack(order(1, "O")))
    rig.run()
    assert positions(rig.log)[2] == list(range(1, 17))


def test_where_there_is_room_for_one_request_at_a_time_all_rings_have_turns() -> None:
    """Else a busy gateway keeps operators' commands out, and the other gateways, for as long as it is busy."""
    rig = Rig(log=16).lead()  # as much as one request can have
    before = len(rig.log)
    for number in range(20):
        rig.send(order(1, f"A{number}"), gateway=0)
    for number in range(3):
        rig.send(order(2, f"B{number}"), gateway=1)
    rig.send(MassCancel(account=OPERATORS[0], time_ns=NOW, cl_ord_id=b"M", target=1, instrument=0, side=0))
    rig.run()
    came_by = [record.ingress for record in rig.commands(before) if record.ingress]
    assert came_by[:9] == [1, 2, OPERATORS_RING, 1, 2, 1, 2, 1, 1]
