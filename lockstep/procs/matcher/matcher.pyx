"""The matcher: takes its instruments' commands from the log ring, and publishes its books' events.

The book decides about orders. No command is freed before all its events are published.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from lockstep.core.schema.records cimport (
    CMD_ACCOUNT_LIMITS, CMD_ACTIVATE, CMD_CANCEL, CMD_EXT_CLIENT_ID, CMD_EXT_LEG, CMD_EXT_LIST_NAME, CMD_EXT_TERMS,
    CMD_INSTRUMENT, CMD_LIMITS, CMD_MASS_CANCEL, CMD_NEW_ORDER, CMD_PHASE, CMD_REPLACE, CMD_SNAPSHOT, CMD_TICK, CODE_OK,
    MAX_MATCHERS, AccountLimitsRecord, ActivateRecord, CancelRecord, CommandRecord, InstrumentRecord, LimitsRecord,
    MassCancelRecord, NewOrderRecord, PhaseChangeRecord, ReplaceRecord, SnapshotRecord,
)
from lockstep.core.tables.digest cimport scramble
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.core.venue.agent cimport Agent
from lockstep.procs.matcher.book cimport Book
from lockstep.procs.matcher.orders cimport MAX_INSTRUMENTS
from lockstep.procs.matcher.prefetch cimport Ahead, look_ahead
from lockstep.shm.board cimport WORD_MATCHER_DONE, WORD_MATCHER_DUE, WORD_SNAPSHOT_SEQ, Board
from lockstep.shm.ring cimport Consumer, Producer, prefetch_record, record_at

from lockstep.procs.matcher.book import NOTHING

cdef enum:
    BATCH = 256             # commands in a poll
    ARRIVAL = 24            # how far ahead of its turn a command is prefetched: the router has just written it
    MOST_EVENTS = 4096      # events in a poll: a mass cancel may need several


cdef int fail(const char *what, uint64_t seq) except -1 nogil:
    """A log that contradicts itself is a bug: the process ends."""
    with gil:
        raise RuntimeError(f"{what.decode()}: command {seq} of the log")


cdef class Matcher(Agent):
    """Matcher `number` of the venue. The log is logical: which process polls this is not state (LOG-3).

    `voided` are commands that are not carried out (LOG-22), by log sequence: how many of their events were shown
    before that was decided, which stand. An instrument's definition can't be voided.
    """

    cdef readonly Book book
    cdef Consumer log
    cdef Ahead ahead
    cdef Board board
    cdef object images          # of instruments that move: put(seq, bytes) and get(seq), or None
    cdef object leaving         # the image of one that there was no room for yet, or None
    cdef object snapshots       # where the state is saved: save(seq, name, write), or None
    cdef int number
    cdef uint8_t *matcher_of    # by instrument; 0 if it is not defined

    def __cinit__(
        self, int number, Consumer log, Producer events, Board board, object images=None, object snapshots=None,
        object voided=NOTHING,
    ):
        if not 1 <= number <= MAX_MATCHERS:
            raise ValueError(f"matchers are numbered 1 to {MAX_MATCHERS}, not {number}")
        self.name = f"matcher.{number}"
        self.number = number
        self.log = log
        self.board = board
        self.images = images
        self.snapshots = snapshots
        self.book = Book(events, voided=voided)
        self.matcher_of = <uint8_t *> calloc(MAX_INSTRUMENTS, 1)
        if self.matcher_of == NULL:
            raise MemoryError("no memory for the table of instruments")

    def __dealloc__(self):
        free(self.matcher_of)

    cdef int64_t poll(self, int64_t now_ns) except -1 nogil:
        """Carry out a batch of commands; returns how many commands were done and events published.

        When the event ring is full it stops, if need be in mid-command; the command stays in the log ring until
        a later poll has published its last event. Only then is it freed and counted as done (LOG-19).
        """
        cdef uint64_t first = self.log.next
        cdef uint64_t published = self.log.available()
        cdef uint64_t count = min(published, <uint64_t> BATCH)
        cdef uint64_t seq = first
        cdef uint64_t events
        cdef bint is_large = self.book.is_large()
        if count == 0:
            return 0
        self.book.writer.open(MOST_EVENTS)
        while seq < first + count:
            if seq + ARRIVAL < first + published:
                prefetch_record(self.log, seq + ARRIVAL)
            if is_large and seq >= self.ahead.tail:
                look_ahead(&self.ahead, self.book.orders, self.log, seq, first + published)
            if not self.carry_out(<const CommandRecord *> record_at(self.log, seq), seq):
                break
            seq += 1
        events = self.book.writer.publish()
        if seq > first:
            self.log.release(seq - 1)
            self.board.store(WORD_MATCHER_DUE + self.number - 1, self.book.due())
            self.board.store(WORD_MATCHER_DONE + self.number - 1, seq - 1)
        return <int64_t> (seq - first + events)

    cdef int carry_out(self, const CommandRecord *command, uint64_t seq) except -1 nogil:
        """Returns 1 when the command is done or another matcher's, and 0 when the book waits for slots."""
        cdef uint8_t kind = command.type
        if command.seq != seq:
            return fail(b"the record's sequence is not its place in the ring", seq)
        if kind == CMD_NEW_ORDER:
            if (<const NewOrderRecord *> command).verdict != CODE_OK:
                return 1
            return self.forward(command, (<const NewOrderRecord *> command).instrument)
        if kind == CMD_CANCEL:
            if (<const CancelRecord *> command).verdict != CODE_OK:
                return 1
            return self.forward(command, (<const CancelRecord *> command).instrument)
        if kind == CMD_REPLACE:
            if (<const ReplaceRecord *> command).verdict != CODE_OK:
                return 1
            return self.forward(command, (<const ReplaceRecord *> command).instrument)
        if (
            kind == CMD_EXT_CLIENT_ID or kind == CMD_EXT_TERMS or kind == CMD_EXT_LEG or kind == CMD_EXT_LIST_NAME
            or kind == CMD_TICK
        ):
            return self.book.execute(command)
        return self.carry_out_rare(command)

    cdef int carry_out_rare(self, const CommandRecord *command) except -1 nogil:
        """Commands of operators, of the configuration and of the router itself."""
        cdef const MassCancelRecord *mass = <const MassCancelRecord *> command
        cdef const LimitsRecord *limits = <const LimitsRecord *> command
        cdef const PhaseChangeRecord *phase = <const PhaseChangeRecord *> command
        if command.type == CMD_INSTRUMENT:
            return self.define(<const InstrumentRecord *> command)
        if command.type == CMD_SNAPSHOT:
            return self.take_snapshot(<const SnapshotRecord *> command)
        if command.type == CMD_ACTIVATE:  # a refused one cancels the order
            return self.forward(command, (<const ActivateRecord *> command).instrument)
        if command.type == CMD_LIMITS and limits.verdict == CODE_OK:
            return self.forward(command, limits.instrument)
        if command.type == CMD_PHASE and phase.verdict == CODE_OK:
            return self.forward(command, phase.instrument)
        if command.type == CMD_ACCOUNT_LIMITS and (<const AccountLimitsRecord *> command).verdict == CODE_OK:
            return self.book.execute(command)
        if command.type == CMD_MASS_CANCEL and mass.verdict == CODE_OK:
            return self.book.execute(command) if mass.instrument == 0 else self.forward(command, mass.instrument)
        return 1

    cdef int forward(self, const CommandRecord *command, uint32_t instrument) except -1 nogil:
        cdef int owner = self.matcher_of[instrument] if instrument < MAX_INSTRUMENTS else 0
        if owner == 0:
            return fail(b"an accepted command for an instrument that was never defined", command.seq)
        return self.book.execute(command) if owner == self.number else 1

    cdef int define(self, const InstrumentRecord *command) except -1 nogil:
        """Note an instrument's matcher. Returns 0, to be tried again, if another one has not let go yet, or if there
        is no room for the image of one that goes.
        """
        cdef int owner
        if command.verdict != CODE_OK:
            return 1
        if command.instrument >= MAX_INSTRUMENTS or not 1 <= command.matcher <= MAX_MATCHERS:
            return fail(b"an instrument's number, or its matcher's, is out of range", command.seq)
        owner = self.matcher_of[command.instrument]
        if owner != 0 and owner != command.matcher and (owner == self.number or command.matcher == self.number):
            with gil:
                if not self.move(command.seq, command.instrument, owner == self.number):
                    return 0
        self.matcher_of[command.instrument] = command.matcher
        return self.book.execute(<const CommandRecord *> command) if command.matcher == self.number else 1

    cdef bint move(self, uint64_t seq, uint32_t instrument, bint away) except? False:
        """Leave an instrument's image for its new matcher, or take it over; False while that can't be done."""
        if self.images is None:
            raise RuntimeError(f"instrument {instrument} moves, and there is no place for its image: command {seq}")
        if away:
            if self.leaving is None:
                self.leaving = self.book.give_away(instrument)
            if not self.images.put(seq, self.leaving):
                return False
            self.leaving = None
            return True
        image = self.images.get(seq)
        if image is not None:
            self.book.take_over(instrument, image)
        return image is not None

    cdef int take_snapshot(self, const SnapshotRecord *command) except -1 nogil:
        """Save the state if this snapshot is wanted now (in a replay none is). Returns 1."""
        if self.snapshots is None or command.seq != self.board.load(WORD_SNAPSHOT_SEQ):
            return 1
        if command.event_numbers[self.number - 1] != self.book.writer.number - 1:
            return fail(b"the router has settled other events than were published", command.seq)
        with gil:
            self.snapshots.save(command.seq, self.name, self.save, self.book.digests)
        return 1

    def save(self, Saver saver not None) -> None:
        """Add the state to a part. OSError; RuntimeError in the middle of a command."""
        saver.write(self.name.encode())
        saver.put(self.matcher_of, MAX_INSTRUMENTS)
        self.book.save(saver)

    def load(self, Loader loader not None) -> None:
        """Load a snapshot's part into a new matcher: its log goes on after the mark, its events where they ended there.

        DamagedPart, MemoryError; RuntimeError if the part is another matcher's, or the event ring begins elsewhere.
        """
        name = loader.read().decode()
        if name != self.name:
            raise RuntimeError(f"{self.name} can't go on from what {name} saved")
        loader.get(self.matcher_of, MAX_INSTRUMENTS)
        self.book.load(loader)
        self.board.store(WORD_MATCHER_DUE + self.number - 1, self.book.due())
        self.board.store(WORD_MATCHER_DONE + self.number - 1, self.log.next - 1)

    def digest(self) -> int:
        """64 bits that are equal for equal matchers, whether live, replayed or loaded."""
        cdef uint64_t digest = self.book.digest()
        cdef uint32_t instrument
        for instrument in range(MAX_INSTRUMENTS):
            if self.matcher_of[instrument]:
                digest += scramble(<uint64_t> instrument << 8 | self.matcher_of[instrument], 1)
        return digest
