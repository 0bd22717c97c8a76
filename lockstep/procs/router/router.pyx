"""The router agent: puts what gateways and matchers send in one order, writes it into the log and keeps the ledger.

Every poll of a leading router is LOG-7 and LOG-8; a starting one repeats the journal first. One that follows repeats
what another node's router has sequenced, as it comes, and leads when it is promoted. It reads no clock, opens no file
and knows no client.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from cython cimport final

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.schema.records cimport *
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.board_writer cimport BoardWriter
from lockstep.procs.router.events cimport EVENTS_OF_COMMAND, Announcer, is_told, most_events
from lockstep.procs.router.extensions cimport MAX_GROUP
from lockstep.procs.router.imposed cimport imposed_before, imposed_on
from lockstep.procs.router.ingress cimport Ingress
from lockstep.procs.router.log_clock cimport ahead_at, time_after
from lockstep.procs.router.log_source cimport LogRing
from lockstep.procs.router.own_records cimport OwnRecords
from lockstep.procs.router.prefetch cimport GLIMPSES, look_ahead
from lockstep.procs.router.sequencer cimport FLUSH_REST_NS, MAX_FLUSH, Sequencer
from lockstep.procs.router.settlement cimport Settlement
from lockstep.procs.router.verdicts cimport verdict_of
from lockstep.shm.board cimport (
    HANDOVER_CLOSED, HANDOVER_CLOSING, WORD_DURABLE_SEQ, WORD_EPOCH, WORD_EPOCH_WANTED, WORD_FENCED, WORD_HANDOVER,
    WORD_JOURNAL_FULL, WORD_JOURNAL_READY, WORD_LOG_AHEAD_NS, WORD_LOG_END, WORD_READY_EVENT, WORD_ROUTER_DONE,
    WORD_SNAPSHOT_ASKED, WORD_SNAPSHOT_SEQ, Board,
)
from lockstep.shm.ring cimport Consumer, Producer, claim_at, record_at

from lockstep.core.schema.records import Code
from lockstep.procs.router.settlement import ReplayError
from lockstep.procs.router.origin import next_change

cdef enum:
    BATCH = 256
    FLUSH_NS = 10_000_000          # changed balances are announced at least as often,
    SHOW_NS = 200_000              # and shown on the board, while there is work
    QUIET_NS = 250_000_000         # commands wait no longer for a snapshot
    QUIET_REST_NS = 1_000_000_000  # and then not again so soon


@final
cdef class Router(Agent):
    """The venue's one router, with the ends of its rings (`Rings`) and what it starts from (`Origin`).

    `snapshots` keeps its state, with a method `save(seq, agent, write)`; None keeps nothing.
    """

    def __init__(self, object rings, Board board not None, object origin, object snapshots=None):
        cdef Producer log = rings.log
        cdef Producer events = rings.events
        if events.ring.header.capacity <= MAX_FLUSH:
            raise ValueError(f"the router's event ring needs {MAX_FLUSH + 1} slots: one cause's events must fit")
        if log.ring.header.capacity < MAX_GROUP or len(origin.boot_id) != 16:
            raise ValueError(f"a router needs a log of {MAX_GROUP} slots and a boot id of 16 bytes")
        self.name = "router"
        self.core = Sequencer() if origin.core is None else origin.core
        self.balances = self.core.ledger.balances
        self.schedule = self.core.administration.schedule
        self.log = log
        self.events = Announcer(events)
        self.board = board
        self.source = origin.source
        self.changes = origin.changes
        self.witnesses = origin.witnesses
        self.snapshots = snapshots
        self.generation = origin.generation
        self.ingress = Ingress(rings.ingress, origin.voided)
        self.follows = isinstance(origin.source, LogRing)
        self.settlement = Settlement(self.core.ledger, board, rings.matchers, self.follows)
        self.showing = BoardWriter(board, self.core.ledger.balances, self.core.ledger.accounts)
        self.own = OwnRecords(self.core, self.settlement, self.events, origin)
        self.state = WAITING

    cdef int64_t poll(self, int64_t now_ns) except -1 nogil:
        if self.state == LEADING:
            return self.lead(now_ns)
        if self.state == REPLAYING:
            return self.replay()
        if self.state == SETTLING:
            return self.settle_all(now_ns)
        if self.state == CONFIGURING:
            return self.configure(now_ns)
        return self.wait_for_journal()

    cdef int64_t lead(self, int64_t now_ns) except -1 nogil:
        """LOG-7: what is settled here includes every event that a gateway had seen when it passed on a command."""
        cdef int64_t work
        self.ingress.look()
        self.journal_full = self.board.load(WORD_JOURNAL_FULL)
        work = self.settlement.drain()
        if not self.is_closed():
            if self.settlement.owed and self.has_room(CMD_MARKER):
                work += self.write_own(CMD_MARKER, now_ns)
            if not self.settlement.owed and not self.waits_for_snapshot(now_ns):
                work += self.write_due(now_ns)
                if self.core.ledger.due.count == 0:
                    work += self.take_commands(now_ns)
        self.publish()
        self.ingress.release()
        if work == 0 or now_ns - self.last_show_ns >= SHOW_NS:
            self.last_show_ns = now_ns
            self.board.store(WORD_LOG_AHEAD_NS, ahead_at(&self.clock, now_ns))
            self.show()
        return work

    cdef bint is_closed(self) noexcept nogil:
        """Whether the log gets nothing more, because another node is to lead: asked in order, it says where it ends."""
        cdef uint64_t handover = self.board.load(WORD_HANDOVER)
        if handover == HANDOVER_CLOSING:
            self.show()
            self.board.store(WORD_HANDOVER, HANDOVER_CLOSED)
        return handover >= HANDOVER_CLOSING or self.board.load(WORD_FENCED) != 0

    cdef int64_t write_due(self, int64_t now_ns) except -1 nogil:
        """Its own records, while there is room: a wanted epoch, activations, a tick, phases, cancels (LOG-33)."""
        cdef int64_t work = 0
        if self.board.load(WORD_EPOCH_WANTED) > self.core.epoch and self.has_room(CMD_EPOCH):
            work += self.begin_epoch(now_ns)
        while self.has_room(CMD_ACTIVATE) and self.core.ledger.next_due() != 0:
            work += self.write_own(CMD_ACTIVATE, now_ns)
        if self.is_tick_due(now_ns) and self.has_room(CMD_TICK):
            work += self.write_own(CMD_TICK, now_ns)
        while self.schedule.due_ns <= self.time_of_next(now_ns) and self.has_room(CMD_PHASE):
            work += self.write_own(CMD_PHASE, now_ns)
        while self.own.cancel_after.next_due(self.time_of_next(now_ns)) != 0 and self.has_room(CMD_MASS_CANCEL):
            work += self.write_own(CMD_MASS_CANCEL, now_ns)
        return work

    cdef int begin_epoch(self, int64_t now_ns) except -1 nogil:
        """Begin another epoch while this node leads: from there on commits wait for other members. Return 1.

        The epoch is shown last: an edge that sees it knows which event began it.
        """
        self.write_own(CMD_EPOCH, now_ns)
        self.publish()
        self.board.store(WORD_READY_EVENT, self.events.ring.next - 1)
        self.board.store(WORD_EPOCH, self.core.epoch)
        return 1

    cdef bint is_tick_due(self, int64_t now_ns) noexcept nogil:
        """Whether balances, or that all are, wait to be announced, or a matcher that did the last tick has work."""
        cdef uint64_t rest = FLUSH_REST_NS if self.leftover else FLUSH_NS
        if self.balances.changed.count or self.core.unsettled:
            if self.time_of_next(now_ns) >= max(self.core.flushed_ns, self.led_since_ns) + rest:
                return True
        return self.settlement.is_tick_due(self.time_of_next(now_ns), self.last_tick)

    cdef bint has_room(self, uint8_t type) noexcept nogil:
        """Whether a record of that type, with all extensions it can have, and all its events fit into their rings."""
        cdef uint64_t events = most_events(type)
        cdef uint64_t records = self.log_claimed + MAX_GROUP
        return (self.follows or self.log.free(records) >= records) and self.events.room(events) >= events

    cdef uint64_t count_fitting(self) noexcept nogil:
        """How many requests of gateways, of any kind, certainly find room in the rings."""
        cdef uint64_t records = self.log.free(self.log_claimed + BATCH * MAX_GROUP) - self.log_claimed
        return min(records // MAX_GROUP, self.events.room(BATCH * EVENTS_OF_COMMAND) // EVENTS_OF_COMMAND)

    cdef int finish(self, char *record, int verdict) except -1 nogil:
        """A claimed record is sequenced: count it in, with its events. Once it leads, show its session's number."""
        cdef CommandRecord *header = <CommandRecord *> record
        self.log_claimed += 1
        if header.type >= CMD_EXT_CLIENT_ID:
            return 0
        if verdict != CODE_OK or self.core.flushed_count != 0 or is_told(header):
            self.events.announce(record, <uint16_t> verdict, self.core)
        if self.state == LEADING:
            self.showing.show_session(header.session)
        return 0

    cdef uint64_t time_of_next(self, int64_t now_ns) noexcept nogil:
        """The log time of a record that is sequenced now."""
        return time_after(&self.clock, self.core.last_time_ns, now_ns)

    cdef void stamp(self, char *record, int64_t now_ns) noexcept nogil:
        cdef CommandRecord *header = <CommandRecord *> record
        header.seq = self.core.last_seq + 1
        header.epoch = self.core.epoch
        header.time_ns = self.time_of_next(now_ns)

    cdef int write_own(self, uint8_t type, int64_t now_ns) except -1 nogil:
        """Sequence a marker, snapshot, tick, epoch, activation, the schedule's phase or a due cancel. Returns 1."""
        cdef char *record = claim_at(self.log, self.log.next + self.log_claimed)
        memset(record, 0, RECORD_SIZE)
        (<CommandRecord *> record).type = type
        (<CommandRecord *> record).version = 1
        self.stamp(record, now_ns)
        self.own.fill(record)
        if type == CMD_MARKER:
            self.settlement.owed = False
        elif type == CMD_TICK:
            self.last_tick = (<CommandRecord *> record).seq
        self.finish(record, self.core.sequence(record, CODE_OK))
        if type == CMD_MARKER or type == CMD_TICK:
            self.leftover = self.balances.changed.count > 0
        return 1

    cdef bint waits_for_snapshot(self, int64_t now_ns) except -1 nogil:
        """Take the snapshot that was asked for, once all is quiet; until then nothing may be sequenced (LOG-18).

        A matcher that never becomes quiet can't stop trading: after a while trading goes on, and the snapshot waits.
        """
        cdef uint64_t asked = self.board.load(WORD_SNAPSHOT_ASKED)
        if asked == self.snapshots_done or now_ns < self.snapshot_from_ns:
            return False
        if self.quiet_until_ns == 0:
            self.quiet_until_ns = now_ns + QUIET_NS
        if self.settlement.is_quiet(self.core.last_seq) and self.has_room(CMD_SNAPSHOT):
            self.take_snapshot(now_ns)
            self.snapshots_done = asked
        elif now_ns < self.quiet_until_ns:
            return True
        else:
            self.snapshot_from_ns = now_ns + QUIET_REST_NS
        self.quiet_until_ns = 0
        return False

    cdef int take_snapshot(self, int64_t now_ns) except -1 nogil:
        """Announce which record wants saving before the record can be seen."""
        self.board.store(WORD_SNAPSHOT_SEQ, self.core.last_seq + 1)
        self.write_own(CMD_SNAPSHOT, now_ns)
        self.publish()
        return self.keep_snapshot(self.core.last_seq)

    cdef int keep_snapshot(self, uint64_t seq) except -1 nogil:
        """The log is at the snapshot `seq`: have the state saved, if that one is still wanted."""
        if self.snapshots is not None and self.board.load(WORD_SNAPSHOT_SEQ) == seq:
            with gil:
                self.snapshots.save(seq, self.name, self.save, self.core.digests)
        return 0

    cdef int64_t take_commands(self, int64_t now_ns) except -1 nogil:
        """Sequence up to a batch, one request at a time from each ingress ring that has any.

        It begins behind the ring that it took from last: where there is room for one request in a poll, all have turns.
        """
        cdef int64_t taken = 0
        cdef int place, took, _
        cdef bint more = True
        self.requests_fit = 0  # others have written since
        if self.moving != 0:
            if not self.settlement.is_quiet(self.core.last_seq):
                return 0
            taken = self.take_from(self.moving - 1, <Consumer> self.ingress.rings[self.moving - 1], now_ns)
        while more and taken < BATCH and self.moving == 0:
            more = False
            place = self.next_place
            for _ in range(self.ingress.count):
                took = self.take_from(place, <Consumer> self.ingress.rings[place], now_ns)
                place = place + 1 if place + 1 < self.ingress.count else 0
                if took > 0:
                    self.next_place = place
                    taken += took
                    more = True
        return taken

    cdef int take_from(self, int place, Consumer ring, int64_t now_ns) except -1 nogil:
        """Sequence an ingress ring's next request, whole. Returns how many records that were.

        An instrument that moves to another matcher waits until nothing of it is under way: its orders' next
        events come by another ring.
        """
        cdef uint64_t at = ring.next
        cdef uint64_t count = self.ingress.count_request(place, ring)
        cdef uint64_t i
        cdef const CommandRecord *first
        if count == 0:
            return 0
        if at + count > self.ingress.voids[place]:
            with gil:
                self.ingress.skip(place, ring, count)
            return <int> count
        first = <const CommandRecord *> record_at(ring, at)
        if self.requests_fit == 0:
            self.requests_fit = self.count_fitting()
        if self.requests_fit == 0:
            return 0
        if first.type == CMD_INSTRUMENT and self.core.administration.moves(<const InstrumentRecord *> first):
            self.moving = 0 if self.settlement.is_quiet(self.core.last_seq) else place + 1
            if self.moving != 0:
                return 0
        if CMD_EXT_KEY_MATERIAL <= first.type <= CMD_EXT_DESTINATION:  # of what has more events
            if not self.has_room(CMD_API_KEY):
                return 0
            self.requests_fit = 1
        self.requests_fit -= 1
        look_ahead(&self.ahead[place], self.core.ledger, ring, self.ingress.ends[place], self.core.last_seq + 1)
        for i in range(count):
            self.core.seen = self.ahead[place].glimpses[(at + i) % GLIMPSES]
            self.take_one(place, ring, record_at(ring, at + i), now_ns)
        return <int> count

    cdef int take_one(self, int place, Consumer ring, const char *source, int64_t now_ns) except -1 nogil:
        """One copy, ingress slot to log slot; all that is stamped is stamped there."""
        cdef CommandRecord *header = <CommandRecord *> claim_at(self.log, self.log.next + self.log_claimed)
        cdef int imposed
        memcpy(header, source, RECORD_SIZE)
        if is_routers_own(header.type):
            with gil:
                raise RuntimeError(
                    f"ingress ring {self.ingress.numbers[place]} has a record of type {header.type}, the router's own"
                )
        imposed = imposed_on(self.core, header, now_ns, self.journal_full)
        header.ingress = self.ingress.numbers[place]
        header.ingress_incarnation = ring.ring.header.incarnation
        header.ingress_seq = ring.next
        self.stamp(<char *> header, now_ns)
        self.finish(<char *> header, self.core.sequence(<char *> header, imposed))
        ring.next += 1
        return 0

    cdef int wait_for_journal(self) except -1 nogil:
        cdef uint64_t end
        if self.board.load(WORD_JOURNAL_READY) != self.generation:
            return 0
        end = self.board.load(WORD_DURABLE_SEQ)
        with gil:
            if end < self.core.last_seq:
                raise ReplayError(f"the journal ends at record {end}, and the snapshot is of {self.core.last_seq}")
            self.source.open(self.core.last_seq + 1, end)
        self.state = REPLAYING
        return 1

    cdef int64_t replay(self) except -1 nogil:
        """Put the next of the journal's records into the log, settling at each marker exactly what it says (LOG-9)."""
        cdef int64_t work = self.settlement.drain()
        cdef const char *recorded
        cdef int done = 0
        while done < BATCH:
            recorded = self.source.peek()
            if recorded == NULL:
                if not self.source.is_followed:
                    self.state = SETTLING
                break
            if not self.has_room((<const CommandRecord *> recorded).type):
                break
            if not self.settlement.can_settle(recorded, self.core.last_seq):
                break
            self.repeat(recorded)
            self.source.advance()
            done += 1
        self.publish()
        if self.state == SETTLING and self.follows:
            with gil:
                self.take_over()
        return work + done

    def take_over(self) -> None:
        """Whoever filled the log ring is no more, and all that it published is repeated: write into it from here on."""
        self.log = self.log.ring.producer()
        if self.log.next != self.core.last_seq + 1:
            raise ReplayError(f"the log ring has got records behind {self.core.last_seq}: somebody still writes there")
        self.follows = False

    cdef int repeat(self, const char *recorded) except -1 nogil:
        """Sequence a record of the journal again: it must come out byte for byte as it went in (LOG-1)."""
        cdef CommandRecord *header = <CommandRecord *> &self.copied[0]
        cdef uint16_t *verdict
        cdef uint32_t crc = (<const CommandRecord *> recorded).crc
        cdef int before = 0, decided
        if not self.follows:
            header = <CommandRecord *> claim_at(self.log, self.log.next + self.log_claimed)
        memcpy(header, recorded, RECORD_SIZE)
        if header.seq != self.core.last_seq + 1 or crc != crc32c(0, recorded + 4, RECORD_SIZE - 4):
            with gil:
                raise ReplayError(f"record {header.seq} is where {self.core.last_seq + 1}, intact, must be")
        verdict = verdict_of(<char *> header)
        if verdict != NULL:
            before = verdict[0]
        if header.type == CMD_MARKER or header.type == CMD_SNAPSHOT:
            self.settlement.settle_as(recorded, self.events.next_number())
        decided = self.core.sequence(<char *> header, imposed_before(before))
        if decided != before or header.crc != crc:
            with gil:
                raise ReplayError(
                    f"record {header.seq} was sequenced with verdict {Code(before).name}, and replay decides "
                    f"{Code(decided).name}" + ("" if decided != before else ", but stamps other values")
                )
        self.finish(<char *> header, decided)
        return self.keep_snapshot(header.seq) if header.type == CMD_SNAPSHOT else 0

    cdef int64_t settle_all(self, int64_t now_ns) except -1 nogil:
        """Wait until matchers have done all of the log, then settle all that they emitted (LOG-7)."""
        cdef bint done
        cdef int64_t work
        self.publish()
        done = self.settlement.is_done(self.core.last_seq)
        work = self.settlement.drain()  # after reading where they are (LOG-19)
        if not done or self.is_closed() or not self.has_room(CMD_MARKER):
            return work
        if self.witnesses is not None:
            with gil:
                if not self.hear():
                    return work
        self.settlement.settle_to(self.settlement.arrived)
        if self.settlement.owed:
            self.write_own(CMD_MARKER, now_ns)
            self.publish()
        # A wall clock that was set back: the log's time continues from where it was, without a pause.
        self.clock.behind_ns = max(0, <int64_t> self.core.last_time_ns - now_ns)
        self.clock.led_at_ns = now_ns
        self.led_since_ns = now_ns + self.clock.behind_ns
        self.state = CONFIGURING
        return work + 1

    def hear(self) -> bool:
        """Whether all witnesses have answered, and none knows of more than the journal leads to."""
        if not self.witnesses.are_heard():
            return False
        numbers = [self.events.next_number() - 1, *(self.settlement.arrived[i] for i in range(MAX_MATCHERS))]
        objection = self.witnesses.objection(self.core.last_seq, numbers)
        if objection is not None:
            raise self.source.short_of(self.core.last_seq, objection)
        self.witnesses = None
        return True

    cdef int64_t configure(self, int64_t now_ns) except -1 nogil:
        """One step of beginning to lead: first the epoch, then a change a poll, then the gateways open."""
        cdef int verdict
        if self.is_closed() or not self.has_room(CMD_API_KEY):
            self.publish()
            return 0
        with gil:
            if self.pending is None:
                self.pending = iter(self.changes(self.core))
                self.write_own(CMD_EPOCH, now_ns)
                self.publish()
                return 1
            self.group = next_change(self.pending, Code(self.refused))
            self.refused = CODE_OK
            if self.group is not None:
                for record in self.group:
                    header = <CommandRecord *> claim_at(self.log, self.log.next + self.log_claimed)
                    memcpy(header, <const char *> (<bytes> record), RECORD_SIZE)
                    self.stamp(<char *> header, now_ns)
                    verdict = self.core.sequence(<char *> header, CODE_OK)
                    self.refused = max(self.refused, verdict)
                    self.finish(<char *> header, verdict)
                self.publish()
                return len(self.group)
            self.ingress.resume(self.core.taken)
        self.core.ledger.ids.make_room(self.core.ledger.accounts.count)
        self.showing.show_sessions()
        self.show()
        self.board.store(WORD_READY_EVENT, self.events.ring.next - 1)
        self.board.store(WORD_EPOCH, self.core.epoch)
        self.snapshots_done = self.board.load(WORD_SNAPSHOT_ASKED)  # whoever still wants one asks again
        self.settlement.leads = True
        self.state = LEADING
        return 1

    cdef void publish(self) noexcept nogil:
        """Show the log first, so that matchers begin; then the router's events; then how far both are complete."""
        if self.log_claimed == 0:
            return
        if not self.follows:
            self.log.publish(self.log.next + self.log_claimed - 1)
        self.log_claimed = 0
        self.board.store(WORD_LOG_END, self.core.last_seq)
        self.events.publish()
        self.board.store(WORD_ROUTER_DONE, self.core.last_seq)
        self.source.release(self.core.last_seq)

    cdef void show(self) noexcept nogil:
        """Show changed balances, as the gateways' hints, then how far they are settled (LOG-12)."""
        if not self.settlement.owed:
            self.showing.show_balances()
            self.settlement.show()

    def save(self, Saver saver not None) -> None:
        """Add the whole state to a part, as it is at a Snapshot record. OSError."""
        saver.put_64(self.events.next_number() - 1)
        self.settlement.save(saver)
        self.core.save(saver)

    def load(self, Loader loader not None) -> None:
        """Load the state of a part, before the first poll. ValueError if the rings do not go on after it."""
        cdef uint64_t number = loader.get_64()
        if self.state != WAITING or self.core.last_seq != 0:
            raise ValueError("a state is loaded once, before anything else")
        if number + 1 != self.events.next_number():
            raise ValueError(f"the router's events go on at {self.events.next_number()}, not behind {number}")
        self.settlement.load(loader)
        self.core.load(loader)
        # A follower's log is filled by another process, which may be ahead already.
        if self.log.next <= self.core.last_seq or (not self.follows and self.log.next != self.core.last_seq + 1):
            raise ValueError(f"the log goes on at {self.log.next}, not behind {self.core.last_seq}")

    @property
    def leads(self) -> bool:
        """Whether replay and configuration are over, and commands are taken."""
        return self.state == LEADING
