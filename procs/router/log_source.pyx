"""Where a starting router reads the log from: the journal on disk, or records that somebody has at hand.

It hands out records in order and checks nothing of what they say.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from shm.journal cimport JournalReader
from shm.records cimport RECORD_SIZE

from procs.router.settlement import ReplayError
from shm.journal_end import short_of


cdef class JournalSource:
    """Records of the log. `open` comes first, then `peek` and `advance` in turn.

    `is_followed`: the log is being written, and its end moves as often as `extend` says.
    """

    def open(self, uint64_t first, uint64_t last) -> None:
        """Begin with sequence `first`, directly behind `last` at most, behind which nothing is handed out."""
        raise NotImplementedError(type(self).__name__)

    def extend(self, uint64_t last) -> None:
        """Go on to `last`, which is committed by now. Does nothing before `open`, which is given the end."""
        raise NotImplementedError(type(self).__name__)

    def short_of(self, uint64_t seq, str reason) -> Exception:
        """The error for a log that ends with record `seq`, and has lost what came behind."""
        return ReplayError(reason)

    cdef const char *peek(self) except? NULL nogil:
        """The next record, valid until `advance`; NULL at the end."""
        return NULL

    cdef void advance(self) noexcept nogil:
        """Step behind the record that `peek` showed."""


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
