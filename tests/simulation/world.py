"""A whole venue in one process: its stages, stepped in an order from a seed, and everything that can happen to them.

First faults strike, and what must never happen is looked for; then they end, and the venue has to go on.
"""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from random import Random
from unittest.mock import patch

from lockstep.core.journal.journal import JournalError, JournalReader, segment_seqs
from lockstep.core.venue import venue as venues
from lockstep.core.venue.topology import role_of
from lockstep.procs.gateway import background, segments, seq_num_file
from lockstep.shm.bell import Reason
from lockstep.shm.board import Word
from tests import invariants
from tests.broken import BrokenError, require
from tests.simulation import border, files, loss, payments, silence
from tests.simulation.audit import seq_of
from tests.simulation.bots import Bots
from tests.simulation.bugs import Bug
from tests.simulation.faults import FAULTS, damage_last_batch
from tests.simulation.healing import Healing
from tests.simulation.lifecycle import Host, Life
from tests.simulation.network import Wire
from tests.simulation.plan import Fault, Plan
from tests.simulation.stages import READERS
from tests.simulation.trader import Trader
from tests.simulation.traffic import Requests

BOOT_ID = segments.BOOT_ID
HEAL_STEP_NS = 5_000_000  # on average, so that what goes by time (heartbeats, TestRequests) gets its turn
OPERATOR_RING = "ingress.operator"
API_RING = "ingress.api"
NUMBERS_AHEAD = 24  # of a session, in place of the venue's thousands


class World(Life, Healing):  # type: ignore[misc]
    """One run of one plan."""

    def __init__(self, plan: Plan, bug: Bug | None = None) -> None:
        super().__init__(plan, bug)
        self.bots = Bots(self) if plan.has_api else None

    # The run

    def run(self) -> None:
        """Both phases. BrokenError, or what a stage raised, where the venue is not as it should be."""
        with (
            border.around(self.folder, Path(str(self.data)) / "journal"),
            files.in_place(lambda: self.files),
            patch("time.time_ns", self.utc),
            patch("os.urandom", self.draw("identities").randbytes),
            patch.object(venues, "Path", self.path_of),
            patch.object(seq_num_file, "BLOCK", NUMBERS_AHEAD),
            patch.object(background, "Background", lambda: self.bug.asides(self)),
            self.bug.planted(self),
        ):
            self.start()
            due = list(self.plan.faults)
            while self.turn < self.plan.turns and not self.is_cut:
                while due and due[0].turn <= self.turn:
                    self.strike(due.pop(0))
                self.step()
            if self.is_cut:
                loss.begin_again(self)
                return
            self.heal()
            if silence.is_on(self.plan.seed):
                silence.fall_silent(self)
            if self.bots is not None:
                self.bots.finish()
            self.check()
            self.damage_end()

    def utc(self) -> int:
        """The wall clock, for code that reads it by itself."""
        return self.utc_ns + self.wall_shift_ns

    def path_of(self, text: str) -> Path:
        """A path, as a venue makes it of its manifest's text: this run's folder has its journal on the disk."""
        return self.data if str(text) == str(self.data) else Path(text)

    def check(self) -> None:
        """Everything that must be true at the end, when all is at rest (I1 to I8)."""
        journal = list(JournalReader(self.disk, min(segment_seqs(self.disk))))
        first = seq_of(journal[0])
        for seq, record in enumerate(journal, first):
            require(self.audit.log.get(seq) == record, f"I2: the journal's record {seq} is not what was committed")
        require(first + len(journal) - 1 == len(self.audit.log), "I2: the journal ends before what was committed")
        records = [self.audit.log[seq] for seq in range(1, len(self.audit.log) + 1)]
        commands = invariants.check_log(records)
        silence.check(records)
        repeat = invariants.Repeat(self.config, records)
        for ring, known in self.audit.events.items():
            told = [known[number] for number in range(1, len(known) + 1)]
            require(told == repeat.events.get(ring, []), f"I6: ring {ring} was told otherwise than its repeat says")
        events = repeat.ordered()
        invariants.check_money(commands, repeat, events)
        invariants.check_once(commands, events)
        invariants.check_books(repeat, events)
        tables = {name: list(rows.values()) for name, rows in self.database.tables.items()}
        invariants.check_database(tables, self.database.numbers, events, commands)
        if not self.is_deserted:
            for trader in self.traders:
                invariants.check_told(trader.number, trader.told, repeat, whole=not (trader.resets or trader.is_untold))
            invariants.check_market(self.market.trades, repeat)
        if self.bots is not None:
            self.bots.check(events, commands)
        matchers = {number: self.stage_of(f"matcher.{number}") for number in self.venue.matchers}
        invariants.check_state(self.stage_of("router"), matchers, repeat)
        for name in ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I10"):
            self.seen[f"checked {name}"] += 1

    def damage_end(self) -> None:
        """Stop all, in order or not, and damage the last batch: no start may take it for a torn one (LOG-28)."""
        draw = self.draw("damaged end")
        spool = self.stage_of("batcher").spool
        self.until(lambda: spool.complete_seq == self.venue.board.get(Word.LOG_END), "the spool knows all")
        is_orderly = draw.random() < 0.5
        for host in self.hosts:
            if is_orderly and "journaler" in host.stages:
                host.stages["journaler"].close()
            self._end(host)
        damage_last_batch(self, draw)
        try:
            self.start()
            self.until(lambda: bool(self.venue.board.get(Word.EPOCH)), "the venue leads")
        except JournalError:
            self.seen["damaged end refused"] += 1
        else:
            raise BrokenError("28: the journal lacks its last batch, which the spool knows, and the venue leads")

    def digest(self) -> str:
        """Of all that passed over the wires, and all that the run has left: alike wherever the seed is run."""
        trace = self.trace.copy()
        trace.update(repr((self.turn, self.mono_ns, sorted(self.counts().items()))).encode())
        for records in (self.audit.log, *self.audit.events.values()):
            trace.update(b"".join(records.values()))
        trace.update(repr((self.market.trades, self.market.books, self.database.tables)).encode())
        for name, file in sorted(self.disk.entries.items()):
            trace.update(name.encode() + file.cached)
        for path in sorted(path for path in self.folder.rglob("*") if path.is_file()):
            trace.update(bytes(path.relative_to(self.folder)) + path.read_bytes())
        return trace.hexdigest()

    def close(self) -> None:
        for host in self.hosts:
            host.kill()
        segments.BOOT_ID = BOOT_ID
        shutil.rmtree(self.folder, ignore_errors=True)

    def step(self) -> None:
        """One turn: one actor does something, and perhaps a client of the api."""
        self.turn += 1
        if self.bots is not None:
            self.bots.step()
        steps = self.steps
        mean_ns = max(self.plan.step_ns, HEAL_STEP_NS) if self.healing else self.plan.step_ns
        self.mono_ns += int(steps.expovariate(1 / mean_ns))
        self.supervise()
        choice = steps.random()
        if choice < 0.62:
            self._step_host(self.hosts[int(choice / 0.62 * len(self.hosts))])
        elif choice < 0.72:
            self.audit.step()
            self._pay()
            self._administer()
        elif choice < 0.94:
            if self.is_deserted:
                return
            index = int((choice - 0.72) / 0.22 * len(self.traders))
            self._step_trader(self.traders[index], self.requests[index])
        elif choice < 0.98:
            self._load()
        else:
            self._operate()

    def _step_host(self, host: Host) -> int:
        if not host.alive or host.stalled_until > self.turn:
            return 0
        now_ns = self.mono_ns + host.anchor_ns
        work = 0
        host.parts.turn = self.turn
        try:
            host.parts.reap()
        except OSError as error:
            self.failed(host, host.agents[0], error)
            return work
        if host.catching:
            return self._catch_up(host)
        if host.is_edge and self.ground.board.get(Word.GENERATION) > host.venue.generation:
            host.venue.renew()
            self.seen["edge changed rings"] += 1
            for name, stage in host.stages.items():
                stage.attach(host.venue.events(name), host.venue.board)
        for name, stage in list(host.stages.items()):
            try:
                done = stage.step(now_ns)
                if not done and role_of(name) in READERS:
                    require(isinstance(stage.wants(), Reason), f"{name} says no reasons before it sleeps")
                work += done
            except OSError as error:
                self.failed(host, name, error)
                return work
        return work

    def _catch_up(self, host: Host) -> int:
        """A step of those that come back from outside the gate, while the others trade."""
        with patch("time.time_ns", lambda now_ns=self.mono_ns + host.anchor_ns: now_ns):
            for name, catching in list(host.catching.items()):
                try:
                    catching.step()
                except OSError as error:
                    self.failed(host, name, error)
                    return 1
                if catching.is_over:
                    del host.catching[name]
        return 1

    def _step_trader(self, trader: Trader, requests: Requests) -> None:
        utc_ns = self.utc_ns
        if trader.wire is not None:
            trader.wire.now_ns = self.mono_ns
        trader.poll(utc_ns)
        if trader.wire is None:
            home = self.gateway_of(trader)
            door = self.door_of(home)
            if door is not None and door.is_open and self.steps.random() < 0.2:
                wire = Wire(self.draw("network"), self.plan.delay_ns, self.trace.update)
                wire.now_ns = self.mono_ns
                wire.home = self
                door.admit(wire, self.mono_ns + self.host_of(home).anchor_ns)
                trader.connect(wire)
                self.seen["connection"] += 1
        elif not self.healing and self.steps.random() < self.plan.pace:
            requests.send()

    def _load(self) -> None:
        batcher = self.stage_of("batcher")
        host = self.host_of("batcher")
        if batcher is not None and host.stalled_until <= self.turn and not host.catching:
            try:
                batcher.load()
            except OSError as error:
                self.failed(host, "batcher", error)

    def _operate(self) -> None:
        if self.healing or self.steps.random() < 0.7 or not self.venue.board.get(Word.EPOCH):
            return
        self._command(self.operator.next(self._operator_ns()))

    def _pay(self) -> None:
        """By what the audit has just seen of the log."""
        if self.payments is None or self.healing or not self.venue.board.get(Word.EPOCH) or not self.payments.is_due():
            return
        sent = self.payments.next(self.audit.log, self._operator_ns())
        if sent.by_api and self.bots is not None:
            self.seen["payment asked for"] += self.bots.carry(sent.records)
            return
        producer = self.venue.producer(API_RING if sent.by_api else OPERATOR_RING)
        if producer.room() >= len(sent.records):
            for record in sent.records:
                producer.put(record)
            self.seen["payment asked for"] += 1

    def _administer(self) -> None:
        """Define or change something, by what the audit has just seen."""
        board = self.venue.board
        if self.administration is None or self.healing or not board.get(Word.EPOCH) or not self.administration.is_due():
            return
        record = self.administration.next(self.audit.log, self.audit.events, self._operator_ns())
        if record is not None:
            self._command(record)
            self.seen["administration"] += 1

    def _operator_ns(self) -> int:
        return self.mono_ns + self.host_of("router").anchor_ns

    def _command(self, record: bytes) -> None:
        producer = self.venue.producer(OPERATOR_RING)
        if producer.room():
            producer.put(record)
            self.seen["operator's command"] += 1

    def counts(self) -> Counter[str]:
        """All that happened in this run."""
        disk, database = self.disk.seen, self.database.seen
        answers = Counter(answer for trader in self.traders for answer in trader.answers.values())
        told = [report for trader in self.traders for report in trader.told.values()]
        bots = self.bots.counts() if self.bots is not None else Counter[str]()
        return self.seen + bots + Counter({
            "session reset": sum(trader.resets for trader in self.traders),
            "resent report": sum(trader.repeated for trader in self.traders),
            "batch of the database undone": database["commit lost, undone"],
            "batch of the database done unseen": database["commit lost, done"],
            "journal cut": disk["truncate"],
            "order refused": answers["8"],
            "order traded": sum(report.exec_type in "F12" for report in told),
            "trade told to the public": len(self.market.trades),
            "record committed twice alike": self.audit.compared,
            **payments.outcomes(self.audit.log.values()),
        })  # fmt: skip

    # Faults

    def strike(self, fault: Fault) -> None:
        """Let a fault happen now, if it can."""
        draw = Random(fault.seed)
        if FAULTS[fault.kind](self, draw):
            self.seen[fault.kind] += 1

    # The end of all faults

    def calm(self) -> None:
        """End every fault."""
        self.healing = True
        self.database.away = False
        self.database.lose_commits = 0
        self.disk.others_bytes = 0
        self.disk.fail_sync_at = self.disk.fail_write_at = self.disk.short_write_at = self.disk.power_off_at = 0
        self.files.calm()
        for host in self.hosts:
            host.stalled_until = 0
        for trader in self.traders:
            if trader.wire is not None:
                trader.wire.stalled = False
        if self.bots is not None:
            self.bots.calm()

    def is_still(self) -> bool:
        """Whether all work is done, and everyone has everything."""
        board = self.venue.board
        if self.deaths or not all(host.alive and not host.catching for host in self.hosts) or not board.get(Word.EPOCH):
            return False
        wires = [trader.wire for trader in self.traders if not self.is_deserted]
        if any(wire is None or wire.to_client or wire.to_venue for wire in wires):
            return False
        return self.has_done_all()

    def has_done_all(self) -> bool:
        """Whether every stage, and the database, has all of the log."""
        board = self.venue.board
        last = board.get(Word.LOG_END)
        if board.commit_position() < last or len(self.audit.log) < last:
            return False
        for ring in self.topology.rings:
            published = self.venue.ring(ring.name).published
            cursors = self.venue.ring(ring.name).cursors()
            outside = self.venue.ring(ring.name).left() if ring.events_of is None else ()
            if any(cursor < published for name, cursor in cursors.items() if name not in outside):
                return False
        if any(board.get(Word.MATCHER_DONE + number - 1) < last for number in self.venue.matchers):
            return False
        numbers = [0] * 9
        for number, name in [(0, "events.router"), *((n, f"events.matcher.{n}") for n in self.venue.matchers)]:
            numbers[number] = self.venue.ring(name).published
        return self.database.numbers == numbers

    def state(self) -> str:
        """Where everything stands, for a report."""
        board = self.venue.board
        words = {word.name: board.get(word) for word in Word if board.get(word)}
        hosts = {host.name: "alive" if host.alive else "dead" for host in self.hosts}
        rings = {
            ring.name: (self.venue.ring(ring.name).published, self.venue.ring(ring.name).cursors())
            for ring in self.topology.rings
        }
        people = {
            trader.name: (trader.logged_on, trader.next_in, trader.next_out, list(trader.waiting))
            for trader in self.traders
        }
        return f"{words} {hosts} {rings} {people} {self.database.numbers}"
