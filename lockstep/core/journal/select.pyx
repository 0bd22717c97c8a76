"""Finds in a journal the few records that define and administer, among the many that trade.

It reads a range of sequences once, from disk; it changes nothing, and knows only a record's type.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memset

from lockstep.core.journal.journal cimport JournalReader
from lockstep.core.schema.records cimport RECORD_SIZE, CommandRecord

from lockstep.core.journal.format import JournalError

cdef enum:
    RECORDS_A_BEAT = 1_000_000


def select(object directory, uint64_t first, uint64_t last, object types) -> list[bytes]:
    """The records `first` to `last` (which the journaler reported as durable) whose type is one of `types`, in order.

    JournalCorrupt, JournalError, OSError.
    """
    selection = Selection(directory, types)
    try:
        return selection.between(first, last)
    finally:
        selection.close()


def select_whole(object directory, uint64_t first, object types, object beat) -> list[bytes]:
    """As `select`, as far as the journal is whole: where it ends is the journaler's to say. OSError.

    `beat` is called again and again meanwhile.
    """
    cdef const char *record
    cdef JournalReader reader
    cdef uint64_t left
    cdef uint8_t[256] wanted
    memset(wanted, 0, sizeof(wanted))
    for type in types:
        wanted[<uint8_t> type] = 1
    found = []
    try:
        reader = JournalReader(directory, first)
    except (JournalError, FileNotFoundError):  # there is none yet, or the journaler will say what is wrong with it
        return found
    try:
        while True:
            left = RECORDS_A_BEAT
            with nogil:
                record = reader.peek()
                while record != NULL and left and not wanted[(<const CommandRecord *> record).type]:
                    reader.advance()
                    left -= 1
                    record = reader.peek()
            if record == NULL:
                return found
            if left:
                found.append(record[:RECORD_SIZE])
                reader.advance()
            else:
                beat()
    except JournalError:
        return found
    finally:
        reader.close()


cdef class Selection:
    """The same for a journal that grows: asked for successive ranges, it reads nothing twice."""

    cdef object directory
    cdef JournalReader reader
    cdef uint8_t[256] wanted

    def __init__(self, object directory, object types):
        self.directory = directory
        self.reader = None
        memset(self.wanted, 0, sizeof(self.wanted))
        for type in types:
            self.wanted[<uint8_t> type] = 1

    def between(self, uint64_t first, uint64_t last) -> list[bytes]:
        """As `select`. If it raises, the next call starts over."""
        cdef const char *record = NULL
        cdef JournalReader reader = self.reader
        if reader is not None and reader.next_seq == first:
            reader.limit = last
        else:
            self.close()
            reader = JournalReader(self.directory, first, last)
        self.reader = None
        found = []
        try:
            while True:
                with nogil:
                    record = reader.peek()
                    while record != NULL and not self.wanted[(<const CommandRecord *> record).type]:
                        reader.advance()
                        record = reader.peek()
                if record == NULL:
                    self.reader = reader
                    return found
                found.append(record[:RECORD_SIZE])
                reader.advance()
        finally:
            if self.reader is None:
                reader.close()

    def close(self) -> None:
        """Close the file; it can be used again."""
        if self.reader is not None:
            self.reader.close()
            self.reader = None
