"""All stages of a venue in one process, on private rings: as they start behind a journal, together or one alone.

They are the real ones, as their hosts build them; what a host does is played: it polls them in an order that a seed
draws, and asks each idle edge what would wake it. No router leads here, so no edge opens a socket.
"""

from __future__ import annotations

import importlib
import os
import random
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from msgspec import structs

from lockstep.config.schema import Config, RingsSection
from lockstep.core.intake.orders import ClientOrders
from lockstep.core.recovery.edge_catch_up import Catching
from lockstep.core.recovery.replay import SETTLING
from lockstep.core.schema.records import CommandType, Snapshot
from lockstep.core.tables.saved import Saver
from lockstep.core.venue.node import Node
from lockstep.core.venue.snapshot_parts import Kept, Start, part_name
from lockstep.core.venue.topology import LOG, Topology, derive, role_of
from lockstep.core.venue.venue import Venue
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.history.pages import MOST_ROWS
from lockstep.procs.api.read.pages import EVER_NS, Page
from lockstep.procs.api.read.shown import Shown
from lockstep.procs.batcher.reader import Reader
from lockstep.procs.batcher.rows import Batch
from lockstep.shm.bell import Reason
from lockstep.shm.board import Word
from tests.event_feed import cause_of
from tests.gateway.harness import abandon
from tests.gateway.player import stored
from tests.gateway.store_entries import write_out
from tests.intake.order_table import get
from tests.recovery.working_day import TYPE
from tests.router.rig import Rig

AUDIT = "audit"
EDGES = ("gateway.1", "gateway.2", "api", "publisher", "batcher")
CORE = ("router", "matcher.1", "matcher.2")
STAGES = (*CORE, *EDGES)
SHARE = 64  # of a ring: what is taken, or fed, at a time
ALL_EVENTS: Literal[32768] = 32_768  # slots of a ring that holds all of a day
QUIET = 40  # rounds without work, after which all is done


class Ending(NamedTuple):
    """What a run of the venue came to: each ring's events from its start on, and each stage's state at the end."""

    events: dict[int, list[bytes]]
    states: dict[str, dict[str, Any]]


class Past(NamedTuple):
    """A journal in the folder `data`, the events that the venue published from it, and the gateways of its sessions."""

    config: Config
    rig: Rig
    homes: dict[str, int]
    data: Path


def watched(config: Config, *, follows: bool) -> Topology:
    """The venue's topology, with one more reader of all events."""
    topology = derive(config, follows=follows)
    rings = tuple(
        structs.replace(ring, consumers=(*ring.consumers, AUDIT)) if ring.events_of is not None else ring
        for ring in topology.rings
    )
    return structs.replace(topology, rings=rings)


def snapshots_in(rig: Rig, parts: Kept, folder: Path) -> list[Start]:
    """A start from each mark of a log, with the parts that a run has saved there, written into `folder`."""
    starts = []
    for mark in [record for record in rig.commands() if isinstance(record, Snapshot)]:
        place = folder / str(mark.seq)
        place.mkdir(parents=True)
        for agent in parts.agents(mark.seq):
            (place / part_name(agent)).write_bytes(part_of(parts, mark.seq, agent))
        numbers = (mark.router_number, *mark.event_numbers)
        starts.append(Start(mark.seq, numbers, mark.time_ns, mark.epoch, folder=str(place)))
    return starts


def part_of(parts: Kept, seq: int, agent: str) -> bytes:
    """The content of a part, as its stage wrote it."""
    fd = parts._parts[seq, agent]
    return os.pread(fd, os.fstat(fd).st_size, 0)


class Run:
    """The stages of one start behind `start`, in the folder `data`, which has the journal of `past`.

    One that `follows` is fed the journal, record by record, as a replicator does it; else its router reads the journal.
    One that follows and `saves` has every stage save its part of each mark, and is fed no later record before that.
    """

    def __init__(
        self, past: Past, data: Path, start: Start, draw: random.Random, *, follows: bool, saves: bool = False
    ) -> None:
        self.past = past
        self.data = data
        self.draw = draw
        self.follows, self.saves = follows, saves
        self.last = len(past.rig.log)
        self.stages: dict[str, Any] = {}
        self._begin(start, ("journaler", *STAGES))

    def _begin(self, start: Start, agents: tuple[str, ...]) -> None:
        """Start these in new rings, which begin behind `start`, as their log does."""
        self.venue = venue_of(self.past, self.data, start, Node("secondary") if self.follows else Node())
        self.fed = start.seq
        self.venue.board.set(Word.PRIMARY_COMMIT, self.last)
        self.venue.board.set(Word.SNAPSHOT_SEQ, self.last)
        self.stages |= {name: built(self.venue, name) for name in agents}
        self.audit = self.venue.events(AUDIT)
        self.events: dict[int, list[bytes]] = {ring: [] for ring in self.audit}
        self.log = self.venue.producer(LOG) if self.follows else None

    def restart_core(self, start: Start) -> None:
        """Start router, matchers and journaler again behind `start`; edges stay, and skip what they have handled."""
        end("journaler", self.stages["journaler"])
        self._begin(start, ("journaler", *CORE))
        for edge in EDGES:
            self.stages[edge].attach(self.venue.events(edge), self.venue.board)

    def has_handled(self, start: Start) -> bool:
        """Return whether every edge has all events before `start`."""
        stages = self.stages
        readers = [stages["api"]._desk, stages["publisher"]._feed, stages["batcher"]._spooler]
        readers += [stages[name].engine.reporter for name in EDGES if name.startswith("gateway.")]
        return all(reader.position(ring) >= start.numbers[ring] for reader in readers for ring in self.past.rig.events)

    def run(self, most: int = 0) -> Ending:
        """Poll all until nothing is left to do, or so many rounds at most; then what it has come to."""
        idle = rounds = 0
        steps: list[Callable[[], int]] = [partial(self.step, name) for name in self.stages]
        steps += [self.collect, *([self.feed] if self.follows else [])]
        while idle < QUIET and (not most or rounds < most):
            self.draw.shuffle(steps)
            idle = 0 if sum(step() for step in steps) else idle + 1
            rounds += 1
        at_end = self.venue.board.get(Word.ROUTER_DONE) == self.last
        assert most or at_end, f"it does not finish: {self.state()}"
        stages = {name: self.stages[name] for name in STAGES} if at_end else {}
        states = {name: state_of(name, stage, self.past, self.data) for name, stage in stages.items()}
        return Ending(self.events, states)

    @property
    def parts(self) -> Kept:
        assert isinstance(self.venue.snapshots, Kept)
        return self.venue.snapshots

    def step(self, name: str) -> int:
        """A poll of a stage; an edge that has nothing to do says what would wake it, as it must before it sleeps."""
        stage = self.stages[name]
        now_ns = self.past.rig.now
        if name in EDGES:
            return polled(stage, now_ns)
        if name == "router" and stage.state > SETTLING:
            return 0  # it would go on to lead
        return int(stage.step(now_ns))

    def collect(self) -> int:
        work = 0
        for ring, consumer in self.audit.items():
            taken = consumer.take(self.draw.randint(1, SHARE))
            self.events[ring] += taken
            work += len(taken)
        return work

    def feed(self) -> int:
        """Some of the next records. A mark is wanted before it is there."""
        assert self.log is not None
        board, log = self.venue.board, self.past.rig.log
        for count in range(self.draw.randint(1, SHARE)):
            if self.fed == self.last or not self.log.room() or (self.saves and self._saving()):
                return count
            if self.saves and log[self.fed][TYPE] == CommandType.SNAPSHOT:
                board.set(Word.SNAPSHOT_SEQ, self.fed + 1)
            self.log.put(log[self.fed])
            self.fed += 1
        return SHARE

    def _saving(self) -> bool:
        """Whether the last record is a mark, of which a part is not saved yet."""
        is_mark = self.fed and self.past.rig.log[self.fed - 1][TYPE] == CommandType.SNAPSHOT
        return bool(is_mark and {*STAGES} - self.parts.agents(self.fed))

    def state(self) -> str:
        words = {word.name: self.venue.board.get(word) for word in Word if self.venue.board.get(word)}
        rings = {spec.name: (self.venue.ring(spec.name).published, self.venue.ring(spec.name).cursors())
                 for spec in self.venue.topology.rings}  # fmt: skip
        return f"{words} {rings}"

    def close(self) -> None:
        for name, stage in self.stages.items():
            end(name, stage)


def ring_of(ring: int) -> str:
    return f"events.matcher.{ring}" if ring else "events.router"


def venue_of(past: Past, data: Path, start: Start, node: Node) -> Venue:
    follows = node.is_secondary
    topology = watched(past.config, follows=follows)
    return Venue.private(topology, past.config, data, start, "0" * 31 + "1", node, past.homes)


def built(venue: Venue, name: str) -> Any:
    """A stage as its host builds it."""
    return importlib.import_module(f"lockstep.procs.{role_of(name)}.__main__").build(venue, name)


def polled(edge: Any, now_ns: int) -> int:
    """What a host does with an edge: it polls, and asks what would wake it where there was nothing to do."""
    work: int = edge.poll(now_ns)
    if not work:
        wanted = edge.wants()
        assert isinstance(wanted, Reason), f"{wanted!r} is no set of reasons"
    return work


def state_of(name: str, stage: Any, past: Past, data: Path) -> dict[str, Any]:
    """What a stage holds at the end, in a form that does not depend on how the rings were interleaved."""
    match role_of(name):
        case "router":
            return {"state": stage.core.state_hash(), **stage.core.digests()}
        case "matcher":
            stage.book.check()
            return dict(stage.book.digests())
        case "gateway":
            write_out(stage.engine.store)
            kept = stored(data / name)
            return _of_orders(stage.engine.orders, past) | {
                "accounts": stage.engine.reporter.accounts.known(),
                "listings": _saved(stage.engine.listings.save),
                "numbers": [stage.engine.reporter.position(ring) for ring in past.rig.events],
                "messages": sorted(kept),
            }
        case "api":
            return _of_orders(stage._desk.orders, past) | _of_desk(stage._desk, past)
        case "batcher":
            batch = Batch(1_000_000)
            while Reader(stage.spool).fill(batch):
                break
            rows = {"orders": batch.created, "changes": batch.changed, "balances": batch.balances}
            return rows | {"numbers": stage.spool.numbers, "definitions": sorted(batch.users_defined)}
    return {"part": _saved(stage._feed.save)}


def _of_orders(orders: ClientOrders, past: Past) -> dict[str, Any]:
    orders.check()
    entered = (CommandType.NEW_ORDER, CommandType.EXT_LEG)
    ids = [seq for seq, record in enumerate(past.rig.log, 1) if record[TYPE] in entered]
    return {"orders": [(get(orders, order_id), orders.further(order_id)) for order_id in ids]}


def _of_desk(desk: Desk, past: Past) -> dict[str, Any]:
    shown = Shown(desk)
    accounts = [0, *desk.people.numbers()]
    return {
        "people": _saved(desk.people.save),
        "listings": _saved(desk.listings.save),
        "phases": desk.phases,
        "definitions": desk.definitions,
        "cancel_after": desk.cancel_after,
        "withdrawals": desk.withdrawals.known(),
        "balances": {account: sorted(desk.balances.of(account)) for account in accounts},
        "fills": {
            account: sorted(
                (fill.seq, fill.trade_id, fill.order_id, fill.is_buyer, fill.price_ticks, fill.quantity_lots, fill.fee)
                for instrument in desk.definitions
                for fill in shown.fills(account, instrument, 0, Page(1, 0, EVER_NS, MOST_ROWS))[0]
            )
            for account in accounts
        },
        "numbers": [desk.position(ring) for ring in past.rig.events],
    }


def _saved(write: Callable[[Saver], None]) -> bytes:
    fd = os.memfd_create("saved")
    saver = Saver(fd)
    write(saver)
    saver.finish()
    content = os.pread(fd, os.fstat(fd).st_size, 0)
    os.close(fd)
    return content


def end(name: str, stage: Any) -> None:
    """Its process is gone."""
    if name.startswith("gateway."):
        abandon(stage)
    elif name == "journaler":
        stage.close()


def copied(of: Path, folder: Path) -> Path:
    """A copy of the folder `of`, which a run has filled or which is still empty."""
    shutil.copytree(of, folder)
    return folder


def caught_up(past: Past, data: Path, name: str, start: Start, draw: random.Random, *, left: bool) -> dict[str, Any]:
    """An edge that starts again alone, behind the snapshot `start`, while the others are at the journal's end.

    Its predecessor's cursors gate behind the events of some command behind `start`; or it `left` the gate. Returns its
    state at the end.
    """
    all_fits = structs.replace(past.config, rings=RingsSection(ingress=256, log=256, events=ALL_EVENTS))
    venue = venue_of(past._replace(config=all_fits), data, Start.genesis(), Node())
    venue.snapshots.start = start
    venue.board.set(Word.SNAPSHOT_SEQ, len(past.rig.log))
    if left:
        venue.take_out(name, 1)
    reached = draw.randint(start.seq, len(past.rig.log))
    for ring, records in past.rig.events.items():
        producer = venue.producer(ring_of(ring))
        for record in records:
            producer.put(record)
        if not left:
            venue.consumer(ring_of(ring), name).take(sum(cause_of(record) <= reached for record in records))
    last = len(past.rig.log)
    for word in (Word.DURABLE_SEQ, Word.ROUTER_DONE, Word.LOG_END, *(Word.MATCHER_DONE + at for at in (0, 1))):
        venue.board.set(word, last)
    venue.board.set(Word.JOURNAL_READY, venue.generation)
    edge = built(venue, name)
    if not venue.is_late(name):
        edge.attach(venue.events(name), venue.board)
    else:
        catching = Catching(venue, name, Asked(edge))
        while not catching.is_over:
            catching.step()
    idle = 0
    while idle < QUIET:
        idle = 0 if polled(edge, past.rig.now) else idle + 1
    state = state_of(name, edge, past, data)
    end(name, edge)
    return state


class Asked:
    """An edge that is asked after each idle poll what would wake it."""

    def __init__(self, edge: Any) -> None:
        self._edge = edge
        self.attach = edge.attach

    def poll(self, now_ns: int) -> int:
        return polled(self._edge, now_ns)
