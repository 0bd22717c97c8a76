"""Where a router reads a log that it did not sequence: the journal on disk, records in memory, or a log ring.

It hands out records in order, unchecked.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from lockstep.core.journal.journal cimport JournalReader
from lockstep.core.schema.records cimport RECORD_SIZE
from lockstep.shm.board cimport WORD_PROMOTED, Board
from lockstep.shm.ring cimport Consumer, record_at

from lockstep.core.journal.end import short_of
from lockstep.procs.router.settlement import ReplayError


cdef class JournalSource:
    """Records of the log. `open` comes first, then `peek` and `advance` in turn.

    `is_followed`: the log is still being written, and `extend` moves its end.
    """

    def open(self, uint64_t first, uint64_t last) -> None:
        """Begin with sequence `first` (at most `last` + 1); nothing after `last` is handed out."""
        raise NotImplementedError(type(self).__name__)

    def extend(self, uint64_t last) -> None:
        """Go on to `last`, which is committed by now. Does nothing before `open`, which gets the end."""
        raise NotImplementedError(type(self).__name__)

    def short_of(self, uint64_t seq, str reason) -> Exception:
        """The error for a log that ends with record `seq` and has lost what followed."""
        return ReplayError(reason)

    cdef const char *peek(self) except? NULL nogil:
        """The next record, valid until `advance`; NULL at the end."""
        return NULL

    cdef void advance(self) noexcept nogil:
        """Step behind the record that `peek` showed."""

    cdef void release(self, uint64_t seq) noexcept nogil:
        """All up to `seq` is done, and what came of it is published."""


cdef class RecordList(JournalSource):
    """A log in memory, for verification, simulation and tests: `records` from sequence `first` on."""

    def __init__(self, list records, uint64_t first=1):
        self.records = records
        self.first = first

    def open(self, uint64_t first, uint64_t last) -> None:
        if first < self.first:
            raise ValueError(f"the log begins at sequence {self.first}: {first} is not there")
        self.at = first - self.first
        self.is_open = True
        self.extend(last)

    def extend(self, uint64_t last) -> None:
        if self.is_open:
            self.end = min(last - self.first + 1, len(self.records))

    cdef const char *peek(self) except? NULL nogil:
        if self.at == self.end:
            return NULL
        with gil:
            memcpy(self.record, <const char *> (<bytes> self.records[self.at]), RECORD_SIZE)
        return self.record

    cdef void advance(self) noexcept nogil:
        self.at += 1


cdef class Journal(JournalSource):
    """The journal in `directory`, once the journaler has opened it and cut what was torn."""

    def __init__(self, object directory):
        self.directory = directory

    def open(self, uint64_t first, uint64_t last) -> None:
        self.first = first
        self.is_open = True
        self.extend(last)

    def extend(self, uint64_t last) -> None:
        if not self.is_open:
            return
        if self.reader is not None:
            self.reader.limit = max(self.reader.limit, last)
        elif self.first <= last:
            self.reader = JournalReader(self.directory, self.first, last)

    def short_of(self, uint64_t seq, str reason) -> Exception:
        return short_of(self.directory, seq, reason)

    cdef const char *peek(self) except? NULL nogil:
        if self.reader is None:
            return NULL
        return self.reader.peek()

    cdef void advance(self) noexcept nogil:
        self.reader.advance()


cdef class LogRing(JournalSource):
    """The router's end of a log ring that another agent fills, until `board` says that this node is promoted.

    Matchers read it beside the router: what they tell ahead of their marker waits (LOG-9).
    PROMOTED is stored once that agent has ended: what is published by then is all that there will be. From then on the
    router fills the ring itself, and this end only moves along.
    """

    def __init__(self, Consumer ring, Board board):
        self.ring = ring
        self.board = board
        self.is_followed = True

    def open(self, uint64_t first, uint64_t last) -> None:
        if self.ring.next != first:
            raise ReplayError(f"the log ring goes on at {self.ring.next}, and the state is of record {first - 1}")
        self.at = self.end = first

    def extend(self, uint64_t last) -> None:
        """The ring says itself how far it is."""

    cdef const char *peek(self) except? NULL nogil:
        cdef bint is_promoted
        if self.at == self.end:
            is_promoted = self.board.load(WORD_PROMOTED) != 0  # before looking at what is published
            self.end = self.ring.next + self.ring.available()
            if self.at == self.end:
                self.is_followed = not is_promoted
                return NULL
        return record_at(self.ring, self.at)

    cdef void advance(self) noexcept nogil:
        self.at += 1

    cdef void release(self, uint64_t seq) noexcept nogil:
        self.ring.release(seq)
