"""The router agent: puts what gateways and matchers say in one order, writes it into the log and keeps the ledger.

Every poll of a leading router is rule 7 of the log; a starting one repeats the journal first. It reads no clock,
opens no file and knows no client.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from cpython.ref cimport PyObject

from procs.router.accounts cimport account_at
from procs.router.balances cimport BALANCE_UNSHOWN, Balance, balance_at
from procs.router.early cimport Early
from procs.router.events cimport EVENTS_OF_COMMAND, Announcer
from procs.router.orders cimport order_at
from procs.router.sequencer cimport FLUSH_REST_NS, MAX_FLUSH, MAX_GROUP, Sequencer
from procs.router.verdicts cimport verdict_of
from shm.board cimport (
    MAX_SESSIONS, WORD_DURABLE_SEQ, WORD_EPOCH, WORD_JOURNAL_READY, WORD_LOG_END, WORD_MATCHER_DONE, WORD_MATCHER_DUE,
    WORD_READY_EVENT, WORD_ROUTER_DONE, WORD_SETTLED, BalancePayload, Board,
)
from shm.crc32c cimport crc32c
from shm.records cimport *
from shm.ring cimport Consumer, Producer

from shm.records import Code

# A command that waited longer is refused (rule 5). Not an enum: one this large would be unsigned, and compare a command
# that arrived after the poll began, whose age is negative, as older than anything.
cdef int64_t MAX_AGE_NS = 30_000_000_000

cdef enum:
    BATCH = 256
    AHEAD = 16                      # how far before its turn a record is looked at
    RULES_VERSION = 1
    FLUSH_NS = 100_000_000          # changed balances are announced at least as often
    SHOW_NS = 200_000               # and shown on the board, while there is work

assert <int> MAX_FLUSH >= <int> EVENTS_OF_COMMAND


cdef inline bint is_routers_own(uint8_t type) noexcept nogil:
    return type == CMD_MARKER or type == CMD_TICK or type == CMD_EPOCH or type == CMD_ACTIVATE


class ReplayError(RuntimeError):
    """The journal and this code disagree, or the journal is not what a router wrote: the venue must not start."""


cdef class Router(Agent):
    """The venue's one router.

    `ingress` maps the numbers of ingress rings (a gateway's own, 9 the operators') to their consumers, `matchers` those
    of matchers to the consumers of their event rings. `source` is the log so far. `changes(core)` gives, once the log
    is replayed, the configuration's changes: lists of records, an extension before its main record.
    """

    def __init__(
        self, Producer log, Producer events, dict ingress, dict matchers, Board board, JournalSource source,
        object changes, bytes boot_id, Sequencer core=None,
    ):
        if events.ring.header.capacity < MAX_FLUSH:
            raise ValueError(f"the router's event ring needs {MAX_FLUSH} slots: one cause's events must fit")
        if log.ring.header.capacity < MAX_GROUP or len(ingress) > MAX_INGRESS or len(boot_id) != 16:
            raise ValueError("a router needs a log of 4 slots, at most 9 ingress rings and a boot id of 16 bytes")
        self.name = "router"
        self.core = Sequencer() if core is None else core
        self.balances = self.core.ledger.balances
        self.schedule = self.core.administration.schedule
        self.log = log
        self.events = Announcer(events)
        self.board = board
        self.source = source
        self.changes = changes
        self.boot_id = boot_id
        self.rings = [*ingress.values(), *matchers.values()]
        self.state = WAITING
        self.gateways = len(ingress)
        for i, (number, consumer) in enumerate(sorted(ingress.items())):
            self.ingress[i] = <PyObject *> <Consumer?> consumer
            self.ingress_number[i] = number
        for number, consumer in matchers.items():
            if not 0 < number <= MAX_MATCHERS:
                raise ValueError(f"matchers are numbered 1 to {MAX_MATCHERS}, not {number}")
            self.matchers[number - 1] = <PyObject *> <Consumer?> consumer
        for i in range(MAX_MATCHERS):
            early = Early()
            self.rings.append(early)
            self.early[i] = <PyObject *> early

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
        """Rule 7: what is settled here are at least the events that a gateway had seen when it passed on a command."""
        cdef int64_t work
        cdef int i
        for i in range(self.gateways):
            self.ingress_end[i] = (<Consumer> self.ingress[i]).next + (<Consumer> self.ingress[i]).available()
        work = self.drain()
        if self.owed and self.has_room(CMD_MARKER):
            work += self.write_own(CMD_MARKER, now_ns)
        if not self.owed:
            work += self.write_due(now_ns)
            if self.core.ledger.due_count == 0:
                work += self.take_commands(now_ns)
        self.publish()
        if work == 0 or now_ns - self.last_show_ns >= SHOW_NS:
            self.last_show_ns = now_ns
            self.show()
        return work

    cdef int64_t write_due(self, int64_t now_ns) except -1 nogil:
        """What the router itself has to say, while there is room: activations, a tick, the schedule's changes."""
        cdef int64_t work = 0
        while self.has_room(CMD_ACTIVATE) and self.core.ledger.next_due() != 0:
            work += self.write_own(CMD_ACTIVATE, now_ns)
        if self.is_tick_due(now_ns) and self.has_room(CMD_TICK):
            work += self.write_own(CMD_TICK, now_ns)
        while self.schedule.due_ns <= self.time_of_next(now_ns) and self.has_room(CMD_PHASE):
            work += self.write_own(CMD_PHASE, now_ns)
        return work

    cdef bint is_tick_due(self, int64_t now_ns) noexcept nogil:
        """Whether balances have waited to be told, or a matcher that has done the last tick has something to do."""
        cdef uint64_t due
        cdef int i
        if self.balances.changed.count:
            due = max(self.core.flushed_ns, self.led_since_ns) + (FLUSH_REST_NS if self.leftover else FLUSH_NS)
            if self.time_of_next(now_ns) >= due:
                return True
        for i in range(MAX_MATCHERS):
            if self.matchers[i] == NULL:
                continue
            due = self.board.load(WORD_MATCHER_DUE + i)
            if due != 0 and due <= self.time_of_next(now_ns):
                if self.board.load(WORD_MATCHER_DONE + i) >= self.last_tick:
                    return True
        return False

    cdef int64_t drain(self) except -1 nogil:
        cdef int64_t work = 0
        cdef int index
        for index in range(MAX_MATCHERS):
            if self.matchers[index] != NULL:
                work += self.drain_ring(index, <Consumer> self.matchers[index])
        return work

    cdef int64_t drain_ring(self, int index, Consumer ring) except -1 nogil:
        """Take all that a matcher has published: into the ledger when leading, else aside until its marker (rule 8)."""
        cdef uint64_t count = ring.available()
        cdef uint64_t first = ring.next
        cdef uint64_t number
        cdef const EventRecord *event
        for number in range(first, first + count):
            event = <const EventRecord *> ring.at(number)
            if number + AHEAD < first + count:
                self.core.ledger.expect(<const EventRecord *> ring.at(number + AHEAD))
                self.core.ledger.expect_order(<const EventRecord *> ring.at(number + AHEAD // 2))
            if event.number != number:
                with gil:
                    raise RuntimeError(f"matcher {index + 1} put event {event.number} at place {number} of its ring")
            if self.state != LEADING:
                (<Early> self.early[index]).keep(event)
            elif self.core.ledger.apply(event):
                self.owed = True
        if count:
            self.arrived[index] = first + count - 1
            if self.state == LEADING:
                self.settled[index] = self.arrived[index]
            ring.release(first + count - 1)
        return count

    cdef int apply_early(self, int index, uint64_t last) except -1 nogil:
        """Settle a matcher's events up to number `last`; they have arrived."""
        if (<Early> self.early[index]).apply(self.core.ledger, last):
            self.owed = True
        self.settled[index] = last
        return 0

    cdef bint has_room(self, uint8_t type) noexcept nogil:
        """Whether a record of that type, after all extensions it can have, and all its events fit into their rings."""
        cdef uint64_t events = MAX_FLUSH if type == CMD_MARKER or type == CMD_TICK else EVENTS_OF_COMMAND
        cdef uint64_t records = self.log_claimed + MAX_GROUP
        return self.log.free(records) >= records and self.events.room(events) >= events

    cdef char *claim(self) noexcept nogil:
        return self.log.claim(self.log.next + self.log_claimed)

    cdef int finish(self, char *record, int verdict) except -1 nogil:
        """A claimed record is sequenced: count it in, with its events and its session's number."""
        cdef CommandRecord *header = <CommandRecord *> record
        self.log_claimed += 1
        self.events.announce(record, <uint16_t> verdict, self.core)
        if header.session != 0 and header.session < MAX_SESSIONS:
            self.board.set_session_in(
                header.session, account_at(self.core.ledger.accounts, header.session).msg_seq_num
            )
        return 0

    cdef uint64_t time_of_next(self, int64_t now_ns) noexcept nogil:
        """The log time of a record that is sequenced now: never before or at the last one's (rule 4)."""
        return max(self.core.last_time_ns + 1, <uint64_t> now_ns + self.behind_ns)

    cdef void stamp(self, char *record, int64_t now_ns) noexcept nogil:
        cdef CommandRecord *header = <CommandRecord *> record
        header.seq = self.core.last_seq + 1
        header.epoch = self.core.epoch
        header.time_ns = self.time_of_next(now_ns)

    cdef int write_own(self, uint8_t type, int64_t now_ns) except -1 nogil:
        """Sequence a marker, tick, epoch, activation or phase of the schedule. Returns 1, the records written."""
        cdef char *record = self.claim()
        memset(record, 0, RECORD_SIZE)
        (<CommandRecord *> record).type = type
        (<CommandRecord *> record).version = 1
        self.stamp(record, now_ns)
        if type == CMD_EPOCH:
            self.fill_epoch(<EpochRecord *> record)
        elif type == CMD_MARKER:
            memcpy((<MarkerRecord *> record).event_numbers, self.settled, MAX_MATCHERS * sizeof(uint64_t))
            self.owed = False
        elif type == CMD_ACTIVATE:
            self.fill_activation(<ActivateRecord *> record)
        elif type == CMD_PHASE:
            self.fill_phase(<PhaseChangeRecord *> record)
        elif type == CMD_TICK:
            self.last_tick = (<CommandRecord *> record).seq
        self.finish(record, self.core.sequence(record, False))
        if type == CMD_MARKER or type == CMD_TICK:
            self.leftover = self.balances.changed.count > 0
        return 1

    cdef int fill_epoch(self, EpochRecord *record) except -1 nogil:
        record.epoch = self.core.epoch + 1
        record.rules_version = RULES_VERSION
        record.members = 1
        with gil:
            memcpy(record.boot_id, <const char *> self.boot_id, 16)
        return 0

    cdef void fill_activation(self, ActivateRecord *record) noexcept nogil:
        record.order_id = self.core.ledger.next_due()
        record.instrument = order_at(self.core.ledger.orders, self.core.ledger.orders.find(record.order_id)).instrument

    cdef void fill_phase(self, PhaseChangeRecord *record) noexcept nogil:
        record.instrument = self.schedule.next_due(record.time_ns)
        record.entry = self.schedule.latest(record.instrument, record.time_ns)
        record.phase = self.schedule.plans[record.instrument].entries[record.entry - 1].phase

    cdef int64_t take_commands(self, int64_t now_ns) except -1 nogil:
        """Sequence up to a batch, one request after the other from each ingress ring that has any."""
        cdef int64_t taken = 0
        cdef int gateway, took
        cdef bint more = True
        if self.moving != 0:
            if not self.is_quiet():
                return 0
            taken = self.take_from(self.moving - 1, <Consumer> self.ingress[self.moving - 1], now_ns)
        while more and taken < BATCH and self.moving == 0:
            more = False
            for gateway in range(self.gateways):
                took = self.take_from(gateway, <Consumer> self.ingress[gateway], now_ns)
                taken += took
                more = more or took > 0
        for gateway in range(self.gateways):
            (<Consumer> self.ingress[gateway]).release((<Consumer> self.ingress[gateway]).next - 1)
        return taken

    cdef bint is_quiet(self) noexcept nogil:
        """Whether all of the log is done, and all that came of it is settled; asked where nothing is owed."""
        cdef int i
        for i in range(MAX_MATCHERS):
            if self.matchers[i] == NULL:
                continue
            if self.board.load(WORD_MATCHER_DONE + i) < self.core.last_seq:
                return False
            if (<Consumer> self.matchers[i]).available():  # after reading where it is (rule 19)
                return False
        return True

    cdef int take_from(self, int gateway, Consumer ring, int64_t now_ns) except -1 nogil:
        """Sequence an ingress ring's next request, whole. Returns how many records that were.

        An instrument that moves to another matcher waits until nobody has anything of it under way: its orders' next
        events come by another ring.
        """
        cdef uint64_t at = ring.next
        cdef uint64_t count, i
        cdef const CommandRecord *first
        if at >= self.ingress_end[gateway]:
            return 0
        first = <const CommandRecord *> ring.at(at)
        count = 1 if first.type < CMD_EXT_CLIENT_ID else self.count_request(gateway, ring)
        if count == 0 or not self.has_room(first.type):
            return 0
        if first.type == CMD_INSTRUMENT and self.core.administration.moves(<const InstrumentRecord *> first):
            self.moving = 0 if self.is_quiet() else gateway + 1
            if self.moving != 0:
                return 0
        for i in range(count):
            if at + i + AHEAD < self.ingress_end[gateway]:
                self.core.expect(<const CommandRecord *> ring.at(at + i + AHEAD), self.core.last_seq + 1 + AHEAD)
                self.core.expect_target(<const CommandRecord *> ring.at(at + i + AHEAD // 2))
            self.take_one(gateway, ring, ring.at(at + i), now_ns)
        return <int> count

    cdef uint64_t count_request(self, int gateway, Consumer ring) noexcept nogil:
        """How many records the next request has that begins with an extension; 0 while its main record is on the way.

        More extensions than a request can have are nothing: the first of them goes alone.
        """
        cdef uint64_t count
        for count in range(1, MAX_GROUP):
            if ring.next + count >= self.ingress_end[gateway]:
                return 0
            if (<const CommandRecord *> ring.at(ring.next + count)).type < CMD_EXT_CLIENT_ID:
                return count + 1
        return 1

    cdef int take_one(self, int gateway, Consumer ring, const char *source, int64_t now_ns) except -1 nogil:
        """One copy, ingress slot to log slot; all that is stamped is stamped there."""
        cdef CommandRecord *header = <CommandRecord *> self.claim()
        cdef bint too_old
        memcpy(header, source, RECORD_SIZE)
        if is_routers_own(header.type):
            with gil:
                raise RuntimeError(
                    f"ingress ring {self.ingress_number[gateway]} has a record of type {header.type}, the router's own"
                )
        too_old = now_ns - <int64_t> header.time_ns > MAX_AGE_NS
        header.ingress = self.ingress_number[gateway]
        header.ingress_incarnation = ring.ring.header.incarnation
        header.ingress_seq = ring.next
        self.stamp(<char *> header, now_ns)
        self.finish(<char *> header, self.core.sequence(<char *> header, too_old))
        ring.next += 1
        return 0

    cdef int wait_for_journal(self) except -1 nogil:
        if not self.board.load(WORD_JOURNAL_READY):
            return 0
        with gil:
            self.source.open(self.board.load(WORD_DURABLE_SEQ))
        self.state = REPLAYING
        return 1

    cdef int64_t replay(self) except -1 nogil:
        """Put the next of the journal's records into the log, settling at each marker exactly what it says (rule 9)."""
        cdef int64_t work = self.drain()
        cdef const char *recorded
        cdef int done = 0
        while done < BATCH:
            recorded = self.source.peek()
            if recorded == NULL:
                self.state = SETTLING
                break
            if not self.has_room((<const CommandRecord *> recorded).type):
                break
            if (<const CommandRecord *> recorded).type == CMD_MARKER and not self.can_settle(recorded):
                break
            self.repeat(recorded)
            self.source.advance()
            done += 1
        self.publish()
        return work + done

    cdef int can_settle(self, const char *marker) except -1 nogil:
        """Whether all events that the marker settles have arrived."""
        cdef int i
        for i in range(MAX_MATCHERS):
            if self.matchers[i] == NULL and (<const MarkerRecord *> marker).event_numbers[i]:
                with gil:
                    raise ReplayError(f"the journal has events of matcher {i + 1}: the configuration has none such")
            if self.arrived[i] < (<const MarkerRecord *> marker).event_numbers[i]:
                return 0
        return 1

    cdef int repeat(self, const char *recorded) except -1 nogil:
        """Sequence a record of the journal again: it must come out byte for byte as it went in (rule 1)."""
        cdef CommandRecord *header = <CommandRecord *> self.claim()
        cdef uint16_t *verdict
        cdef uint32_t crc = (<const CommandRecord *> recorded).crc
        cdef int before = 0, decided, i
        memcpy(header, recorded, RECORD_SIZE)
        if header.seq != self.core.last_seq + 1 or crc != crc32c(0, recorded + 4, RECORD_SIZE - 4):
            with gil:
                raise ReplayError(f"record {header.seq} is where {self.core.last_seq + 1}, intact, must be")
        verdict = verdict_of(<char *> header)
        if verdict != NULL:
            before = verdict[0]
        if header.type == CMD_MARKER:
            for i in range(MAX_MATCHERS):
                self.apply_early(i, (<const MarkerRecord *> recorded).event_numbers[i])
            self.owed = False
        decided = self.core.sequence(<char *> header, before == CODE_TOO_OLD)
        if decided != before or header.crc != crc:
            with gil:
                raise ReplayError(
                    f"record {header.seq} was sequenced with verdict {Code(before).name}, and replay decides "
                    f"{Code(decided).name}" + ("" if decided != before else ", but stamps other values")
                )
        return self.finish(<char *> header, decided)

    cdef int64_t settle_all(self, int64_t now_ns) except -1 nogil:
        """Wait until matchers have done all of the log, then settle all that they emitted (rule 7)."""
        cdef bint done = True
        cdef int64_t work
        cdef int i
        self.publish()
        for i in range(MAX_MATCHERS):
            if self.matchers[i] != NULL and self.board.load(WORD_MATCHER_DONE + i) < self.core.last_seq:
                done = False
        work = self.drain()  # after reading where they are (rule 19)
        if not done or not self.has_room(CMD_MARKER):
            return work
        for i in range(MAX_MATCHERS):
            self.apply_early(i, self.arrived[i])
        if self.owed:
            self.write_own(CMD_MARKER, now_ns)
            self.publish()
        # A wall clock that was set back: the log's time goes on from where it was, without waiting for the clock.
        self.behind_ns = max(0, <int64_t> self.core.last_time_ns - now_ns)
        self.led_since_ns = now_ns + self.behind_ns
        self.state = CONFIGURING
        return work + 1

    cdef int64_t configure(self, int64_t now_ns) except -1 nogil:
        """One step of beginning to lead: first the epoch, then a change a poll, then the gateways open."""
        cdef int verdict
        if not self.has_room(CMD_ACCOUNT):
            self.publish()
            return 0
        with gil:
            if self.pending is None:
                self.write_own(CMD_EPOCH, now_ns)
                self.pending = iter(self.changes(self.core))
                self.publish()
                return 1
            self.group = next(self.pending, None)
            if self.group is not None:
                for record in self.group:
                    header = <CommandRecord *> self.claim()
                    memcpy(header, <const char *> (<bytes> record), RECORD_SIZE)
                    self.stamp(<char *> header, now_ns)
                    verdict = self.core.sequence(<char *> header, False)
                    if verdict != CODE_OK:
                        raise RuntimeError(f"the configuration's record {header.seq} is refused: {Code(verdict).name}")
                    self.finish(<char *> header, verdict)
                self.publish()
                return len(self.group)
        self.show()
        self.board.store(WORD_READY_EVENT, self.events.ring.next - 1)
        self.board.store(WORD_EPOCH, self.core.epoch)
        self.state = LEADING
        return 1

    cdef void publish(self) noexcept nogil:
        """Show the log first, so that matchers begin; then the router's events; then how far both are complete."""
        if self.log_claimed == 0:
            return
        self.log.publish(self.log.next + self.log_claimed - 1)
        self.log_claimed = 0
        self.board.store(WORD_LOG_END, self.core.last_seq)
        self.events.publish()
        self.board.store(WORD_ROUTER_DONE, self.core.last_seq)

    cdef void show(self) noexcept nogil:
        """Changed balances for the gateways' hints, then how far they are settled (rule 12)."""
        cdef BalancePayload payload
        cdef Balance *balance
        cdef uint64_t i
        if self.owed:
            return
        for i in range(self.balances.unshown.count):
            balance = balance_at(self.balances, self.balances.unshown.items[i].item)
            balance.flags &= ~BALANCE_UNSHOWN
            payload.account = balance.account
            payload.asset = balance.asset
            payload.free = balance.free
            payload.held = balance.held
            self.board.write_balance(&payload)
        self.balances.unshown.count = 0
        for i in range(MAX_MATCHERS):
            if self.matchers[i] != NULL:
                self.board.store(WORD_SETTLED + <int> i, self.settled[i])

    @property
    def leads(self) -> bool:
        """Whether replay and configuration are over, and commands are taken."""
        return self.state == LEADING
