"""The journaler: makes the log durable, batch by batch, and tells everyone how far it is.

It writes straight from the ring's memory and never frees a slot, or says that it is durable, before it is.
"""

from collections.abc import Callable

from libc.stdint cimport int64_t, uint64_t

from lockstep.core.journal.format cimport mix
from lockstep.core.journal.writer cimport JournalWriter, Span
from lockstep.core.schema.records cimport RECORD_SIZE, SLOT_SIZE, CommandRecord
from lockstep.core.venue.agent cimport Agent
from lockstep.shm.bell cimport WAIT_COMMIT
from lockstep.shm.board cimport (
    WORD_ACKED_SEQ, WORD_COMMIT_BY, WORD_DURABLE_SEQ, WORD_GENERATION, WORD_JOURNAL_FULL, WORD_JOURNAL_READY, Board,
)
from lockstep.shm.ring cimport Consumer

from lockstep.core.diagnostics import log_lines
from lockstep.core.journal.end import chain_at
from lockstep.core.journal.journal import JournalError

cdef enum:
    SKIP_BATCH = 4096  # replayed records checked in a poll


cdef class Journaler(Agent):
    """Group commit: each poll takes all that the log holds, up to a batch, and returns once it is committed.

    At the start the router publishes the journal's own records again, from the first that the ring has: they are
    compared and freed, not written. Any error ends the process (LOG-20): its successor opens the journal again. While
    the disk has little room it says so, and the router takes no orders; on a full disk it takes what there is room for,
    and leaves the rest in the ring until space returns (LOG-29).

    When the board names another generation, the producer of this ring is dead: what it published is read to its end,
    and then the journaler goes on with the ring that `renew` gives (its generation, and the consumer), in which a
    router replays the journal again.

    One that `eases` syncs no more from the moment that commits wait for the other node's acknowledgement.
    """

    def __init__(
        self, log: Consumer, journal: JournalWriter, board: Board, generation: int = 1,
        renew: Callable[[], tuple[int, Consumer]] | None = None, eases: bool = False,
    ) -> None:
        self.name = "journaler"
        self.journal = journal
        self.board = board
        self.renew = renew
        self.eases = eases
        self.told_full = journal.nearly_full
        board.store(WORD_DURABLE_SEQ, journal.end.seq)
        board.store(WORD_JOURNAL_FULL, journal.nearly_full)
        self.begin(log, generation)

    cdef int begin(self, Consumer log, uint64_t generation) except -1:
        """Take records from `log` on, and say so where that is the ring in use."""
        journal = self.journal
        if log.next > journal.end.seq + 1:
            missing = f"{journal.end.seq + 1} to {log.next - 1}"
            raise JournalError(f"{journal.directory} lacks records {missing}, and the log ring has them no more")
        if log.next < journal.first_seq:
            raise JournalError(f"{journal.directory} begins at sequence {journal.first_seq}: no replay from {log.next}")
        self.replayed_chain = chain_at(journal.disk, log.next - 1)
        self.log = log
        self.generation = generation
        if self.board.load(WORD_GENERATION) <= generation:
            self.board.store(WORD_JOURNAL_READY, generation)
        return 0

    cdef int64_t poll(self, int64_t now_ns) except -1 nogil:
        """Commit one batch, or compare one of what is replayed; its number of records. Waits for the disk."""
        cdef bint is_over = self.board.load(WORD_GENERATION) > self.generation  # before looking at what is published
        cdef uint64_t first, count = self.log.available()
        self.journal.tend(now_ns)
        if self.journal.nearly_full != self.told_full:
            self.told_full = self.journal.nearly_full
            self.board.store(WORD_JOURNAL_FULL, self.told_full)
        if count == 0:
            return self.change_rings() if is_over else 0
        first = self.log.next
        if first <= self.journal.end.seq:
            count = min(count, SKIP_BATCH, self.journal.end.seq - first + 1)
            self.skip(first, count)
        else:
            if self.eases and self.journal.synced and self.board.load(WORD_COMMIT_BY) == WORD_ACKED_SEQ:
                self.journal.ease()
            count = self.journal.fitting(min(count, self.journal.max_batch))
            if count == 0:
                return 0
            self.commit(first, count)
            self.board.store(WORD_DURABLE_SEQ, self.journal.end.seq)
            if self.log.ring.bells is not None:
                self.log.ring.bells.wake_all(WAIT_COMMIT)
        self.log.release(first + count - 1)
        return <int64_t> count

    def close(self) -> None:
        """Stop in order: leave the mark that tells damage from a torn write. Where the disk refuses it, do without."""
        try:
            self.journal.finish()
        except OSError as error:
            log_lines.log.warning("journal_unmarked", reason=str(error))
        self.journal.close()

    cdef int64_t change_rings(self) except -1 nogil:
        """The ring of a core that is no more is empty: go on with its successor's (LOG-16)."""
        with gil:
            generation, log = self.renew()
            self.begin(log, generation)
        return 1

    cdef int commit(self, uint64_t first, uint64_t count) except -1 nogil:
        """Hand the slots to the writer as they lie in the ring: in one span, or two where the ring wraps."""
        cdef const char *slots = self.log.at(first) - (SLOT_SIZE - RECORD_SIZE)
        cdef const char *end = self.log.ring.slots + self.log.ring.header.capacity * SLOT_SIZE
        cdef uint64_t unwrapped = min(count, <uint64_t> (end - slots) // SLOT_SIZE)
        return self.journal.commit(Span(slots, unwrapped), Span(self.log.ring.slots, count - unwrapped))

    cdef int skip(self, uint64_t first, uint64_t count) except -1 nogil:
        """Check that replayed records are the journal's own, by sequence one by one and by chained hash at the end."""
        cdef const CommandRecord *record
        cdef uint64_t seq
        for seq in range(first, first + count):
            record = <const CommandRecord *> self.log.at(seq)
            if record.seq != seq:
                with gil:
                    raise JournalError(f"the log replays sequence {record.seq} where {seq} belongs")
            self.replayed_chain = mix(self.replayed_chain, seq, record.crc)
        if first + count - 1 == self.journal.end.seq and self.replayed_chain != self.journal.end.chain:
            with gil:
                raise JournalError(f"the log replayed up to {self.journal.end.seq} is not what the journal holds")
        return 0
