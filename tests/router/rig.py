"""A venue's core in one process: a router and two real matchers on private rings, polled in an order from a seed.

Gateways and journaler are played by the test: it feeds the ingress rings, and everything sequenced is at once durable.
"""

from __future__ import annotations

import mmap
import random
from collections.abc import Callable, Iterator, Mapping, Set
from functools import partial
from typing import Any

from msgspec import structs

from lockstep.core.schema.layout import pack, unpack_command, unpack_event
from lockstep.core.schema.records import (
    API_RING,
    Account,
    Asset,
    Command,
    Deposit,
    DepositLimit,
    Event,
    ExtCredential,
    Instrument,
    Role,
)
from lockstep.core.venue.instrument_images import Kept as Images
from lockstep.core.venue.snapshot_parts import Kept, Snapshots, Start
from lockstep.core.venue.venue import set_back
from lockstep.procs.matcher.matcher import Matcher
from lockstep.procs.router.log_source import LogRing, RecordList
from lockstep.procs.router.origin import Origin, Rings
from lockstep.procs.router.router import Router
from lockstep.procs.router.sequencer import Sequencer
from lockstep.procs.router.witnesses import Witnesses
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import NO_BELL, Consumer, Producer, Ring

NOW = 1_700_000_000_000_000_000
ACCOUNTS = 4
# (instrument, base, quote, matcher, unit value, lot units, maker fee, taker fee)
LISTINGS = ((1, 1, 3, 1, 7, 11, 1000, 2000), (2, 2, 3, 2, 3, 5, 0, 30000), (3, 1, 2, 1, 1, 1, 0, 0))
FREE = 10_000_000
MUCH = 10**15  # what one operator deposits alone in a day
OPERATORS_RING = 9
INGRESS = 4096
OPERATORS = (ACCOUNTS + 1, ACCOUNTS + 2)


def changes(core: Sequencer) -> Iterator[list[bytes]]:
    """Three assets, three instruments, four accounts with money, two operators who may deposit alone: once."""
    if core.assets:
        return
    for asset in (1, 2, 3):
        yield [pack(Asset(name=b"A%d" % asset, asset=asset, scale=2))]
    for number, base, quote, matcher, unit_value, lot_units, maker, taker in LISTINGS:
        yield [pack(Instrument(
            symbol=b"I%d" % number, instrument=number, base_asset=base, quote_asset=quote, tick_mantissa=1,
            lot_mantissa=1, price_scale=0, quantity_scale=0, matcher=matcher, unit_value=unit_value,
            reference_price_ticks=0 if number == 3 else 100, lot_units=lot_units, collar_bps=500, maker_fee_ppm=maker,
            taker_fee_ppm=taker,
        ))]  # fmt: skip
    for account in range(1, ACCOUNTS + 1):
        yield account_records(account)
        for asset in (1, 2, 3):
            yield [pack(Deposit(account=account, asset=asset, amount=FREE, cl_ord_id=b"initial:%d" % asset))]
    for account in OPERATORS:
        yield account_records(account, role=Role.OPERATOR)
    for asset in (1, 2, 3):
        yield [pack(DepositLimit(cl_ord_id=b"", asset=asset, amount=MUCH))]


def with_limits(core: Sequencer) -> Iterator[list[bytes]]:
    """The same, and of two assets one operator deposits no more than 1000 units alone."""
    if core.assets:
        return
    yield from changes(core)
    for asset in (1, 2):
        yield [pack(DepositLimit(cl_ord_id=b"", asset=asset, amount=1000))]


def account_records(account: int, role: int = Role.TRADER) -> list[bytes]:
    credential = ExtCredential(
        account=account, salt=b"s" * 16, hash=b"h" * 32, memory_kib=8, time_cost=1, parallelism=1
    )
    return [pack(credential), pack(Account(account=account, name=b"T%d" % account, role=role))]


def by_operator(*records: Command) -> bool:
    """Whether an operator sends these records, which belong together."""
    return records[-1].account in OPERATORS or records[-1].session in OPERATORS


def new_ingress(incarnation: int, api: bool = False) -> dict[int, Ring]:
    """Rings of a whole start: no start on the same log had one of that incarnation."""
    rings = {}
    for number in (1, 2, OPERATORS_RING, *([API_RING] if api else [])):
        memory = mmap.mmap(-1, Ring.size_for(INGRESS))
        Ring.format(memory, INGRESS, [("router", NO_BELL)], incarnation)
        rings[number] = Ring(memory)
    return rings


class Played:
    """In a matcher's place: emits the events again that a matcher emitted from the same log."""

    def __init__(self, number: int, log: Consumer, events: Producer, board: Board, told: list[bytes]) -> None:
        self.number, self.log, self.events, self.board = number, log, events, board
        self.told = told[self.events.next - 1 :]

    def step(self, _: int) -> int:
        """One record of the log, as far as its events fit."""
        if not self.log.pending():
            return 0
        work = 0
        while self.told and int.from_bytes(self.told[0][8:16], "little") <= self.log.next and self.events.room():
            self.events.put(self.told.pop(0))
            work += 1
        if self.told and int.from_bytes(self.told[0][8:16], "little") <= self.log.next:
            return work
        self.log.take(1)
        self.board.set(Word.MATCHER_DONE + self.number - 1, self.log.next - 1)
        return work + 1


class Rig:
    """Router, matchers, rings and board. `log` and `events[ring]` collect all that was published.

    `ingress` and `board` are those of a venue whose core died. With `start` all begins there, `journal` is what comes
    behind it, and `snapshots` has the parts; `played` events take the place of matchers. `log_memory` holds a log ring.
    With an `api` it has the api's ring. One that `follows` has a log ring that is fed by
    `feed`, until its board says PROMOTED.
    """

    def __init__(
        self, journal: list[bytes] | None = None, *, seed: int | None = None, log: int = 1024, events: int = 1024,
        closed_ids: int = 65536, changes: Callable[[Sequencer], Iterator[list[bytes]]] = changes,
        voided: Mapping[int, int] | None = None,
        ingress: dict[int, Ring] | None = None, board: Board | None = None, snapshots: Snapshots | None = None,
        start: Start | None = None, played: dict[int, list[bytes]] | None = None,
        passed_over: Set[tuple[int, int, int]] = frozenset(), log_memory: mmap.mmap | None = None,
        id_window_s: int = 0, older_ids: int = 0, witnesses: Witnesses | None = None, follows: bool = False,
        api: bool = False,
    ) -> None:  # fmt: skip
        self.random = random.Random(seed) if seed is not None else None
        self.now = NOW
        self.board = board or Board.private()
        self.start = start or Start.genesis()
        self.snapshots = snapshots or Kept()
        self.snapshots.start = self.start
        set_back(self.board, self.start)
        self.ingress = ingress or new_ingress(self.start.seq + len(journal or []) + 1, api)
        first = self.start.seq + 1
        readers = ["matcher.1", "matcher.2", "journaler", *(["router"] if follows else [])]
        log_ring = Ring(log_memory) if log_memory else Ring.private(log, readers, first_seq=first)
        rings = {0: Ring.private(64, ["out"], first_seq=self.start.numbers[0] + 1)}
        rings |= {
            number: Ring.private(events, ["router", "out"], first_seq=self.start.numbers[number] + 1)
            for number in (1, 2)
        }
        producers = {number: ring.producer() for number, ring in self.ingress.items()}
        self.gateways = [producers[1], producers[2]]
        self.operators = producers[OPERATORS_RING]
        self.api = producers.get(API_RING)
        self.settled_rings = {number: rings[number].consumer("router") for number in (1, 2)}
        self.feed = log_ring.producer()
        source = LogRing(log_ring.consumer("router"), self.board) if follows else RecordList(journal or [], first)
        ends = Rings(
            log_ring.producer(), rings[0].producer(),
            {number: ring.consumer("router") for number, ring in self.ingress.items()}, self.settled_rings,
        )  # fmt: skip
        origin = Origin(
            source, changes, b"b" * 16, Sequencer(closed_ids), voided=passed_over, id_window_s=id_window_s,
            older_ids=older_ids, witnesses=witnesses,
        )  # fmt: skip
        self.router = Router(ends, self.board, origin, self.snapshots)
        self.core = self.router.core
        part = self.snapshots.load("router")
        if part is not None:
            self.router.load(part)
            part.finish()
        images = Images()
        self.matchers: list[Any] = []  # matchers, or those who play them
        for number in (1, 2):
            logged, producer = log_ring.consumer(f"matcher.{number}"), rings[number].producer()
            if played is None:
                self.matchers.append(Matcher(number, logged, producer, self.board, images, voided=voided or {}))
            else:
                self.matchers.append(Played(number, logged, producer, self.board, played[number]))
        self.log_ring = log_ring
        self._log = log_ring.consumer("journaler")
        self.outward = {number: ring.consumer("out") for number, ring in rings.items()}
        self.log: list[bytes] = []
        self.events: dict[int, list[bytes]] = {number: [] for number in rings}
        self.board.set(Word.DURABLE_SEQ, self.start.seq + len(journal or []))
        self.board.set(Word.JOURNAL_READY, 1)

    def collect(self) -> int:
        took = self._log.take()
        self.log += took
        durable = self.start.seq + len(self.log)
        self.board.set(Word.DURABLE_SEQ, max(self.board.get(Word.DURABLE_SEQ), durable))
        work = len(took)
        for number, consumer in self.outward.items():
            events = consumer.take()
            self.events[number] += events
            work += len(events)
        return work

    def step(self, now: int | None = None) -> int:
        """Poll everybody once; with a seed, only some, in any order."""
        self.now = self.now + 1000 if now is None else now
        steps = [partial(agent.step, self.now) for agent in (self.router, *self.matchers)]
        steps.append(partial(self.collect))
        if self.random is None:
            return sum(step() for step in steps)
        return sum(step() for step in self.random.choices(steps, k=4))

    def run(self, quiet: int | None = None) -> None:
        """Until there has been no work for a while."""
        idle = 0
        rounds = 0
        while idle < (quiet or (3 if self.random is None else 60)):
            idle = 0 if self.step() else idle + 1
            rounds += 1
            assert rounds < 200_000, "the venue does not come to rest"

    def lead(self) -> Rig:
        self.run()
        assert self.router.leads, f"state {self.router.state}"
        return self

    def send(self, *records: Command, gateway: int = 0) -> None:
        """Records that belong together: by the operators' ring where an operator sends them, else by a gateway's."""
        producer = self.operators if by_operator(*records) else self.gateways[gateway]
        for record in records:
            producer.put(pack(record))

    def send_by_api(self, *records: Command) -> None:
        """Records that belong together, by the api's ring; one that doesn't say when it came comes now."""
        assert self.api is not None, "this venue has no api"
        for record in records:
            self.api.put(pack(record if record.time_ns else structs.replace(record, time_ns=self.now)))

    def ask(self, *records: Command) -> int:
        """Send a request, let all be done, and return its verdict."""
        return self.verdict_of(self.send, records)

    def ask_by_api(self, *records: Command) -> int:
        """Likewise, by the api's ring."""
        return self.verdict_of(self.send_by_api, records)

    def verdict_of(self, send: Callable[..., None], records: tuple[Command, ...]) -> int:
        count = len(self.log)
        send(*records)
        self.run()
        main = type(records[-1])
        verdicts = [getattr(record, "verdict", 0) for record in self.commands(count) if type(record) is main]
        return int(verdicts[0])

    def commands(self, after: int = 0) -> list[Command]:
        """The log's records, without this many at its beginning."""
        return [unpack_command(record) for record in self.log[after:]]

    def outcomes(self, ring: int) -> list[Event]:
        return [unpack_event(record) for record in self.events[ring]]

    def ask_snapshot(self) -> None:
        """What the supervisor does when a snapshot is due."""
        self.board.set(Word.SNAPSHOT_ASKED, self.board.get(Word.SNAPSHOT_ASKED) + 1)

    def tick(self) -> None:
        """Let a flush become due."""
        self.now += 200_000_000
        self.run()
