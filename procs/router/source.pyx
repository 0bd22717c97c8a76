"""Where a starting router reads the log from: the journal on disk, or records that somebody has at hand.

It hands out records in order and checks nothing of what they say.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from shm.journal cimport JournalReader
from shm.records cimport RECORD_SIZE


cdef class JournalSource:
    """Records of the log from sequence 1. `open` comes first, then `peek` and `advance` in turn."""

    def open(self, uint64_t last) -> None:
        """Begin. Nothing behind sequence `last` is handed out."""
        raise NotImplementedError(type(self).__name__)

    cdef const char *peek(self) except? NULL nogil:
        """The next record, valid until `advance`; NULL at the end."""
        return NULL

    cdef void advance(self) noexcept nogil:
        """Step behind the record that `peek` showed."""


cdef class RecordList(JournalSource):
    """A log in memory, for verification, simulation and tests: `records` from sequence 1 on."""

    def __init__(self, list records):
        self.records = records

    def open(self, uint64_t last) -> None:
        self.end = min(last, len(self.records))

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

    def open(self, uint64_t last) -> None:
        if last > 0:
            self.reader = JournalReader(self.directory, 1, last)

    cdef const char *peek(self) except? NULL nogil:
        if self.reader is None:
            return NULL
        return self.reader.peek()

    cdef void advance(self) noexcept nogil:
        self.reader.advance()
